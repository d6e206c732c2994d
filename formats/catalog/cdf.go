package catalog

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// CDF is a catalog definition file, makecat's input (Microsoft, "MakeCat"): an INI file
// with the sections [CatalogHeader] and [CatalogFiles].
type CDF struct {
	Name       string // of the catalog
	ResultDir  string // where it goes, besides the current folder
	Version    Version
	PageHashes bool
	Attributes []Attribute
	Files      []CDFFile
	// Warnings are about what ParseCDF read otherwise than it looks, because makecat does.
	Warnings []CDFWarning
}

// CDFFile is one line of [CatalogFiles] with those that belong to it.
type CDFFile struct {
	// Label is the key. One that starts with "<HASH>" stands for a member tagged by its
	// hash; any other is the tag itself.
	Label string
	Path  string
	Kind  Kind // from ALTSIPID, else KindUnknown: by what the file is
	// PageHashes overrides those of the whole definition; nil does not.
	PageHashes *bool
	Attributes []Attribute
	Line       int
}

// CDFWarning is about a line of a definition of which makecat loses something. The
// catalog is then what makecat makes.
type CDFWarning struct {
	Line int
	Text string
}

func (w CDFWarning) String() string { return fmt.Sprintf("line %d: %s", w.Line, w.Text) }

// hashLabel marks labels of members that are tagged by their hash.
const hashLabel = "<HASH>"

// Tag returns the member's tag, empty for its hash.
func (f CDFFile) Tag() string {
	if len(f.Label) >= len(hashLabel) && strings.EqualFold(f.Label[:len(hashLabel)], hashLabel) {
		return ""
	}
	return f.Label
}

