package catalog

import (
	"bytes"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Marshal writes the catalog: signed, if it was read with a signature, else with none,
// as makecat leaves it. The list is written anew from the fields; a signature over a
// list that has been changed is no longer valid.
func (c *Catalog) Marshal() ([]byte, error) {
	if !c.Signed() {
		l, err := c.layout()
		if err != nil {
			return nil, err
		}
		return appendUnsigned(l.size(), func(b []byte) []byte { return c.appendList(b, l) }), nil
	}
	content, err := c.MarshalList()
	if err != nil {
		return nil, err
	}
	sd := *c.SignedData
	sd.Content = content
	return sd.Marshal()
}

// MarshalList writes the CTL alone, which is what a signature covers:
//
//	SEQUENCE { version, subjectUsage, listIdentifier, sequenceNumber, thisUpdate, nextUpdate,
//	  subjectAlgorithm, trustedSubjects SEQUENCE OF, [0] EXPLICIT Extensions }
func (c *Catalog) MarshalList() ([]byte, error) {
	l, err := c.layout()
	if err != nil {
		return nil, err
	}
	return c.appendList(make([]byte, 0, l.size()), l), nil
}

// layout is what has to be known of a list before it can be written in one go.
type layout struct {
	head, exts []byte // before and after the members
	members    int    // bytes of all of them
}

func (c *Catalog) layout() (layout, error) {
	head, err := c.marshalHead()
	if err != nil {
		return layout{}, err
	}
	l := layout{head: head, exts: c.marshalExtensions()}
	for _, m := range c.Members {
		_, size := m.size()
		l.members += size
	}
	return l, nil
}

// contents and size are the bytes of the list without and with its header.
func (l layout) contents() int {
	n := len(l.head) + len(l.exts)
	if l.members > 0 {
		n += headerSize(l.members) + l.members
	}
	return n
}

func (l layout) size() int { return headerSize(l.contents()) + l.contents() }

func (c *Catalog) appendList(b []byte, l layout) []byte {
	b = append(appendHeader(b, tagSequence, l.contents()), l.head...)
	if l.members > 0 {
		b = appendHeader(b, tagSequence, l.members)
		for _, m := range c.Members {
			b = m.appendTo(b)
		}
	}
	return append(b, l.exts...)
}

// marshalHead writes all fields before trustedSubjects.
func (c *Catalog) marshalHead() ([]byte, error) {
	usage, algorithm := c.usage, c.algorithm
	if usage == nil {
		usage = tlv(tagSequence, oidTLV(cms.OIDCatalogList))
	}
	if algorithm == nil {
		oid := cms.OIDCatalogMemberV2
		if c.Version == V1 {
			oid = cms.OIDCatalogMemberV1
		}
		algorithm = tlv(tagSequence, oidTLV(oid), nullTLV)
	}
	updated, err := c.marshalUpdated()
	if err != nil {
		return nil, err
	}
	var id []byte
	if c.ListID != nil {
		id = tlv(tagOctets, c.ListID)
	}
	return bytes.Join([][]byte{c.version, usage, id, c.sequence, updated, c.nextUpdated, algorithm}, nil), nil
}

// marshalUpdated writes thisUpdate: UTCTime to 2049, GeneralizedTime after (as RFC 5280
// 4.1.2.5 has it).
func (c *Catalog) marshalUpdated() ([]byte, error) {
	if c.updated != nil {
		if t, err := parseTime(c.updated); err == nil && t.Equal(c.Updated) {
			return c.updated, nil
		}
	}
	t := c.Updated.UTC()
	switch y := t.Year(); {
	case y >= 1950 && y < 2050:
		return tlv(tagUTCTime, []byte(t.Format("060102150405Z"))), nil
	case y >= 2050 && y <= 9999:
		return tlv(tagTime, []byte(t.Format("20060102150405Z"))), nil
	}
	return nil, fmt.Errorf("writing catalog: year %d cannot be written", t.Year())
}

func parseTime(der []byte) (time.Time, error) {
	var t time.Time
	s := cryptobyte.String(der)
	if len(der) > 0 && der[0] == tagUTCTime {
		if !s.ReadASN1UTCTime(&t) {
			return t, fmt.Errorf("not a UTCTime")
		}
		return t, nil
	}
	if !s.ReadASN1GeneralizedTime(&t) {
		return t, fmt.Errorf("neither UTCTime nor GeneralizedTime")
	}
	return t, nil
}

// marshalExtensions writes [0] { SEQUENCE OF { OID, critical, OCTET STRING } }, or nothing.
func (c *Catalog) marshalExtensions() []byte {
	if len(c.Extensions) == 0 {
		return nil
	}
	var list [][]byte
	for _, e := range c.Extensions {
		var critical []byte
		if e.Critical {
			critical = []byte{byte(cbasn1.BOOLEAN), 1, 0xff}
		}
		list = append(list, tlv(tagSequence, oidTLV(e.OID), critical, tlv(tagOctets, e.Value)))
	}
	return tlv(tagContext|tagConstructed, tlv(tagSequence, list...))
}

// wrapUnsigned writes ContentInfo and SignedData around a list.
func wrapUnsigned(list []byte) []byte {
	return appendUnsigned(len(list), func(b []byte) []byte { return append(b, list...) })
}

// appendUnsigned writes ContentInfo and SignedData around a list of n bytes, which add
// appends: lists can be large, so nothing is copied.
func appendUnsigned(n int, add func([]byte) []byte) []byte {
	head := []byte{tagInteger, 1, 1, tagSet, 0} // version 1, no digest algorithms
	const noSigners = 2                         // an empty SET
	oid, signed := oidTLV(cms.OIDCTL), oidTLV(cms.OIDSignedData)
	info := len(oid) + headerSize(n) + n
	sd := len(head) + headerSize(info) + info + noSigners
	outer := headerSize(sd) + sd
	all := len(signed) + headerSize(outer) + outer
	out := make([]byte, 0, headerSize(all)+all)
	out = append(appendHeader(out, tagSequence, all), signed...)
	out = appendHeader(out, tagContext|tagConstructed, outer)
	out = append(appendHeader(out, tagSequence, sd), head...)
	out = append(appendHeader(out, tagSequence, info), oid...)
	out = appendHeader(out, tagContext|tagConstructed, n)
	return append(add(out), tagSet, 0)
}
