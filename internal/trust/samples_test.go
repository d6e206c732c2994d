package trust

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestSystemRoots: files of ordinary publishers are trusted by a system's roots. Their certificates have ended, so
// this is also the timestamps' doing.
func TestSystemRoots(t *testing.T) {
	system, err := System()
	if err != nil {
		t.Fatal(err)
	}
	have := commonNames(system.CodeSigning)
	for _, cn := range []string{"DigiCert Assured ID Root CA", "COMODO RSA Certification Authority"} {
		if !strings.Contains(have, cn) {
			t.Skipf("the system's bundle of roots lacks %s, or there is none (apt-get install ca-certificates)", cn)
		}
	}
	roots, err := Defaults(Store{Dir: filepath.Join(t.TempDir(), "none")})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"brave.exe", "liblzo2-2.dll", "kernel32.dll"} {
		b, err := os.ReadFile(filepath.Join(formatstest.SaferwallSamples(t), name))
		if err != nil {
			t.Fatal(err)
		}
		r, err := authenticode.Verify(context.Background(), bytes.NewReader(b), int64(len(b)), authenticode.VerifyOptions{Roots: roots, Allow: authenticode.WindowsOnly()})
		if err != nil || !r.Trusted {
			t.Errorf("%s: %v\n%s", name, err, r)
		}
	}
}
