package catalog

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CDF is a catalog definition file, makecat's input (Microsoft, "MakeCat"): an INI file with the sections [CatalogHeader] and
// [CatalogFiles].
type CDF struct {
	Name       string // of the catalog
	ResultDir  string // where it goes, besides the current folder
	Version    Version
	PageHashes bool
	Attributes []Attribute
	Files      []CDFFile
}

// CDFFile is one line of [CatalogFiles] with those that belong to it.
type CDFFile struct {
	// Label is the key. One that starts with "<HASH>" stands for a member tagged by its hash; any other is the tag itself.
	Label      string
	Path       string
	Kind       Kind // from ALTSIPID, else KindUnknown: by what the file is
	Attributes []Attribute
	Line       int
}

// hashLabel marks labels of members that are tagged by their hash.
const hashLabel = "<HASH>"

// Tag returns the member's tag, empty for its hash.
func (f CDFFile) Tag() string {
	if len(f.Label) >= len(hashLabel) && strings.EqualFold(f.Label[:len(hashLabel)], hashLabel) {
		return ""
	}
	return f.Label
}

// Limits on foreign definition files.
const (
	maxCDFLine = 32 << 10
	maxCDFSize = 256 << 20
)

// ParseCDF reads a definition file in UTF-8 (makecat takes the system's ANSI code page, which is the same for ASCII). All
// problems are returned at once, joined, each with its line number.
func ParseCDF(r io.Reader) (*CDF, error) {
	p := &cdfParser{cdf: &CDF{Version: V1}, labels: map[string]int{}}
	in := bufio.NewScanner(io.LimitReader(r, maxCDFSize))
	in.Buffer(make([]byte, 4096), maxCDFLine)
	for in.Scan() {
		p.line++
		p.read(strings.TrimPrefix(in.Text(), "\ufeff"))
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("reading catalog definition: line %d: %w", p.line+1, err)
	}
	p.finish()
	if len(p.problems) > 0 {
		return nil, fmt.Errorf("reading catalog definition: %w", errors.Join(p.problems...))
	}
	return p.cdf, nil
}

type cdfParser struct {
	cdf      *CDF
	line     int
	section  string
	labels   map[string]int // upper-case label to index in Files
	hashes   string
	version  string
	problems []error
}

func (p *cdfParser) fail(format string, args ...any) {
	if len(p.problems) < maxFindings {
		p.problems = append(p.problems, fmt.Errorf("line %d: "+format, append([]any{p.line}, args...)...))
	}
}

func (p *cdfParser) read(line string) {
	text := strings.TrimRight(line, "\r")
	if strings.TrimSpace(text) == "" || strings.HasPrefix(strings.TrimSpace(text), ";") {
		return
	}
	if !utf8.ValidString(text) {
		p.fail("not valid UTF-8")
		return
	}
	if s := strings.TrimSpace(text); s[0] == '[' && s[len(s)-1] == ']' {
		p.section = strings.ToLower(s)
		if p.section != "[catalogheader]" && p.section != "[catalogfiles]" {
			p.fail("section %s is not [CatalogHeader] or [CatalogFiles]", s)
		}
		return
	}
	key, value, ok := strings.Cut(text, "=")
	key = strings.TrimSpace(key)
	if !ok || key == "" {
		p.fail("%q is not key=value", text)
		return
	}
	switch p.section {
	case "[catalogheader]":
		p.header(key, value)
	case "[catalogfiles]":
		p.file(key, value)
	default:
		p.fail("%q stands before the first section", text)
	}
}

func (p *cdfParser) header(key, value string) {
	trimmed := strings.TrimSpace(value)
	switch k := strings.ToLower(key); {
	case k == "name":
		p.cdf.Name = trimmed
	case k == "resultdir":
		p.cdf.ResultDir = trimmed
	case k == "catalogversion":
		p.version = trimmed
	case k == "hashalgorithms":
		p.hashes = trimmed
	case k == "pagehashes":
		p.cdf.PageHashes = p.boolean(key, trimmed)
	case k == "publicversion", k == "encodingtype": // makecat reads both and writes neither
	case strings.HasPrefix(k, "catattr"):
		if a, ok := p.attribute(value); ok {
			p.cdf.Attributes = append(p.cdf.Attributes, a)
		}
	default:
		p.fail("unknown key %s in [CatalogHeader]", key)
	}
}

