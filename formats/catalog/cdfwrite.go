package catalog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Marshal writes the definition in the form that makecat reads, lines ending in CR LF. What the form cannot express (a line break
// in a value, a label with "=") is an error.
func (c *CDF) Marshal() ([]byte, error) {
	w := &cdfWriter{}
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
	for _, f := range c.Files {
		w.pair(f.Label, f.Path)
		if f.Kind != KindUnknown {
			w.pair(f.Label+"ALTSIPID", kindGUIDs[f.Kind])
		}
		w.attributes(f.Label+"ATTR", f.Attributes)
	}
	return w.buf.Bytes(), errors.Join(w.problems...)
}

type cdfWriter struct {
	buf      bytes.Buffer
	problems []error
}

func (w *cdfWriter) line(s string) { w.buf.WriteString(s + "\r\n") }

func (w *cdfWriter) pair(key, value string) {
	if strings.ContainsFunc(key+value, unicode.IsControl) || strings.Contains(key, "=") || key == "" {
		w.problems = append(w.problems, fmt.Errorf("writing catalog definition: %q=%q cannot be expressed", key, value))
		return
	}
	w.line(key + "=" + value)
}

func (w *cdfWriter) attributes(prefix string, attrs []Attribute) {
	for i, a := range attrs {
		value := base64.StdEncoding.EncodeToString(a.Value)
		if a.Flags&FlagText != 0 {
			var ok bool
			if value, ok = a.Text(); !ok {
				w.problems = append(w.problems, fmt.Errorf("writing catalog definition: the text of attribute %s is malformed", a.Name))
			}
		}
		if strings.Contains(a.Name, ":") {
			w.problems = append(w.problems, fmt.Errorf("writing catalog definition: attribute name %q holds a colon", a.Name))
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

// Build makes the catalog that the definition describes. Every file that cannot be read or listed is in the error.
// Files of equal contents are listed one by one, as makecat does.
func (c *CDF) Build(ctx context.Context, open Source, when time.Time, listID [16]byte) (*Catalog, error) {
	b, err := NewBuilder(Options{Version: c.Version, PageHashes: c.PageHashes, Attributes: c.Attributes, Time: when,
		ListID: listID, KeepDuplicates: true})
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
	d, err := Digest(ctx, in.Reader, in.Size, o)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return b.Add(File{Name: f.Path, Tag: f.Tag(), Attributes: f.Attributes, Digests: d})
}
