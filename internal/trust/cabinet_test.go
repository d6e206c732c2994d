package trust

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
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

// TestUpdateFromCabinets: the lists come in cabinets, as from Microsoft's server and from a mirror that certutil -syncWithWU has made.
func TestUpdateFromCabinets(t *testing.T) {
	formatstest.Tool(t, "gcab")
	p := newPublisher(t)
	p.list(3, oidRootList, time.Time{})
	for _, name := range []string{"authroot", "disallowedcert"} {
		p.files["/"+name+"stl.cab"] = pack(t, []string{"-z"}, map[string][]byte{name + ".stl": p.files["/"+name+".stl"]})
		delete(p.files, "/"+name+".stl")
	}
	file := filepath.Join(t.TempDir(), "roots")
	l, err := p.update(file)
	if err != nil || len(l.Roots.CodeSigning) == 0 || len(l.Disallowed.Hashes) != 1 {
		t.Fatalf("%v, %v", l, err)
	}
	p.files["/authrootstl.cab"] = pack(t, nil, map[string][]byte{"other.stl": {1}})
	if _, err := p.update(file); fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "there is no authroot.stl in it") {
		t.Errorf("another file in the cabinet: %v", err)
	}
}
