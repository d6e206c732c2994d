package catalog

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Options says what catalog a Builder makes. The zero value makes one of version 2 with
// SHA-1 entries, as makecat does.
type Options struct {
	Version Version // 0 means V2
	// Time of the list, in whole seconds; zero means now.
	Time time.Time
	// ListID is the list's identifier; zero derives one from the contents, so that
	// equal files give equal catalogs.
	ListID [16]byte
	// NoSHA1 leaves the SHA-1 entries of version 2 out. Callers of the older catalog
	// functions then do not find members.
	NoSHA1 bool
	// PageHashes lists hashes of every page of PE files, too.
	PageHashes bool
	// Attributes of the catalog as a whole.
	Attributes []Attribute
	// KeepDuplicates lists files of equal contents one by one, as makecat does.
	// PowerShell's Test-FileCatalog needs that, for it reads one path of each entry.
	// Otherwise the first file stands for all: Windows looks for the digest and needs
	// one.
	KeepDuplicates bool

	// defined says that the attributes are those of a definition, which may be what a
	// caller may not ask for.
	defined bool
}

// File is one file to list.
type File struct {
	// Name is for messages and Duplicates.
	Name string
	// Tag names the member in version 1; empty means its hash, by which alone Windows
	// finds it. Version 2 has no tags.
	Tag        string
	Attributes []Attribute
	Digests    *Digests
}

// Duplicate is a file that was not listed because one of equal contents was.
type Duplicate struct{ Name, Of string }

// Builder collects files and makes a catalog of them. It is not for concurrent use; Digest is.
type Builder struct {
	o          Options
	members    []Member
	first      map[string]string // identifier to the name of the file that has it
	duplicates []Duplicate
}

// NewBuilder starts a catalog. It fails on options that contradict one another.
func NewBuilder(o Options) (*Builder, error) {
	if o.Version == 0 {
		o.Version = V2
	}
	if o.Version != V1 && o.Version != V2 {
		return nil, fmt.Errorf("making catalog: version %d is not 1 or 2", o.Version)
	}
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	o.Time = o.Time.UTC().Truncate(time.Second)
	if y := o.Time.Year(); y < 1950 || y > 9999 {
		return nil, fmt.Errorf("making catalog: year %d cannot be written (1950 to 9999)", y)
	}
	if err := o.checkAttributes(o.Attributes); err != nil {
		return nil, fmt.Errorf("making catalog: %w", err)
	}
	return &Builder{o: o, first: map[string]string{}}, nil
}

func (o Options) checkAttributes(attrs []Attribute) error {
	check := Attribute.check
	if o.defined {
		check = Attribute.defined
	}
	for _, a := range attrs {
		if err := check(a); err != nil {
			return err
		}
	}
	return nil
}

// Hashes returns what Add wants in File.Digests.
func (b *Builder) Hashes() []crypto.Hash {
	switch {
	case b.o.Version == V1:
		return []crypto.Hash{crypto.SHA1}
	case b.o.NoSHA1:
		return []crypto.Hash{crypto.SHA256}
	}
	return bothHashes
}

// DigestOptions returns the options by which Digest computes what Add wants.
func (b *Builder) DigestOptions() DigestOptions {
	return DigestOptions{Hashes: b.Hashes(), PageHashes: b.o.PageHashes}
}

// AddFile hashes a file and adds it.
func (b *Builder) AddFile(ctx context.Context, name string, r io.ReaderAt, size int64, attrs ...Attribute) error {
	d, err := Digest(ctx, r, size, b.DigestOptions())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return b.Add(File{Name: name, Attributes: attrs, Digests: d})
}

// Add adds a file.
func (b *Builder) Add(f File) error {
	if err := b.check(f); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	h := b.Hashes()[0]
	id := f.Digests.Hash[h]
	if b.o.Version == V1 {
		tag := f.Tag
		if tag == "" {
			tag = hashTag(id)
		}
		id = utf16LE(tag)
	}
	if of, ok := b.first[string(id)]; ok && !b.o.KeepDuplicates {
		if f.Tag != "" {
			return fmt.Errorf("%s: tag %q is taken by %s", f.Name, f.Tag, of)
		}
		b.duplicates = append(b.duplicates, Duplicate{f.Name, of})
		return nil
	}
	m, err := newMember(b.o.Version, id, f.Digests, h, f.Attributes)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if !b.o.KeepDuplicates {
		b.first[string(id)] = f.Name
	}
	b.members = append(b.members, m)
	if b.o.Version == V2 && !b.o.NoSHA1 {
		b.members = append(b.members, compatMember(f.Digests, f.Attributes))
	}
	return nil
}

func (b *Builder) check(f File) error {
	if f.Digests == nil {
		return errors.New("no digests")
	}
	for _, h := range b.Hashes() {
		if len(f.Digests.Hash[h]) != h.Size() {
			return fmt.Errorf("no %v digest", h)
		}
	}
	if f.Tag != "" && b.o.Version != V1 {
		return fmt.Errorf("tag %q: members of version 2 are named by their hash only", f.Tag)
	}
	if strings.ContainsAny(f.Tag, "=\x00") || !utf8.ValidString(f.Tag) {
		return fmt.Errorf("tag %q: not valid text without '='", f.Tag)
	}
	if len(utf16.Encode([]rune(f.Tag))) > maxTag {
		return fmt.Errorf("tag %.40q…: longer than %d characters", f.Tag, maxTag)
	}
	return b.o.checkAttributes(f.Attributes)
}

// Duplicates returns the files that were left out because of equal contents, in the
// order of adding.
func (b *Builder) Duplicates() []Duplicate { return b.duplicates }

// Catalog makes the catalog. A catalog of no members is an error: it would list nothing
// and still look valid.
func (b *Builder) Catalog() (*Catalog, error) {
	if len(b.members) == 0 {
		return nil, errors.New("making catalog: no files")
	}
	members := inListOrder(b.o.Version, b.members)
	c := &Catalog{Version: b.o.Version, Updated: b.o.Time, Members: members, Extensions: extensions(b.o.Attributes)}
	c.ListID = b.o.ListID[:]
	if b.o.ListID == [16]byte{} {
		c.ListID = c.derivedID()
	}
	return c, nil
}

// extensions makes the list's extensions of the catalog's attributes; makecat writes
// the last one first.
func extensions(attrs []Attribute) []Extension {
	var out []Extension
	for _, a := range attrs {
		out = append(out, Extension{OID: cms.OIDCatalogNameValue, Value: a.marshal()})
	}
	slices.Reverse(out)
	return out
}

// derivedID is a GUID of version 4 made of the contents instead of chance: SHA-256 over
// version, members and extensions.
func (c *Catalog) derivedID() []byte {
	h := sha256.New()
	h.Write([]byte{byte(c.Version)})
	var buf []byte
	for _, m := range c.Members {
		buf = m.appendTo(buf[:0])
		h.Write(buf)
	}
	h.Write(c.marshalExtensions())
	id := h.Sum(nil)[:16]
	id[7] = id[7]&0x0f | 0x40 // Data3 is little endian: the version is in its second byte
	id[8] = id[8]&0x3f | 0x80
	return id
}
