package catalog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Marshal writes the definition in the form that makecat reads, lines ending in CR LF.
// What the form cannot express (a line break in a value, a label with "=", more than a
// line holds) is an error: the text is read again, and has to say the same.
func (c *CDF) Marshal() ([]byte, error) {
	w := NewCDFWriter(c)
	for _, f := range c.Files {
		w.Add(f)
	}
	return w.Finish()
}

// CDFWriter writes a definition file by file, without holding them all.
type CDFWriter struct {
	header     CDF
	buf        bytes.Buffer
	headerSize int
	part       []CDFFile // written, but not read again yet
	partStart  int
	open       []string // folded labels, each of which all after it begin with
	problems   []error
}

// readAtOnce is how many files are read again at a time: what is read takes several
// times the memory of the text.
const readAtOnce = 1000

// NewCDFWriter begins a definition with the header of c; its Files are not written.
func NewCDFWriter(c *CDF) *CDFWriter {
	w := &CDFWriter{header: *c}
	w.header.Files = nil
	w.line("[CatalogHeader]")
	w.pair("Name", c.Name)
	if c.ResultDir != "" {
		w.pair("ResultDir", c.ResultDir)
	}
	w.pair("CatalogVersion", fmt.Sprint(int(c.Version)))
	if c.Version == V2 {
		w.pair("HashAlgorithms", "SHA256")
	}
	if c.PageHashes {
		w.pair("PageHashes", "true")
	}
	w.attributes("CATATTR", c.Attributes)
	w.line("")
	w.line("[CatalogFiles]")
	w.headerSize, w.partStart = w.buf.Len(), w.buf.Len()
	return w
}

// Add writes a file. What is wrong with it, Finish says.
func (w *CDFWriter) Add(f CDFFile) {
	if w.reach(f.Label); len(w.part) >= readAtOnce && len(w.open) == 1 {
		w.readAgain()
	}
	w.part = append(w.part, f)
	w.pair(f.Label, f.Path)
	if f.PageHashes != nil {
		w.pair(f.Label+"PageHashes", fmt.Sprint(*f.PageHashes))
	}
	if f.Kind != KindUnknown {
		w.pair(f.Label+"ALTSIPID", kindGUIDs[f.Kind])
	}
	w.attributes(f.Label+"ATTR", f.Attributes)
}

// reach keeps account of the labels from which makecat reads on into the next one, as
// long as keys begin with them.
func (w *CDFWriter) reach(label string) {
	key := foldKey(label)
	w.open = append(slices.DeleteFunc(w.open, func(o string) bool { return !strings.HasPrefix(key, o) }), key)
}

// Finish returns the text, or all that is wrong with it.
func (w *CDFWriter) Finish() ([]byte, error) {
	w.readAgain()
	if len(w.problems) > 0 {
		return nil, errors.Join(w.problems...)
	}
	return w.buf.Bytes(), nil
}

// readAgain reads the last part after the header as makecat does, and says where it
// reads otherwise, such as where one label continues another.
func (w *CDFWriter) readAgain() {
	if len(w.problems) == 0 {
		text := w.buf.Bytes()
		if err := w.compare(slices.Concat(text[:w.headerSize], text[w.partStart:])); err != nil {
			w.problems = append(w.problems, fmt.Errorf("writing catalog definition: %w", err))
		}
	}
	w.part, w.partStart = w.part[:0], w.buf.Len()
}

func (w *CDFWriter) compare(text []byte) error {
	again, err := ParseCDF(bytes.NewReader(text))
	if err != nil && len(w.part) == 0 {
		return fmt.Errorf("it cannot be expressed: %w", err)
	}
	if err != nil {
		return fmt.Errorf("it cannot be expressed (header and what begins with %s): %w", w.part[0].Label, err)
	}
	if len(again.Files) != len(w.part) {
		return fmt.Errorf("of %d files makecat would read %d; some label continues another", len(w.part), len(again.Files))
	}
	for i, f := range w.part {
		if !again.Files[i].equal(f) {
			return fmt.Errorf("%s=%s would be read differently", f.Label, f.Path)
		}
	}
	h := w.header
	if !slices.EqualFunc(again.Attributes, h.Attributes, Attribute.equal) || again.Name != h.Name || again.ResultDir != h.ResultDir {
		return errors.New("the header would be read differently")
	}
	return nil
}

func (f CDFFile) equal(g CDFFile) bool {
	return f.Label == g.Label && f.Path == g.Path && f.Kind == g.Kind && slices.EqualFunc(f.Attributes, g.Attributes, Attribute.equal) &&
		(f.PageHashes == nil) == (g.PageHashes == nil) && (f.PageHashes == nil || *f.PageHashes == *g.PageHashes)
}

func (w *CDFWriter) line(s string) { w.buf.WriteString(s + "\r\n") }

func (w *CDFWriter) pair(key, value string) {
	if strings.ContainsFunc(key+value, unicode.IsControl) || strings.Contains(key, "=") || key == "" {
		w.problems = append(w.problems, fmt.Errorf("writing catalog definition: %q=%q cannot be expressed", key, value))
		return
	}
	w.line(key + "=" + value)
}

func (w *CDFWriter) attributes(prefix string, attrs []Attribute) {
	for i, a := range attrs {
		value, ok := a.Text()
		if a.Flags&FlagBinary != 0 {
			value, ok = base64.StdEncoding.EncodeToString(a.Value), true
		}
		if !ok {
			w.problems = append(w.problems, fmt.Errorf("writing catalog definition: the text of attribute %s is malformed", a.Name))
		}
		w.pair(fmt.Sprintf("%s%d", prefix, i+1), fmt.Sprintf("0x%08X:%s:%s", uint32(a.Flags), a.Name, value))
	}
}

// Source opens the files that a definition names.
type Source func(path string) (Input, error)

// Input is an open file.
type Input struct {
	Reader io.ReaderAt
	Size   int64
	Close  func() error
}

// Build makes the catalog that the definition describes. Every file that cannot be read
// or listed is in the error. Files of equal contents are listed one by one, as makecat
// does.
func (c *CDF) Build(ctx context.Context, open Source, when time.Time, listID [16]byte) (*Catalog, error) {
	b, err := NewBuilder(Options{Version: c.Version, PageHashes: c.PageHashes, Attributes: asMakecat(c.Attributes), Time: when,
		ListID: listID, KeepDuplicates: true, defined: true})
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, f := range c.Files {
		if err := f.add(ctx, b, open); err != nil {
			problems = append(problems, err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return b.Catalog()
}

func (f CDFFile) add(ctx context.Context, b *Builder, open Source) error {
	in, err := open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	o := b.DigestOptions()
	o.Kind = f.Kind
	if f.PageHashes != nil {
		o.PageHashes = *f.PageHashes
	}
	d, err := Digest(ctx, in.Reader, in.Size, o)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return b.Add(File{Name: f.Path, Tag: f.Tag(), Attributes: asMakecat(f.Attributes), Digests: d})
}