func (p *cdfParser) boolean(key, value string) bool {
	switch strings.ToLower(value) {
	case "true":
		return true
	case "false":
		return false
	}
	p.fail("%s is %q, not true or false", key, value)
	return false
}

// file takes a line of [CatalogFiles]: of a new member, or one that adds to a member above, whose label its key starts with.
func (p *cdfParser) file(key, value string) {
	upper := strings.ToUpper(key)
	if i, ok := p.labels[strings.TrimRight(upper, "0123456789")]; ok && i < 0 {
		if a, ok := p.attribute(value); ok {
			p.cdf.Files[-i-1].Attributes = append(p.cdf.Files[-i-1].Attributes, a)
		}
		return
	}
	if label, ok := strings.CutSuffix(upper, "ALTSIPID"); ok {
		if i, known := p.labels[label]; known && i > 0 {
			k, err := kindOfGUID(value)
			if err != nil {
				p.fail("%v", err)
			}
			p.cdf.Files[i-1].Kind = k
			return
		}
	}
	if i := p.labels[upper]; i > 0 {
		p.fail("label %s is taken in line %d", key, p.cdf.Files[i-1].Line)
		return
	}
	if strings.TrimSpace(value) == "" {
		p.fail("%s names no file", key)
		return
	}
	p.cdf.Files = append(p.cdf.Files, CDFFile{Label: key, Path: strings.TrimSpace(value), Line: p.line})
	p.labels[upper] = len(p.cdf.Files)
	p.labels[upper+"ATTR"] = -len(p.cdf.Files)
}

// attribute reads flags:name:value. The value may hold colons and keeps its spaces.
func (p *cdfParser) attribute(s string) (Attribute, bool) {
	parts := strings.SplitN(s, ":", 3)
	if len(parts) < 3 || parts[2] == "" {
		p.fail("attribute %q is not flags:name:value", s)
		return Attribute{}, false
	}
	flags, err := strconv.ParseUint(strings.TrimSpace(parts[0]), 0, 32)
	if err != nil {
		p.fail("attribute flags %q are not a number of 32 bits", parts[0])
		return Attribute{}, false
	}
	a := Attribute{Name: strings.TrimSpace(parts[1]), Flags: Flags(flags)}
	if a.Flags&FlagBinary == 0 {
		a.Value = utf16LE(parts[2])
	} else if a.Value, err = base64.StdEncoding.DecodeString(strings.TrimSpace(parts[2])); err != nil {
		p.fail("attribute %s: value is not base64: %v", a.Name, err)
		return a, false
	}
	if err := a.check(); err != nil {
		p.fail("%v", err)
		return a, false
	}
	return a, true
}

// finish judges what only the whole file tells: version 1 means SHA-1, version 2 SHA-256, and version 2 has no free tags.
func (p *cdfParser) finish() {
	p.line++
	switch {
	case p.cdf.Name == "":
		p.fail("[CatalogHeader] has no Name")
	case p.version == "2" && strings.EqualFold(p.hashes, "SHA256"):
		p.cdf.Version = V2
	case p.version == "2":
		p.fail("CatalogVersion=2 needs HashAlgorithms=SHA256, not %q", p.hashes)
	case p.version != "" && p.version != "1":
		p.fail("CatalogVersion %q is not 1 or 2", p.version)
	case p.hashes != "" && !strings.EqualFold(p.hashes, "SHA1"):
		p.fail("HashAlgorithms %q: version 1 has SHA1 only (CatalogVersion=2 has SHA256)", p.hashes)
	}
	if len(p.cdf.Files) == 0 {
		p.fail("[CatalogFiles] lists no file")
	}
	for _, f := range p.cdf.Files {
		if p.cdf.Version == V2 && f.Tag() != "" {
			p.line = f.Line
			p.fail("label %s: in version 2 every label starts with %s", f.Label, hashLabel)
		}
	}
}
