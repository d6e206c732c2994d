package catalog

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

var errMalformed = errors.New("name and value are malformed")

// oidName is what CryptCATOpen does on the flag 0x2: it decodes the value as a
// structure of that type, and gives up if it cannot.
const oidName = "attribute %s is named by an object identifier that Windows cannot decode a value of; it does not open such a catalog"

// maxFindings bounds what is said about one catalog.
const maxFindings = 100

// Findings lists what is wrong or unusual about a catalog that could be read: things
// that no tool of Microsoft writes, that keep Windows from finding a member, or that it
// ignores. It is empty for a sound catalog. It does not judge the signature.
func (c *Catalog) Findings() []string {
	f := &findings{c: c}
	f.whole()
	for i := range c.Members {
		f.member(i)
	}
	if f.more > 0 {
		f.out = append(f.out, fmt.Sprintf("and %d more", f.more))
	}
	return f.out
}

type findings struct {
	c    *Catalog
	out  []string
	more int
}

func (f *findings) add(format string, args ...any) {
	if len(f.out) >= maxFindings {
		f.more++
		return
	}
	f.out = append(f.out, fmt.Sprintf(format, args...))
}

func (f *findings) whole() {
	c := f.c
	if len(c.Members) == 0 {
		f.add("the list has no members")
	}
	if len(c.ListID) != 16 {
		f.add("the list identifier has %d bytes, not the 16 of a GUID", len(c.ListID))
	}
	for i, e := range c.Extensions {
		if !e.OID.Equal(cms.OIDCatalogNameValue) {
			f.add("extension %d is of type %v, not a catalog attribute", i, e.OID)
		} else if a, err := parseNameValue(e.Value); err != nil {
			f.add("extension %d: %v", i, err)
		} else if a.unreadable() {
			f.add("the catalog: "+oidName, a.Name)
		}
	}
	if c.SignedData == nil {
		return
	}
	if n := c.SignedData.Trailing; n > 0 {
		f.add("%d bytes after the PKCS#7", n)
	}
	for _, si := range c.SignedData.Signers {
		if _, ok := si.UnsignedAttr(cms.OIDNestedSignature); ok {
			f.add("the signature has another one nested in it, which Windows ignores in catalogs")
		}
	}
}

func (f *findings) member(i int) {
	m := f.c.Members[i]
	if i > 0 && compareIDs(f.c.Version, f.c.Members[i-1].ID, m.ID) > 0 {
		f.add("member %d (%s) is out of order: Windows may not find it", i, m.Tag())
	}
	f.digest(i, m)
	if m.Kind() == KindUnknown && m.SubjectGUID() == "" {
		f.add("member %d (%s) does not say what kind of file it is", i, m.Tag())
	}
	m.nameValues(func(a Attribute, err error) {
		if err != nil {
			f.add("member %d (%s): attribute: %v", i, m.Tag(), err)
		} else if a.unreadable() {
			f.add("member %d (%s): "+oidName, i, m.Tag(), a.Name)
		}
	})
	f.order(i, m)
}

// digest: the identifier of a member is its digest, and Windows looks for it.
func (f *findings) digest(i int, m Member) {
	h, key, byHash := m.key(f.c.Version)
	if !byHash && f.c.Version == V2 {
		f.add("member %d: the identifier of %d bytes is not a SHA-1 or SHA-256 digest", i, len(m.ID))
	}
	stored, digest, ok := m.Digest()
	if !ok {
		if f.c.Version != V2 || !m.Compat() {
			f.add("member %d (%s) has no digest that can be read", i, m.Tag())
		}
		return
	}
	switch {
	case byHash && stored == h && !bytes.Equal(digest, key):
		f.add("member %d: its tag %s is not its digest %s", i, m.Tag(), hashTag(digest))
	case stored != crypto.SHA1 && stored != crypto.SHA256:
		f.add("member %d (%s) has a %v digest, by which Windows does not look files up", i, m.Tag(), stored)
	}
}

// order: attributes are a SET OF, which DER sorts (X.690 11.6).
func (f *findings) order(i int, m Member) {
	set := cryptobyte.String(m.attributes)
	var last []byte
	for !set.Empty() {
		el := []byte(set)
		if _, _, ok := readAttribute(&set); !ok {
			return
		}
		el = el[:len(el)-len(set)]
		if bytes.Compare(last, el) > 0 {
			f.add("member %d (%s): attributes are not in DER order", i, m.Tag())
			return
		}
		last = el
	}
}
