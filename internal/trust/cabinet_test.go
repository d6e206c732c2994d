package trust

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/formatstest"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// pack makes a cabinet with gcab, which we did not write.
func pack(t testing.TB, args []string, files map[string][]byte) []byte {
	t.Helper()
	dir := t.TempDir()
	all := append([]string{"-c", "-n"}, args...)
	all = append(all, filepath.Join(dir, "out.cab"))
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, path)
	}
	formatstest.MustRun(t, "gcab", all...)
	b, err := os.ReadFile(filepath.Join(dir, "out.cab"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text compresses, also over the border of a block, and noise does not.
func text(n int) []byte {
	return bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog, "), n/45+1)[:n]
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestCabinet(t *testing.T) {
	formatstest.Tool(t, "gcab")
	files := map[string][]byte{"a.stl": text(200_000), "b.stl": noise(100_000), "c.stl": {}, "d.stl": text(1)}
	for name, args := range map[string][]string{"MSZIP": {"-z"}, "stored": nil} {
		cab := pack(t, args, files)
		for file, want := range files {
			if got, err := fromCabinet(cab, file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %s: %d bytes, want %d: %v", name, file, len(got), len(want), err)
			}
		}
		if _, err := fromCabinet(cab, "e.stl"); err == nil || !strings.Contains(err.Error(), "there is no e.stl") {
			t.Errorf("%s: a file that is not there: %v", name, err)
		}
		for n := range 400 { // every cut through the headers, and some through the data
			if got, err := fromCabinet(cab[:min(n, len(cab)-1)], "b.stl"); err == nil {
				t.Errorf("%s: cut off after %d bytes it gives %d bytes", name, n, len(got))
			}
		}
		if _, err := fromCabinet(cab[:len(cab)-1], "a.stl"); err == nil {
			t.Errorf("%s: cut off at the end", name)
		}
	}
}

// TestUpdateFromCabinets: the lists come in cabinets, as from Microsoft's server and from a mirror that certutil -syncWithWU has made.
func TestUpdateFromCabinets(t *testing.T) {
	formatstest.Tool(t, "gcab")
	p := newPublisher(t)
	p.list(3, oidRootList, time.Time{})
	for _, name := range []string{"authroot", "disallowedcert"} {
		p.files["/"+name+"stl.cab"] = pack(t, []string{"-z"}, map[string][]byte{name + ".stl": p.files["/"+name+".stl"]})
		delete(p.files, "/"+name+".stl")
	}
	file := filepath.Join(t.TempDir(), "roots.json")
	l, err := p.update(file)
	if err != nil || len(l.CodeSigning) == 0 || len(l.Disallowed.Hashes) != 1 {
		t.Fatalf("%v, %v", l, err)
	}
	p.files["/authrootstl.cab"] = pack(t, nil, map[string][]byte{"other.stl": {1}})
	if _, err := p.update(file); fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "there is no authroot.stl in it") {
		t.Errorf("another file in the cabinet: %v", err)
	}
}

func FuzzCabinet(f *testing.F) {
	f.Add([]byte("MSCF"))
	if _, err := os.Stat("/usr/bin/gcab"); err == nil {
		f.Add(pack(f, []string{"-z"}, map[string][]byte{"a": text(70_000)}))
		f.Add(pack(f, nil, map[string][]byte{"a": text(50)}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := fromCabinet(b, "a"); err == nil && len(got) > maxUnpacked {
			t.Errorf("%d bytes", len(got))
		}
	})
}
