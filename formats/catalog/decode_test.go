package catalog

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// sample is an unsigned catalog of two files.
func sample(t testing.TB) *Catalog {
	_, c := build(t, Options{Attributes: []Attribute{Text("OSAttr", "2:10.0"), Binary("Bin", []byte{1, 2})}}, "x", "y")
	return c
}

// TestRoundTrip: what is read says what was written, and is written the same.
func TestRoundTrip(t *testing.T) {
	for name, o := range map[string]Options{"v1": {Version: V1}, "v2": {}, "no SHA-1": {NoSHA1: true},
		"attributes": {Attributes: []Attribute{Text("OSAttr", "2:10.0"), Text("HWID1", "ü€𝄞")}}} {
		_, c := build(t, o, "x", "y", "z")
		der := marshal(t, c)
		again, err := Parse(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again.Version != c.Version || !again.Updated.Equal(c.Updated) || !bytes.Equal(again.ListID, c.ListID) || len(again.Members) != len(c.Members) {
			t.Errorf("%s: read as %+v", name, again)
		}
		if got := again.Attributes(); !slices.EqualFunc(got, o.Attributes, func(a, b Attribute) bool {
			return a.Name == b.Name && a.Flags == b.Flags && bytes.Equal(a.Value, b.Value)
		}) {
			t.Errorf("%s: attributes %v", name, got)
		}
		if !bytes.Equal(marshal(t, again), der) {
			t.Errorf("%s: written differently", name)
		}
	}
}

func TestMemberAccess(t *testing.T) {
	_, c := build(t, Options{Version: V1}, "hello")
	m := c.Members[0]
	h, digest, ok := m.Digest()
	if !ok || h != crypto.SHA1 || hashTag(digest) != "AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D" || m.Tag() != hashTag(digest) {
		t.Errorf("%v %x %s", h, digest, m.Tag())
	}
	if m.Kind() != KindFlat || m.SubjectGUID() != kindGUIDs[KindFlat] || m.Compat() {
		t.Errorf("%v %s", m.Kind(), m.SubjectGUID())
	}
	if name, ok := m.Attribute("File"); !ok || name != "a" {
		t.Errorf("File is %q", name)
	}
	if _, ok := m.Attribute("FilePath"); ok {
		t.Error("FilePath found")
	}
	if _, _, ok := m.PageHashes(); ok {
		t.Error("page hashes of a text")
	}
}

func TestPageHashesRead(t *testing.T) {
	table := make([]byte, 2*36)
	d := &Digests{Kind: KindPE, Hash: map[crypto.Hash][]byte{crypto.SHA256: make([]byte, 32), crypto.SHA1: make([]byte, 20)},
		PageHashes: map[crypto.Hash][]byte{crypto.SHA256: table}}
	b, err := NewBuilder(Options{NoSHA1: true, Time: testTime})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(File{Name: "f", Digests: d}); err != nil {
		t.Fatal(err)
	}
	c, err := b.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	h, got, ok := c.Members[0].PageHashes()
	if !ok || h != crypto.SHA256 || !bytes.Equal(got, table) {
		t.Errorf("%v %x %v", h, got, ok)
	}
}

// TestParseRefuses: each is a catalog with one thing wrong, and the error says which.
func TestParseRefuses(t *testing.T) {
	list, err := sample(t).MarshalList()
	if err != nil {
		t.Fatal(err)
	}
	other := func(oid asn1.ObjectIdentifier, content []byte) []byte {
		der, err := (&cms.SignedData{Version: 1, ContentType: oid, Content: content}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	member := tlv(tagSequence, tlv(tagOctets, make([]byte, 32)), tlv(tagSet))
	head := func(parts ...[]byte) []byte {
		front := [][]byte{tlv(tagSequence, oidTLV(cms.OIDCatalogList)), tlv(tagOctets, make([]byte, 16)), tlv(tagUTCTime, []byte("261124100000Z")),
			tlv(tagSequence, oidTLV(cms.OIDCatalogMemberV2), nullTLV)}
		return wrapUnsigned(tlv(tagSequence, append(front, parts...)...))
	}
	if _, err := Parse(head(tlv(tagSequence, member))); err != nil {
		t.Fatalf("the test's own catalog: %v", err)
	}
	cases := map[string]struct {
		der  []byte
		want string
	}{
		"nothing":                 {nil, "reading catalog"},
		"other content":           {other(cms.OIDSpcIndirectData, list), "contentType"},
		"list in an OCTET STRING": {wrapUnsigned(tlv(tagOctets, list)), "CTL"},
		"other usage":             {wrapUnsigned(bytes.Replace(list, oidTLV(cms.OIDCatalogList)[2:], oidTLV(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 1, 9})[2:], 1)), "not a catalog"},
		"other version":           {wrapUnsigned(bytes.Replace(list, oidTLV(cms.OIDCatalogMemberV2)[2:], oidTLV(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 1, 4})[2:], 1)), "subjectAlgorithm"},
		"time":                    {wrapUnsigned(bytes.Replace(list, []byte("261124"), []byte("269924"), 1)), "thisUpdate"},
		"member without id":       {head(tlv(tagSequence, tlv(tagSequence, tlv(tagSet)))), "trustedSubjects[0]"},
		"second member":           {head(tlv(tagSequence, member, nullTLV)), "trustedSubjects[1]"},
		"member with more":        {head(tlv(tagSequence, tlv(tagSequence, tlv(tagOctets, []byte{1}), tlv(tagSet), nullTLV))), "bytes after"},
		"attributes":              {head(tlv(tagSequence, tlv(tagSequence, tlv(tagOctets, []byte{1}), tlv(tagSet, nullTLV)))), "attribute is not"},
		"extensions":              {head(tlv(tagSequence, member), tlv(tagContext|tagConstructed, nullTLV)), "extensions"},
		"extension":               {head(tlv(tagSequence, member), tlv(tagContext|tagConstructed, tlv(tagSequence, tlv(tagSequence)))), "extensions[0]"},
		"more fields":             {head(tlv(tagSequence, member), nullTLV), "after the last field"},
	}
	for name, c := range cases {
		_, err := Parse(c.der)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		var f *FormatError
		if err != nil && name != "nothing" && !errors.As(err, &f) {
			t.Errorf("%s: %T is no FormatError", name, err)
		}
	}
}

// TestParseOffsets: an error names the byte.
func TestParseOffsets(t *testing.T) {
	list, err := sample(t).MarshalList()
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(list, sample(t).Members[1].ID) - 2 // its OCTET STRING
	start := at - headerSize(len(sample(t).Members[1].ID)+2+headerSize(len(sample(t).Members[1].attributes))+len(sample(t).Members[1].attributes))
	bad := bytes.Clone(list)
	bad[at] = tagNull
	_, err = Parse(wrapUnsigned(bad))
	var f *FormatError
	if !errors.As(err, &f) || f.Field != "trustedSubjects[1]" || f.Offset != start {
		t.Errorf("%v, want byte 0x%x", err, start)
	}
}

// TestParseLoose: what Windows reads, we read, and Findings says what is odd about it.
func TestParseLoose(t *testing.T) {
	c := sample(t)
	swapped := *c
	swapped.Members = slices.Clone(c.Members)
	swapped.Members[0], swapped.Members[1] = swapped.Members[1], swapped.Members[0]
	lying := *c
	lying.Members = slices.Clone(c.Members)
	for i, m := range lying.Members {
		if !m.Compat() {
			lying.Members[i].ID = bytes.Repeat([]byte{0xff - byte(i)}, 32)
		}
	}
	slices.SortFunc(lying.Members, func(a, b Member) int { return bytes.Compare(a.ID, b.ID) })
	none := *c
	none.Members = nil
	oid := *c
	oid.Extensions = extensions([]Attribute{{Name: "1.2.3", Flags: FlagText | FlagNameOID}})
	unsorted := *c
	unsorted.Members = slices.Clone(c.Members)
	for i, m := range unsorted.Members {
		n := 2 + int(m.attributes[1])
		unsorted.Members[i].attributes = append(bytes.Clone(m.attributes[n:]), m.attributes[:n]...)
	}
	for name, want := range map[string]struct {
		der     []byte
		finding string
	}{
		"sound":                {marshal(t, c), ""},
		"members out of order": {marshal(t, &swapped), "out of order"},
		"tag is not digest":    {marshal(t, &lying), "is not its digest"},
		"no members":           {marshal(t, &none), "no members"},
		"attributes unsorted":  {marshal(t, &unsorted), "DER order"},
		"object identifier":    {marshal(t, &oid), "named by an object identifier"},
		"bytes after":          {append(marshal(t, c), 0, 0, 0), "3 bytes after"},
	} {
		got, err := Parse(want.der)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := strings.Join(got.Findings(), "\n")
		if (want.finding == "") != (text == "") || !strings.Contains(text, want.finding) {
			t.Errorf("%s: findings %q", name, text)
		}
		if got, err := got.Marshal(); err != nil || !bytes.HasPrefix(want.der, got) {
			t.Errorf("%s: written differently (%v)", name, err)
		}
	}
}

// TestParseIndefiniteLength: other tools write PKCS#7 with lengths left open (BER).
func TestParseIndefiniteLength(t *testing.T) {
	c := sample(t)
	der := marshal(t, c)
	ber := append([]byte{tagSequence, 0x80}, der[headerSize(len(der)-4):]...)
	ber = append(ber, 0, 0)
	got, err := Parse(ber)
	if err != nil {
		t.Fatal(err)
	}
	if again := marshal(t, got); !got.SignedData.BER || !bytes.Equal(again, der) {
		t.Errorf("BER %v, %s", got.SignedData.BER, firstDifference(again, der))
	}
}

// FuzzParse: no input makes the reader, or anything that reads what it read, panic;
// what is read can be written, and reads the same.
func FuzzParse(f *testing.F) {
	f.Add(marshal(f, sample(f)))
	_, v1 := build(f, Options{Version: V1}, "x", "y")
	f.Add(marshal(f, v1))
	for _, file := range formatstest.CorpusFiles(f, "jsign/*.cat") {
		f.Add(read(f, file))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		c.Findings()
		c.Attributes()
		for _, m := range c.Members {
			m.Tag()
			m.Kind()
			m.Attributes()
			m.PageHashes()
			m.key(c.Version)
		}
		if err := NewSet().Add("fuzz", b); err != nil {
			t.Fatal(err)
		}
		list, err := c.MarshalList()
		if err != nil {
			return // an extension's identifier that no writer accepts
		}
		again, err := Parse(wrapUnsigned(list))
		if err != nil {
			t.Fatalf("written, it cannot be read: %v", err)
		}
		if twice, err := again.MarshalList(); err != nil || !bytes.Equal(twice, list) {
			t.Fatal("written twice, it differs")
		}
	})
}
