package catalog

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"strings"
	"testing"
	"time"
)

var testTime = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// build makes a catalog of byte strings, named by their order.
func build(t testing.TB, o Options, files ...string) (*Builder, *Catalog) {
	t.Helper()
	if o.Time.IsZero() {
		o.Time = testTime
	}
	b, err := NewBuilder(o)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		name := string(rune('a' + i))
		if err := b.AddFile(context.Background(), name, strings.NewReader(f), int64(len(f)), Text("File", name)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := b.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	return b, c
}

func marshal(t testing.TB, c *Catalog) []byte {
	t.Helper()
	der, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestBuilderDeterministic(t *testing.T) {
	_, one := build(t, Options{}, "x", "y", "z")
	_, two := build(t, Options{}, "x", "y", "z")
	_, other := build(t, Options{}, "x", "y", "w")
	if !bytes.Equal(marshal(t, one), marshal(t, two)) {
		t.Error("equal files give different catalogs")
	}
	if bytes.Equal(one.ListID, other.ListID) {
		t.Error("different files give the same list identifier")
	}
	if one.ListID[7]>>4 != 4 || one.ListID[8]>>6 != 2 {
		t.Errorf("%x is no GUID of version 4", one.ListID)
	}
	if f := one.Findings(); len(f) > 0 {
		t.Errorf("findings: %v", f)
	}
}

func TestBuilderOrderDoesNotMatter(t *testing.T) {
	names := func(files ...string) []byte {
		b, err := NewBuilder(Options{Time: testTime})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if err := b.AddFile(context.Background(), f, strings.NewReader(f), int64(len(f))); err != nil {
				t.Fatal(err)
			}
		}
		c, err := b.Catalog()
		if err != nil {
			t.Fatal(err)
		}
		return marshal(t, c)
	}
	if !bytes.Equal(names("x", "y", "z"), names("z", "x", "y")) {
		t.Error("the order of adding shows in the catalog")
	}
}

func TestBuilderDuplicates(t *testing.T) {
	b, c := build(t, Options{}, "same", "other", "same")
	if d := b.Duplicates(); len(d) != 1 || d[0] != (Duplicate{"c", "a"}) {
		t.Errorf("duplicates: %v", d)
	}
	if len(c.Members) != 4 {
		t.Errorf("%d members, want 2 files twice", len(c.Members))
	}
	b, c = build(t, Options{KeepDuplicates: true}, "same", "other", "same")
	if len(b.Duplicates()) != 0 || len(c.Members) != 6 {
		t.Errorf("with duplicates kept: %v, %d members", b.Duplicates(), len(c.Members))
	}
}

func TestBuilderSHA1Entries(t *testing.T) {
	_, with := build(t, Options{}, "x")
	_, without := build(t, Options{NoSHA1: true}, "x")
	if len(with.Members) != 2 || len(without.Members) != 1 || len(without.Members[0].ID) != 32 {
		t.Errorf("%d and %d members", len(with.Members), len(without.Members))
	}
	for _, m := range with.Members {
		if m.Compat() != (len(m.ID) == 20) {
			t.Errorf("%s: Compat is %v", m.Tag(), m.Compat())
		}
	}
}

func TestBuilderRefuses(t *testing.T) {
	good := &Digests{Kind: KindFlat, Hash: map[crypto.Hash][]byte{crypto.SHA1: make([]byte, 20), crypto.SHA256: make([]byte, 32)}}
	bad := map[string]struct {
		o Options
		f File
	}{
		"no digests":             {Options{}, File{Name: "f"}},
		"digest too short":       {Options{}, File{Name: "f", Digests: &Digests{Kind: KindFlat, Hash: map[crypto.Hash][]byte{crypto.SHA256: {1}, crypto.SHA1: {2}}}}},
		"SHA-1 digest missing":   {Options{}, File{Name: "f", Digests: &Digests{Kind: KindFlat, Hash: map[crypto.Hash][]byte{crypto.SHA256: make([]byte, 32)}}}},
		"kind missing":           {Options{}, File{Name: "f", Digests: &Digests{Hash: good.Hash}}},
		"tag in version 2":       {Options{}, File{Name: "f", Tag: "t", Digests: good}},
		"tag with =":             {Options{Version: V1}, File{Name: "f", Tag: "a=b", Digests: good}},
		"attribute without name": {Options{}, File{Name: "f", Digests: good, Attributes: []Attribute{Text("", "v")}}},
		"no name flag":           {Options{}, File{Name: "f", Digests: good, Attributes: []Attribute{{Name: "n", Flags: FlagText}}}},
		"both name flags":        {Options{}, File{Name: "f", Digests: good, Attributes: []Attribute{{Name: "n", Flags: FlagText | FlagNameText | FlagNameOID}}}},
		"object identifier":      {Options{}, File{Name: "f", Digests: good, Attributes: []Attribute{{Name: "1.2.3", Flags: FlagText | FlagNameOID}}}},
		"long tag":               {Options{Version: V1}, File{Name: "f", Tag: strings.Repeat("t", maxTag+1), Digests: good}},
		"no value flag":          {Options{}, File{Name: "f", Digests: good, Attributes: []Attribute{{Name: "n", Flags: FlagNameText}}}},
		"both value flags":       {Options{}, File{Name: "f", Digests: good, Attributes: []Attribute{{Name: "n", Flags: FlagText | FlagBinary | FlagNameText}}}},
		"unauthenticated":        {Options{}, File{Name: "f", Digests: good, Attributes: []Attribute{{Name: "n", Flags: FlagText | FlagNameText | FlagUnauthenticated}}}},
	}
	for name, c := range bad {
		b, err := NewBuilder(c.o)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(c.f); err == nil || !strings.HasPrefix(err.Error(), "f: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, o := range map[string]Options{"version": {Version: 3}, "year": {Time: time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC)},
		"attribute": {Attributes: []Attribute{{Name: "n"}}}} {
		if _, err := NewBuilder(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	b, err := NewBuilder(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Catalog(); err == nil {
		t.Error("a catalog of no files is made")
	}
}

func TestBuilderSameTagTwice(t *testing.T) {
	b, err := NewBuilder(Options{Version: V1})
	if err != nil {
		t.Fatal(err)
	}
	d := &Digests{Kind: KindFlat, Hash: map[crypto.Hash][]byte{crypto.SHA1: make([]byte, 20)}}
	if err := b.Add(File{Name: "one", Tag: "T", Digests: d}); err != nil {
		t.Fatal(err)
	}
	if err := b.Add(File{Name: "two", Tag: "T", Digests: d}); err == nil || !strings.Contains(err.Error(), "taken by one") {
		t.Errorf("%v", err)
	}
}

// TestTimes: UTCTime to 2049, GeneralizedTime after.
func TestTimes(t *testing.T) {
	for year, tag := range map[int]byte{1980: tagUTCTime, 2049: tagUTCTime, 2050: tagTime} {
		at := time.Date(year, 12, 31, 23, 59, 59, 0, time.UTC)
		_, c := build(t, Options{Time: at}, "x")
		again, err := Parse(marshal(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if !again.Updated.Equal(at) || again.updated[0] != tag {
			t.Errorf("%d: read back as %v, tag %#x", year, again.Updated, again.updated[0])
		}
	}
}

func TestDigestKinds(t *testing.T) {
	cases := map[string]struct {
		data []byte
		kind Kind
		err  error
	}{
		"text":                {[]byte("hello"), KindFlat, nil},
		"one byte":            {[]byte("M"), KindFlat, nil},
		"MZ alone":            {[]byte("MZ"), KindFlat, nil},
		"DOS program":         {append([]byte("MZ"), make([]byte, 100)...), KindFlat, nil},
		"header outside":      {append(append([]byte("MZ"), make([]byte, 58)...), 0xff, 0xff, 0xff, 0xff), KindFlat, nil},
		"cabinet":             {cabinet("x", nil), KindCAB, nil},
		"cabinet with room":   {cabinet("x", make([]byte, 20)), KindCAB, nil},
		"empty":               {nil, 0, ErrEmpty},
		"damaged PE file":     {append(append(append([]byte("MZ"), make([]byte, 58)...), 64, 0, 0, 0), "PE\x00\x00\x64\x86"...), 0, errAny},
		"cabinet cut off":     {[]byte("MSCF and so on"), 0, errAny},
		"cabinet, other room": {cabinet("x", make([]byte, 8)), KindCAB, nil},
		"cabinet, no room":    {cabinet("x", make([]byte, 3)), 0, errAny},
		"cabinet cut in room": {cabinet("x", make([]byte, 20))[:50], 0, errAny},
		"signature outside":   {withSignatureAt(0x7fffffff), 0, errAny},
		"no signature":        {withSignatureAt(8), KindCAB, nil},
	}
	for name, c := range cases {
		d, err := Digest(context.Background(), bytes.NewReader(c.data), int64(len(c.data)), DigestOptions{})
		var unlistable *UnlistableError
		switch {
		case c.err == nil && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.err == nil && d.Kind != c.kind:
			t.Errorf("%s: %v", name, d.Kind)
		case c.err != nil && !errors.As(err, &unlistable):
			t.Errorf("%s: %v", name, err)
		case c.err == ErrEmpty && !errors.Is(err, ErrEmpty):
			t.Errorf("%s: %v", name, err)
		}
	}
}

var errAny = errors.New("any")

func withSignatureAt(offset uint32) []byte {
	room := make([]byte, 20)
	room[2] = 16
	for i := range 4 {
		room[4+i] = byte(offset >> (8 * i))
	}
	return cabinet("x", room)
}

func TestDigestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Digest(ctx, strings.NewReader("hello"), 5, DigestOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := Digest(context.Background(), strings.NewReader("hello"), 9, DigestOptions{}); err == nil {
		t.Error("a file that shrinks while it is read is accepted")
	}
}
