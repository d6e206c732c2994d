package authenticode_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestVerifySigntool judges what Microsoft's own signtool has signed, and compares with
// what WinVerifyTrust says about it.
func TestVerifySigntool(t *testing.T) {
	if testing.Short() {
		t.Skip("needs wine")
	}
	rig := formatstest.NewRig(t)
	p := formatstest.NewPKI(t)
	tsa := formatstest.OpensslTSA(t, p.TSA)
	first, second := p.Leaf.LegacyPFXFile(t, "test"), p.Second.LegacyPFXFile(t, "test")
	base := []string{"sign", "/f", first, "/p", "test", "/fd", "sha256"}
	dir := t.TempDir()
	var files []string
	var want []int
	sign := func(name string, signatures int, commands ...[]string) {
		exe, err := os.ReadFile(formatstest.GoProgram(t, "amd64"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name+".exe")
		if err := os.WriteFile(path, exe, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range commands {
			if out, err := rig.Signtool(append(args, path)...); err != nil {
				t.Fatalf("%s: signtool %q: %v\n%s", name, args, err, out)
			}
		}
		files, want = append(files, path), append(want, signatures)
	}
	also := func(args ...string) []string { return append(base[:len(base):len(base)], args...) }
	sign("plain", 1, base)
	sign("page hashes and description", 1, also("/ph", "/d", "Beacon", "/du", "https://example.org/"))
	sign("RFC 3161", 1, also("/tr", tsa+"/rfc3161", "/td", "sha256"))
	sign("legacy stamp", 1, also("/t", tsa+"/legacy"))
	sign("additional certificate", 1, also("/ac", formatstest.PEMFile(t, p.Intermediate)))
	sign("appended", 2, base, []string{"sign", "/f", second, "/p", "test", "/fd", "sha256", "/as", "/ph", "/tr", tsa + "/rfc3161", "/td", "sha256"})
	for i, verdict := range rig.Verify(files...) {
		b, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		o := authenticode.VerifyOptions{Roots: (&vfiles{pki: p}).roots(), // wine, which makes the attributes there, writes id-data as their content type
			Allow: []authenticode.Check{authenticode.CheckNoTimestamp, authenticode.CheckAlgorithms, authenticode.CheckContent}}
		r := verifyBytes(t, b, o)
		if uint32(r.Windows) != verdict.HRESULT || !r.Trusted || len(r.Signatures) != want[i] {
			t.Errorf("%s: Microsoft says %v\n%s", filepath.Base(files[i]), verdict, r)
		}
	}
}
