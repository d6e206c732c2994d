package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Flags of an attribute (mscat.h, CRYPTCAT_ATTR_*; Microsoft, MakeCat, "CATATTR1").
type Flags uint32

// The flags.
const (
	FlagNameText        Flags = 0x00000001 // the name is text
	FlagNameOID         Flags = 0x00000002 // the name is an object identifier; not with text, see CDF
	FlagText            Flags = 0x00010000 // the value is text
	FlagBinary          Flags = 0x00020000 // the value is bytes; base64 in a CDF
	FlagReplace         Flags = 0x00040000 // CRYPTCAT_ATTR_DATAREPLACE: in a CDF, replaces the value of a catalog's attribute
	FlagNoSHA1          Flags = 0x01000000 // not copied to the SHA-1 entry beside; tells the maker, never in a file
	FlagAuthenticated   Flags = 0x10000000 // covered by the signature, as every attribute in a list is
	FlagUnauthenticated Flags = 0x20000000 // not supported by makecat, nor here
)

// Attribute is a named value of a member or of a whole catalog (CAT_NAMEVALUE,
// 1.3.6.1.4.1.311.12.2.1).
type Attribute struct {
	Name  string
	Flags Flags
	// Value is as in the file: text is UTF-16, little endian, with a NUL at the end.
	Value []byte
}

// Text makes a text attribute with the usual flags 0x10010001.
func Text(name, value string) Attribute {
	return Attribute{Name: name, Flags: FlagAuthenticated | FlagText | FlagNameText, Value: utf16LE(value)}
}

// Binary makes an attribute of bytes.
func Binary(name string, value []byte) Attribute {
	return Attribute{Name: name, Flags: FlagAuthenticated | FlagBinary | FlagNameText, Value: value}
}

// Text returns the value of a text attribute; ok is false for one of bytes.
func (a Attribute) Text() (s string, ok bool) {
	if a.Flags&(FlagText|FlagBinary) != FlagText {
		return "", false
	}
	return textLE(a.Value)
}

func (a Attribute) equal(b Attribute) bool {
	return a.Name == b.Name && a.Flags == b.Flags && bytes.Equal(a.Value, b.Value)
}

// check holds an attribute to what Windows reads again. That is less than a definition
// may say (defined).
func (a Attribute) check() error {
	switch {
	case a.Name == "":
		return errors.New("attribute without a name")
	case !utf8.ValidString(a.Name) || strings.ContainsRune(a.Name, 0):
		return fmt.Errorf("attribute name %q is not valid text", a.Name)
	case a.Flags&FlagUnauthenticated != 0:
		return fmt.Errorf("attribute %s: flag 0x20000000 (unauthenticated) is not supported in catalogs; everything in the list is signed", a.Name)
	case a.Flags&FlagNameOID != 0:
		return fmt.Errorf("attribute %s: flag 0x2 (the name is an object identifier): Windows does not open a catalog with such an attribute unless it can "+
			"decode the value as what the identifier names; give it a name in text (flag 0x1)", a.Name)
	case a.Flags&FlagNameText == 0:
		return fmt.Errorf("attribute %s: flags 0x%08x must say 0x1 (name is text)", a.Name, uint32(a.Flags))
	case (a.Flags&FlagText != 0) == (a.Flags&FlagBinary != 0):
		return fmt.Errorf("attribute %s: flags 0x%08x must say either 0x10000 (value is text) or 0x20000 (value is bytes)", a.Name, uint32(a.Flags))
	}
	return nil
}

// marshal writes CAT_NAMEVALUE ::= SEQUENCE { name BMPString, flags INTEGER, value OCTET STRING }.
func (a Attribute) marshal() []byte {
	return tlv(tagSequence, tlv(tagBMP, utf16BE(a.Name)), flagsTLV(a.Flags&^FlagNoSHA1), tlv(tagOctets, a.Value))
}

// attribute writes it as an attribute of a member.
func (a Attribute) attribute() []byte {
	return tlv(tagSequence, oidNameValue, tlv(tagSet, a.marshal()))
}

func parseNameValue(der []byte) (Attribute, error) {
	in := cryptobyte.String(der)
	var seq, name, value cryptobyte.String
	var flags int64 // signed in wintrust
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1(&name, cbasn1.Tag(tagBMP)) ||
		!seq.ReadASN1Integer(&flags) || flags > 1<<32-1 || flags < -1<<31 || !seq.ReadASN1(&value, cbasn1.OCTET_STRING) || !seq.Empty() || len(name)%2 != 0 {
		return Attribute{}, errors.New("name and value are malformed")
	}
	return Attribute{Name: textBE(name), Flags: Flags(flags), Value: value}, nil
}
