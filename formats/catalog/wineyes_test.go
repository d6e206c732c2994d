package catalog

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// open opens a file for a test and says how long it is.
func open(t testing.TB, path string) (*os.File, int64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return f, info.Size()
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func listID(t testing.TB, s string) (id [16]byte) {
	t.Helper()
	if n, err := hex.Decode(id[:], []byte(s)); n != 16 || err != nil {
		t.Fatal("bad list identifier in test")
	}
	return id
}

// TestWineyes reproduces a catalog that Microsoft's makecat made.
func TestWineyes(t *testing.T) {
	want := read(t, formatstest.Corpus(t, "jsign/wineyes.cat"))
	b, err := NewBuilder(Options{ListID: listID(t, "37CEBF7B414CDD4E89840568E4D20FAD"), Time: time.Date(2022, 8, 26, 16, 20, 11, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	f, size := open(t, formatstest.Corpus(t, "jsign/wineyes.exe"))
	if err := b.AddFile(context.Background(), "wineyes.exe", f, size); err != nil {
		t.Fatal(err)
	}
	c, err := b.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from makecat: %s", firstDifference(got, want))
	}
}

func TestParseWineyes(t *testing.T) {
	want := read(t, formatstest.Corpus(t, "jsign/wineyes.cat"))
	c, err := Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Members) != 2 || c.Version != V2 || c.Signed() || len(c.Findings()) != 0 {
		t.Errorf("%d members, version %d, signed %v, findings %v", len(c.Members), c.Version, c.Signed(), c.Findings())
	}
	for i, m := range c.Members {
		if m.Kind() != KindPE {
			t.Errorf("member %d is %v", i, m.Kind())
		}
	}
	if tag := c.Members[0].Tag(); tag != "7BB369DF020CEA757619E1C1D678DBCA06B638F2CC45B740B5EACFC21E76B160" {
		t.Errorf("tag %s", tag)
	}
	got, err := c.Marshal()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("written again it differs: %v", err)
	}
}
