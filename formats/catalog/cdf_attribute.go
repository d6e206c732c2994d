package catalog

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
)

// attribute reads flags:name:value, and takes what makecat takes. The name keeps its
// spaces, the value also its colons.
func (p *cdfParser) attribute(at int, s string) (Attribute, bool) {
	flags, rest, ok := strings.Cut(s, ":")
	name, value, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 || value == "" {
		p.fail(at, "attribute %q is not flags:name:value", s)
		return Attribute{}, false
	}
	a := Attribute{Name: name, Flags: Flags(wcstol(flags, 16))}
	if err := a.defined(); err != nil {
		p.fail(at, "%v", err)
		return a, false
	}
	if a.Flags&FlagBinary == 0 {
		a.Value = utf16LE(value)
	} else if a.Value = decodeBase64(value); a.Value == nil {
		p.fail(at, "attribute %s: flag 0x20000 needs a value in base64, and this is not", a.Name)
		return a, false
	}
	if a.Flags&FlagNameOID != 0 {
		p.warn(at, "attribute %s: makecat writes an empty value where the name is an object identifier (flag 0x2), and Windows does not open "+
			"catalogs with such an attribute; give it a name in text (flag 0x1)", a.Name)
	}
	return a, true
}

// replace puts a new value into the attribute of the same name that was defined last
// (flag 0x40000, of the catalog only). The value is text, whatever the flags say.
// Without such an attribute makecat reads no more of them.
func (p *cdfParser) replace(at int, a Attribute, line string) bool {
	for i, old := range slices.Backward(p.cdf.Attributes) {
		if old.Name == a.Name {
			_, line, _ = strings.Cut(line, ":")
			_, text, _ := strings.Cut(line, ":")
			p.cdf.Attributes[i].Value = utf16LE(text)
			return true
		}
	}
	p.warn(at, "attribute %s: flag 0x40000 replaces a value, and there is none of that name; makecat reads no attributes after it", a.Name)
	return false
}

// defined holds an attribute to what makecat takes in a definition: of the two kinds of
// names and of values it wants at least one each, and an object identifier wins over
// text, as bytes do.
func (a Attribute) defined() error {
	switch {
	case a.Flags&FlagNameOID != 0 && strings.Trim(a.Name, "0123456789.") != "":
		return fmt.Errorf("attribute %s: flag 0x2 says that the name is an object identifier (digits and dots)", a.Name)
	case a.Flags&FlagUnauthenticated != 0:
		return fmt.Errorf("attribute %s: flag 0x20000000 (unauthenticated) is not supported in catalogs; everything in the list is signed", a.Name)
	case a.Flags&(FlagNameText|FlagNameOID) == 0:
		return fmt.Errorf("attribute %s: flags 0x%08x must say 0x1 (name is text) or 0x2 (name is an object identifier)", a.Name, uint32(a.Flags))
	case a.Flags&(FlagText|FlagBinary) == 0:
		return fmt.Errorf("attribute %s: flags 0x%08x must say 0x10000 (value is text) or 0x20000 (value is bytes)", a.Name, uint32(a.Flags))
	case a.Flags&FlagNameOID != 0 && encodedByWindows(a.Name):
		return fmt.Errorf("attribute %s: makecat would take the value for the structure in memory that Windows encodes under this object identifier "+
			"(CryptEncodeObject); give it a name in text (flag 0x1)", a.Name)
	}
	return nil
}

// encodedByWindows says that an object identifier may be one for which Windows has an
// encoder: those of RSA, Microsoft, PKIX, X9, X.500, NIST and Netscape (wincrypt.h,
// "szOID_…").
func encodedByWindows(oid string) bool {
	return slices.ContainsFunc([]string{"1.2.840.", "1.3.6.1.4.1.311.", "1.3.6.1.5.5.7.", "1.3.14.", "1.3.132.", "2.5.", "2.16.840."},
		func(arc string) bool { return strings.HasPrefix(oid, arc) })
}

// unreadable says that Windows cannot read the attribute, and so the catalog.
func (a Attribute) unreadable() bool { return a.Flags&FlagNameOID != 0 && !encodedByWindows(a.Name) }

// asMakecat returns attributes as makecat writes them. It hands the value of one with
// an object identifier for a name to CryptEncodeObject as a structure of that type;
// there is no encoder of that type, and what remains is empty.
func asMakecat(attrs []Attribute) []Attribute {
	out := slices.Clone(attrs)
	for i, a := range out {
		if a.Flags&FlagNameOID != 0 {
			out[i].Value = nil
		}
	}
	return out
}

// decodeBase64 decodes a value, in which Windows passes over white space. It returns
// nil for what is not base64 or holds no bytes.
func decodeBase64(s string) []byte {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, s)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// wcstol reads a number as the C function of that name does with a long of 32 bits:
// white space, a sign, in base 16 perhaps 0x, and as many digits as there are. What
// does not fit becomes the greatest or the least number.
func wcstol(s string, base int64) int32 {
	s = strings.TrimLeft(s, " \t\v\f")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if base == 16 && len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		s = s[2:]
	}
	n := int64(0)
	for _, c := range s {
		d := digit(c)
		if d >= base {
			break
		}
		n = min(n*base+d, math.MaxInt32+1)
	}
	if negative {
		return int32(-n)
	}
	return int32(min(n, math.MaxInt32))
}

// digit is the value of a digit, 16 for what is none.
func digit(c rune) int64 {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0')
	case c >= 'a' && c <= 'f':
		return int64(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int64(c-'A') + 10
	}
	return 16
}