// Output returns the name of the catalog as makecat writes it, relative to the folder
// in which it runs: in ResultDir, and with the extension CAT if nothing in it has one.
func (c *CDF) Output() string {
	name := c.Name
	if c.ResultDir != "" {
		name = strings.TrimSuffix(c.ResultDir, `\`) + `\` + name
	}
	if !strings.Contains(name, ".") {
		name += ".CAT"
	}
	return name
}

// ParseCDF reads a definition file (UTF-8) as makecat does, which is not how INI files
// are read elsewhere: keys are looked up one by one by how lines begin, attributes by
// their number until one is missing, and what nothing asks for is not read. What
// makecat refuses is an error, what it loses is in Warnings. All problems are returned
// at once, joined, each with its line number.
func ParseCDF(r io.Reader) (*CDF, error) {
	lines, cut, err := readCDFLines(r)
	if err != nil {
		return nil, fmt.Errorf("reading catalog definition: %w", err)
	}
	p := &cdfParser{cdf: &CDF{Version: V1}, lines: lines}
	if cut {
		p.warn(len(lines)-1, "the line has 2048 bytes or more: makecat takes it for the end of the file")
	}
	p.header()
	p.files()
	p.unread()
	if len(p.problems) > 0 {
		return nil, fmt.Errorf("reading catalog definition: %w", errors.Join(p.problems...))
	}
	slices.SortStableFunc(p.cdf.Warnings, func(a, b CDFWarning) int { return a.Line - b.Line })
	return p.cdf, nil
}

type cdfParser struct {
	cdf      *CDF
	lines    []cdfLine
	looked   int // lines looked at so far
	problems []error
}

// maxLooks bounds the search for keys. Labels that begin with one another are the worst
// case, and no tool writes many of them.
const maxLooks = 1 << 30

// fail says what makecat would refuse. at is the line's index, len(lines) for the end of the file.
func (p *cdfParser) fail(at int, format string, args ...any) {
	if len(p.problems) >= maxFindings {
		return
	}
	p.problems = append(p.problems, fmt.Errorf("line %d: "+format, append([]any{p.number(at)}, args...)...))
}

func (p *cdfParser) number(at int) int {
	switch {
	case at < len(p.lines):
		return p.lines[at].number
	case at == 0:
		return 1
	}
	return p.lines[len(p.lines)-1].number + 1
}

func (p *cdfParser) warn(at int, format string, args ...any) {
	if len(p.cdf.Warnings) < maxFindings {
		p.cdf.Warnings = append(p.cdf.Warnings, CDFWarning{p.number(at), fmt.Sprintf(format, args...)})
	}
}

// section returns the index of the first line after a section's name.
func (p *cdfParser) section(name string) (int, bool) {
	name = foldKey(name)
	for i := range p.lines {
		if l := &p.lines[i]; l.section() && strings.HasPrefix(foldKey(l.text()), name) {
			l.used = true
			return i + 1, true
		}
	}
	return len(p.lines), false
}

// text is the whole line.
func (l cdfLine) text() string {
	if l.pair {
		return l.key + "=" + l.value
	}
	return l.key
}

// param looks for the first line from the given one on whose key begins with item, and
// returns its index and value. The search ends with the section and, if there is a
// label, with the first key that does not begin with it. An empty value is none.
func (p *cdfParser) param(from int, item, label string) (at int, value string, ok bool) {
	item, label = foldKey(item), foldKey(label)
	for i := from; i < len(p.lines); i++ {
		p.looked++
		switch l := &p.lines[i]; {
		case l.comment() || !l.pair && !l.section():
		case l.section() || !strings.HasPrefix(l.folded, label) || p.looked > maxLooks:
			return i, "", false
		case strings.HasPrefix(l.folded, item):
			l.used = true
			return i, l.value, l.value != ""
		}
	}
	return len(p.lines), "", false
}

func (p *cdfParser) header() {
	from, ok := p.section("[CatalogHeader]")
	if !ok {
		p.fail(0, "there is no section [CatalogHeader]%s", p.byteOrderMark())
		return
	}
	get := func(item string) (int, string) {
		at, value, _ := p.param(from, item, "")
		return at, value
	}
	at, name := get("Name")
	if p.cdf.Name = strings.TrimSpace(name); p.cdf.Name == "" {
		p.fail(at, "[CatalogHeader] has no Name")
	}
	_, p.cdf.ResultDir = get("ResultDir")
	p.cdf.ResultDir = strings.TrimSpace(p.cdf.ResultDir)
	p.version(get)
	if at, v := get("EncodingType"); v != "" && wcstol(v, 16) != 0x00010001 {
		p.fail(at, "EncodingType %q: only 0x00010001 can be written", v)
	}
	if at, v := get("PageHashes"); v != "" {
		p.cdf.PageHashes = !strings.EqualFold(v, "false")
		if p.cdf.PageHashes && !strings.EqualFold(v, "true") {
			p.warn(at, "PageHashes=%s: makecat takes anything but \"false\" for true", v)
		}
	}
	_, _ = get("PublicVersion") // in Microsoft's examples; makecat does not read it, and nothing is lost
	p.catalogAttributes(from)
}

// byteOrderMark explains why the first section was not found.
func (p *cdfParser) byteOrderMark() string {
	if len(p.lines) > 0 && strings.HasPrefix(p.lines[0].key, "\ufeff") {
		return ": the file begins with a byte order mark, for which makecat does not see it; save it without"
	}
	return ""
}

// version judges the catalog version and the hash algorithms: 1 has SHA-1 alone, 2 SHA-256.
func (p *cdfParser) version(get func(string) (int, string)) {
	at, text := get("CatalogVersion")
	_, hashes := get("HashAlgorithms")
	version := int32(1)
	if text != "" {
		version = wcstol(text, 10)
	}
	switch {
	case version == 2 && strings.EqualFold(hashes, "SHA256"):
		p.cdf.Version = V2
	case version == 2:
		p.fail(at, "CatalogVersion=2 needs HashAlgorithms=SHA256, not %q", hashes)
	case version != 1:
		p.fail(at, "CatalogVersion %q is not 1 or 2", text)
	case hashes != "" && !strings.EqualFold(hashes, "SHA1"):
		p.fail(at, "HashAlgorithms %q: version 1 has SHA1 only (CatalogVersion=2 has SHA256)", hashes)
	}
}

// catalogAttributes reads CATATTR1, CATATTR2, … until one is missing.
func (p *cdfParser) catalogAttributes(from int) {
	for n := 1; ; n++ {
		at, value, ok := p.param(from, "CATATTR"+strconv.Itoa(n), "")
		if !ok {
			return
		}
		a, ok := p.attribute(at, value)
		if ok && a.Flags&FlagReplace != 0 {
			ok = p.replace(at, a, value)
		} else if ok {
			p.cdf.Attributes = append(p.cdf.Attributes, a)
		}
		if !ok {
			return
		}
	}
}

// files reads the members. Each label is looked up again from its own line on, with
// what belongs to it.
func (p *cdfParser) files() {
	at, ok := p.section("[CatalogFiles]")
	if ok {
		at, ok = p.firstLabel(at)
	}
	if !ok {
		p.fail(len(p.lines), "[CatalogFiles] lists no file")
	}
	for ok {
		p.file(at)
		at, ok = p.nextLabel(at)
		if p.looked > maxLooks {
			p.fail(at, "too many labels begin with one another")
			return
		}
	}
}

func (p *cdfParser) firstLabel(from int) (int, bool) {
	for i := from; i < len(p.lines) && !p.lines[i].section(); i++ {
		if p.lines[i].pair && !p.lines[i].comment() {
			return i, true
		}
	}
	return 0, false
}

// nextLabel finds the label after that of the given line: the next key that is neither
// the same nor the label with one of the suffixes.
func (p *cdfParser) nextLabel(at int) (int, bool) {
	label := p.lines[at].key
	found := false
	for i := p.lines[at].from; i < len(p.lines) && !p.lines[i].section(); i++ {
		l := p.lines[i]
		switch same := sameLabel(l.key, label); {
		case !l.pair || l.comment():
		case !found:
			found = same
		case !same && !hasSuffixOf(l, label):
			return i, true
		}
	}
	return 0, false
}

// hasSuffixOf says that a line belongs to the label before it.
func hasSuffixOf(l cdfLine, label string) bool {
	for _, suffix := range []string{"PageHashes", "ALTSIPID", "ATTR"} {
		if strings.HasPrefix(l.folded, foldKey(label+suffix)) {
			return true
		}
	}
	return false
}

// sameLabel compares as _wcsicmp does, which knows the letters A to Z.
func sameLabel(a, b string) bool {
	lower := func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	return strings.Map(lower, a) == strings.Map(lower, b)
}

// maxTag is the longest tag that CryptCATPutMemberInfo takes, in UTF-16 units.
const maxTag = 128

func (p *cdfParser) file(at int) {
	l := &p.lines[at]
	label, from := l.key, l.from
	f := CDFFile{Label: label, Line: l.number}
	l.used = true
	_, path, ok := p.param(from, label, label)
	if f.Path = strings.TrimRight(path, " "); !ok || f.Path == "" { // Windows drops spaces at the end of names
		p.fail(at, "%s names no file", label)
		return
	}
	if tag := f.Tag(); tag != "" && p.cdf.Version == V2 {
		p.fail(at, "label %s: in version 2 every label starts with %s%s", label, hashLabel, semicolon(label))
	} else if len(utf16.Encode([]rune(tag))) > maxTag {
		p.fail(at, "label %.40s…: tags have up to %d characters", label, maxTag)
	}
	if at, v, ok := p.param(from, label+"PageHashes", label); ok {
		on := strings.EqualFold(v, "true")
		if !on && !strings.EqualFold(v, "false") {
			p.warn(at, "%sPageHashes=%s: makecat takes anything but \"true\" for false", label, v)
		}
		f.PageHashes = &on
	}
	if at, v, ok := p.param(from, label+"ALTSIPID", label); ok {
		var err error
		if f.Kind, err = kindOfGUID(v); err != nil {
			p.fail(at, "%v", err)
		}
	}
	f.Attributes = p.memberAttributes(from, label)
	p.cdf.Files = append(p.cdf.Files, f)
}

// semicolon is a hint for those who expect comments as in other INI files.
func semicolon(label string) string {
	if strings.HasPrefix(strings.TrimSpace(label), ";") {
		return " (comments start with #)"
	}
	return ""
}

// memberAttributes reads the label's ATTR1, ATTR2, … until one is missing.
func (p *cdfParser) memberAttributes(from int, label string) []Attribute {
	var attrs []Attribute
	for n := 1; ; n++ {
		at, value, ok := p.param(from, label+"ATTR"+strconv.Itoa(n), label)
		if !ok {
			return attrs
		}
		a, ok := p.attribute(at, value)
		if !ok {
			return attrs
		}
		attrs = append(attrs, a)
	}
}

// unread warns of every line that nothing asked for, so that nothing is lost in silence.
func (p *cdfParser) unread() {
	for i, l := range p.lines {
		text := strings.TrimSpace(l.text())
		switch {
		case l.tooLong:
			p.warn(i, "the line is longer than the 1023 characters, its end included, that makecat takes, and is not read")
		case l.badUTF8 && l.used:
			p.warn(i, "not UTF-8: makecat puts U+FFFD for what it cannot read")
		case l.used || l.comment() || text == "" || !l.pair && strings.HasPrefix(text, ";"):
		case strings.Contains(strings.ToUpper(l.key), "ATTR") && l.pair:
			p.warn(i, "%s is not read: attributes are looked up by number, from 1 until one is missing, next to what they belong to", l.key)
		default:
			p.warn(i, "%q is not read by makecat", text)
		}
	}
}
