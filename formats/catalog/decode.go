package catalog

import (
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Parse reads a catalog, signed or not, of any version, made by any tool: members may stand in any order, attributes too, and
// may be of unknown types; all of it is kept. Findings says what of it is unusual. The Catalog refers to b.
//
// What is not a PKCS#7 gives a *cms.ParseError, what holds no readable list a *FormatError.
func Parse(b []byte) (*Catalog, error) {
	sd, err := cms.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("reading catalog: %w", err)
	}
	if !sd.ContentType.Equal(cms.OIDCTL) {
		return nil, &FormatError{0, "contentType", fmt.Sprintf("%v is not that of a catalog (%v)", sd.ContentType, cms.OIDCTL)}
	}
	c := &Catalog{SignedData: sd}
	d := decoder{c: c, size: len(sd.Content)}
	if err := d.list(sd.Content); err != nil {
		return nil, err
	}
	return c, nil
}

// decoder reads a list of size bytes. Everything is read in order, so that what is left tells where a problem is.
type decoder struct {
	c    *Catalog
	size int
	rest int // bytes of the list after the sequence that is being read
}

func (d *decoder) fail(left cryptobyte.String, field, format string, args ...any) error {
	return &FormatError{max(0, d.size-d.rest-len(left)), field, fmt.Sprintf(format, args...)}
}

func (d *decoder) list(content []byte) error {
	in := cryptobyte.String(content)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
		return d.fail(in, "CTL", "not exactly one SEQUENCE")
	}
	if err := d.head(&seq); err != nil {
		return err
	}
	if err := d.algorithm(&seq); err != nil {
		return err
	}
	if err := d.members(&seq); err != nil {
		return err
	}
	if err := d.extensions(&seq); err != nil {
		return err
	}
	if !seq.Empty() {
		return d.fail(seq, "CTL", "%d bytes after the last field", len(seq))
	}
	return nil
}

// head reads everything before subjectAlgorithm; nearly all of it is optional.
func (d *decoder) head(seq *cryptobyte.String) error {
	d.c.version = d.optional(seq, tagInteger)
	at := *seq
	if d.c.usage = d.optional(seq, tagSequence); d.c.usage == nil {
		return d.fail(at, "subjectUsage", "not a SEQUENCE")
	}
	if err := d.checkUsage(at); err != nil {
		return err
	}
	if id := d.optional(seq, tagOctets); id != nil {
		s := cryptobyte.String(id)
		var v cryptobyte.String
		s.ReadASN1(&v, cbasn1.OCTET_STRING)
		d.c.ListID = v
	}
	d.c.sequence = d.optional(seq, tagInteger)
	at = *seq
	if d.c.updated = d.time(seq); d.c.updated == nil {
		return d.fail(at, "thisUpdate", "not a time")
	}
	var err error
	if d.c.Updated, err = parseTime(d.c.updated); err != nil {
		return d.fail(at, "thisUpdate", "%v", err)
	}
	d.c.nextUpdated = d.time(seq)
	return nil
}

// optional reads an element of the given tag with its header, or nothing.
func (d *decoder) optional(seq *cryptobyte.String, tag byte) []byte {
	var el cryptobyte.String
	if !seq.PeekASN1Tag(cbasn1.Tag(tag)) || !seq.ReadASN1Element(&el, cbasn1.Tag(tag)) {
		return nil
	}
	return el
}

func (d *decoder) time(seq *cryptobyte.String) []byte {
	if t := d.optional(seq, tagUTCTime); t != nil {
		return t
	}
	return d.optional(seq, tagTime)
}

// checkUsage tells catalogs from the other uses of CTLs (root lists, disallowed certificates).
func (d *decoder) checkUsage(at cryptobyte.String) error {
	s := cryptobyte.String(d.c.usage)
	var usages cryptobyte.String
	s.ReadASN1(&usages, cbasn1.SEQUENCE)
	for !usages.Empty() {
		var oid asn1.ObjectIdentifier
		if !usages.ReadASN1ObjectIdentifier(&oid) {
			return d.fail(at, "subjectUsage", "not a list of OBJECT IDENTIFIERs")
		}
		if oid.Equal(cms.OIDCatalogList) {
			return nil
		}
	}
	return d.fail(at, "subjectUsage", "this list is not a catalog: its usages lack %v", cms.OIDCatalogList)
}

