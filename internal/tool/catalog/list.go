package catalog

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// listing is what List says about a catalog.
type listing struct {
	File       string      `json:"file"`
	Version    int         `json:"version"`
	ListID     string      `json:"list_id"`
	Updated    time.Time   `json:"updated"`
	Signed     bool        `json:"signed"`
	Attributes []attribute `json:"attributes,omitempty"`
	Members    []member    `json:"members"`
	Findings   []string    `json:"findings,omitempty"`
}

type member struct {
	Tag        string      `json:"tag"`
	Kind       string      `json:"kind"`
	Algorithm  string      `json:"algorithm,omitempty"`
	Digest     string      `json:"digest,omitempty"`
	PageHashes string      `json:"page_hashes,omitempty"`
	Attributes []attribute `json:"attributes,omitempty"`
}

type attribute struct {
	Name  string `json:"name"`
	Flags string `json:"flags"`
	Text  string `json:"text,omitempty"`
	Bytes string `json:"bytes,omitempty"`
}

// List writes what catalogs hold to w, as text or JSON. It judges
// nothing.
func List(w io.Writer, in string, asJSON bool) error {
	files, err := args.Files{In: in}.Expand()
	if err != nil {
		return err
	}
	var all []listing
	var errs []error
	for _, f := range files {
		l, err := read(f)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", printable.Text(f), err))
			continue
		}
		all = append(all, l)
	}
	if asJSON {
		b, err := printable.JSON(all)
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", b)
		}
		return errors.Join(append(errs, err)...)
	}
	for _, l := range all {
		l.print(w)
	}
	return errors.Join(errs...)
}

func read(file string) (listing, error) {
	der, err := args.ReadFile(file)
	if err != nil {
		return listing{}, err
	}
	c, err := catalog.Parse(der)
	if err != nil {
		return listing{}, err
	}
	l := listing{File: file, Version: int(c.Version), ListID: fmt.Sprintf("%X", c.ListID), Updated: c.Updated.UTC(), Signed: c.Signed(),
		Attributes: attributesOf(c.Attributes()), Findings: c.Findings()}
	for _, m := range c.Members {
		e := member{Tag: m.Tag(), Kind: m.Kind().String(), Attributes: attributesOf(m.Attributes())}
		if h, d, ok := m.Digest(); ok {
			e.Algorithm, e.Digest = h.String(), fmt.Sprintf("%X", d)
		}
		if h, _, ok := m.PageHashes(); ok {
			e.PageHashes = h.String()
		}
		l.Members = append(l.Members, e)
	}
	return l, nil
}

func attributesOf(attrs []catalog.Attribute) []attribute {
	var out []attribute
	for _, a := range attrs {
		e := attribute{Name: a.Name, Flags: fmt.Sprintf("0x%08X", uint32(a.Flags))}
		if s, ok := a.Text(); ok {
			e.Text = s
		} else {
			e.Bytes = fmt.Sprintf("%X", a.Value)
		}
		out = append(out, e)
	}
	return out
}

func (l listing) print(w io.Writer) {
	state := "not signed"
	if l.Signed {
		state = "signed (" + command.Line("catalog:check") + " judges it)"
	}
	fmt.Fprintf(w, "%s: catalog of version %d, %s, %d entries\n", printable.Text(l.File), l.Version, state, len(l.Members))
	fmt.Fprintf(w, "  list   %s of %s\n", l.ListID, l.Updated.Format(time.RFC3339))
	for _, a := range l.Attributes {
		fmt.Fprintf(w, "  %s\n", a)
	}
	for _, m := range l.Members {
		fmt.Fprintf(w, "  %-7s %s\n", m.Kind, printable.Text(m.Tag))
		if m.Digest != "" && m.Digest != m.Tag {
			fmt.Fprintf(w, "          %s %s\n", m.Algorithm, m.Digest)
		}
		if m.PageHashes != "" {
			fmt.Fprintf(w, "          page hashes, %s\n", m.PageHashes)
		}
		for _, a := range m.Attributes {
			fmt.Fprintf(w, "          %s\n", a)
		}
	}
	for _, f := range l.Findings {
		fmt.Fprintf(w, "  unusual: %s\n", printable.Text(fmt.Sprint(f)))
	}
}

// String is name and value; the usual flags go without saying.
func (a attribute) String() string {
	s := printable.Text(a.Name) + ": "
	if a.Bytes != "" {
		s += "bytes " + a.Bytes
	} else {
		s += `"` + strings.ReplaceAll(strconv.Quote(a.Text), `\\`, `\`)[1:]
	}
	if a.Flags != "0x10010001" {
		s += " (flags " + a.Flags + ")"
	}
	return s
}
