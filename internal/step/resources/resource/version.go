package resource

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"

	"github.com/hallmark-dev/hallmark/formats/peimage/resource"
)

// Version is the version information of one program (VS_VERSIONINFO).
type Version struct {
	// File and Product are the four parts that programs compare.
	File    [4]uint16
	Product [4]uint16
	// FileText and ProductText are what people read.
	FileText    string
	ProductText string
	// Prerelease sets VS_FF_PRERELEASE.
	Prerelease bool
	// OriginalFilename such as app.exe, InternalName such as app. App
	// Control's FileName rules compare the first.
	OriginalFilename string
	InternalName     string
	// Strings by language identifier (see package language), at least one.
	Strings map[uint16]Strings
}

// Strings are what depends on the language. Empty ones are left out.
type Strings struct {
	Company, Product, Description, Copyright, Trademarks, Comments string
}

// maxString bounds each string, in UTF-16 code units. The lengths in the
// structure have 16 bits and count bytes (VS_VERSIONINFO, wLength).
const maxString = 2048

// ParseVersion reads a version of one to four decimal parts of 16 bits, such
// as 1.2.3.0. Missing parts are 0.
func ParseVersion(s string) ([4]uint16, error) {
	var v [4]uint16
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return v, fmt.Errorf("the version %q has more than four parts", s)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return v, fmt.Errorf("part %d of the version %q is not a number from 0 to 65535", i+1, s)
		}
		v[i] = uint16(n)
	}
	return v, nil
}

// merge sets the version information and keeps what a program's own has
// beyond it: other keys and other languages. The numbers, names and versions
// are replaced in all languages, since a program has only one version.
func (v *Version) merge(t table) error {
	if len(v.Strings) == 0 {
		return fmt.Errorf("the version information has no language")
	}
	languages, err := readAll(t)
	if err != nil {
		return err
	}
	for language, s := range v.Strings {
		if languages[language] == nil {
			languages[language] = map[string]string{}
		}
		s.into(languages[language])
	}
	for language, strings := range languages {
		v.common(strings)
		b, err := v.encode(language, strings)
		if err != nil {
			return err
		}
		t[key{winres.RT_VERSION, winres.ID(1), language}] = b
	}
	return nil
}

// readAll reads the strings of all version information that a program has,
// by language of the resource. Only number 1 is what Windows shows.
func readAll(t table) (map[uint16]map[string]string, error) {
	languages := map[uint16]map[string]string{}
	for _, k := range t.each(winres.RT_VERSION, winres.ID(1)) {
		have, err := resource.ParseVersion(t[k])
		if err != nil {
			return nil, fmt.Errorf("reading the existing version information (language %#04x): %w", k.language, err)
		}
		languages[k.language] = map[string]string{}
		maps.Copy(languages[k.language], have.Strings(k.language))
	}
	return languages, nil
}

func (s Strings) into(strings map[string]string) {
	for key, value := range map[string]string{
		version.CompanyName: s.Company, version.ProductName: s.Product, version.FileDescription: s.Description,
		version.LegalCopyright: s.Copyright, version.LegalTrademarks: s.Trademarks, version.Comments: s.Comments,
	} {
		if value != "" {
			strings[key] = value
		}
	}
}

func (v *Version) common(strings map[string]string) {
	strings[version.FileVersion], strings[version.ProductVersion] = v.FileText, v.ProductText
	strings[version.OriginalFilename], strings[version.InternalName] = v.OriginalFilename, v.InternalName
}

// encode makes one structure for one language: Windows looks for languages
// among resources, not inside the structure.
func (v *Version) encode(language uint16, strings map[string]string) ([]byte, error) {
	info := version.Info{FileVersion: v.File, ProductVersion: v.Product, Type: version.App}
	info.Flags.Prerelease = v.Prerelease
	total := 0
	for name, value := range strings {
		if value == "" {
			continue
		}
		if err := checkString(name, value); err != nil {
			return nil, err
		}
		if err := info.Set(language, name, value); err != nil {
			return nil, fmt.Errorf("setting %s of the version information: %v", name, err)
		}
		total += 2*units(name) + 2*units(value) + 16 // headers, zeros, padding
	}
	if total > 0xf000 { // leaves room for the headers around the table
		return nil, fmt.Errorf("the version information of language %#04x has about %d bytes; the format allows 65535", language, total)
	}
	return info.Bytes(), nil
}

func checkString(key, value string) error {
	if n := units(value); n > maxString {
		return fmt.Errorf("%s of the version information has %d characters, more than %d", key, n, maxString)
	}
	for _, r := range value {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return fmt.Errorf("%s of the version information holds the control character %#02x", key, r)
		}
	}
	return nil
}

// units is the length in UTF-16 code units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