func (d *decoder) algorithm(seq *cryptobyte.String) error {
	at := *seq
	if d.c.algorithm = d.optional(seq, tagSequence); d.c.algorithm == nil {
		return d.fail(at, "subjectAlgorithm", "not a SEQUENCE")
	}
	s := cryptobyte.String(d.c.algorithm)
	var alg cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
		return d.fail(at, "subjectAlgorithm", "not an AlgorithmIdentifier")
	}
	switch {
	case oid.Equal(cms.OIDCatalogMemberV1):
		d.c.Version = V1
	case oid.Equal(cms.OIDCatalogMemberV2):
		d.c.Version = V2
	default:
		return d.fail(at, "subjectAlgorithm", "%v is neither catalog version 1 (%v) nor 2 (%v)", oid, cms.OIDCatalogMemberV1, cms.OIDCatalogMemberV2)
	}
	return nil
}

// MaxMembers is how many members a catalog may have. Those of Windows itself have some ten thousand.
const MaxMembers = 1 << 18

// members reads trustedSubjects, which a list of no members lacks.
func (d *decoder) members(seq *cryptobyte.String) error {
	if !seq.PeekASN1Tag(cbasn1.SEQUENCE) {
		return nil
	}
	at := *seq
	var list cryptobyte.String
	if !seq.ReadASN1(&list, cbasn1.SEQUENCE) {
		return d.fail(at, "trustedSubjects", "not a complete SEQUENCE")
	}
	d.rest = len(*seq)
	defer func() { d.rest = 0 }()
	for i := 0; !list.Empty(); i++ {
		at := list
		if i == MaxMembers {
			return d.fail(at, "trustedSubjects", "more than %d members are not read", MaxMembers)
		}
		m, problem := readMember(&list)
		if problem != "" {
			return d.fail(at, fmt.Sprintf("trustedSubjects[%d]", i), "%s", problem)
		}
		d.c.Members = append(d.c.Members, m)
	}
	return nil
}

// readMember reads one TrustedSubject and checks the outline of its attributes, so that nothing that reads them later can fail
// half-way.
func readMember(list *cryptobyte.String) (m Member, problem string) {
	var subject, id, set cryptobyte.String
	if !list.ReadASN1(&subject, cbasn1.SEQUENCE) {
		return m, "not a complete SEQUENCE"
	}
	if !subject.ReadASN1(&id, cbasn1.OCTET_STRING) {
		return m, "subjectIdentifier is not an OCTET STRING"
	}
	if !subject.Empty() && !subject.ReadASN1(&set, cbasn1.SET) {
		return m, "attributes are not a SET"
	}
	if !subject.Empty() {
		return m, "bytes after the attributes"
	}
	m = Member{ID: id, attributes: set}
	for !set.Empty() {
		if _, _, ok := readAttribute(&set); !ok {
			return m, "attribute is not SEQUENCE { OBJECT IDENTIFIER, SET }"
		}
	}
	return m, ""
}

// readAttribute reads one attribute and the contents of its SET.
func readAttribute(set *cryptobyte.String) (oid asn1.ObjectIdentifier, values cryptobyte.String, ok bool) {
	var attr cryptobyte.String
	ok = set.ReadASN1(&attr, cbasn1.SEQUENCE) && attr.ReadASN1ObjectIdentifier(&oid) && attr.ReadASN1(&values, cbasn1.SET) && attr.Empty()
	return oid, values, ok
}

func (d *decoder) extensions(seq *cryptobyte.String) error {
	at := *seq
	var explicit, list cryptobyte.String
	var present bool
	if !seq.ReadOptionalASN1(&explicit, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return d.fail(at, "extensions", "not complete")
	}
	if !present {
		return nil
	}
	if !explicit.ReadASN1(&list, cbasn1.SEQUENCE) || !explicit.Empty() {
		return d.fail(at, "extensions", "not exactly one SEQUENCE")
	}
	for i := 0; !list.Empty(); i++ {
		var ext, value cryptobyte.String
		var e Extension
		ok := list.ReadASN1(&ext, cbasn1.SEQUENCE) && ext.ReadASN1ObjectIdentifier(&e.OID)
		if ok && ext.PeekASN1Tag(cbasn1.BOOLEAN) {
			ok = ext.ReadASN1Boolean(&e.Critical)
		}
		if !ok || !ext.ReadASN1(&value, cbasn1.OCTET_STRING) || !ext.Empty() {
			return d.fail(at, fmt.Sprintf("extensions[%d]", i), "not SEQUENCE { OBJECT IDENTIFIER, BOOLEAN, OCTET STRING }")
		}
		e.Value = value
		d.c.Extensions = append(d.c.Extensions, e)
	}
	return nil
}
