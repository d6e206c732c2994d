package certchain_test

import (
	"crypto/x509"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestTBSHash compares with what openssl cuts out of the certificate: the first
// element inside it.
func TestTBSHash(t *testing.T) {
	tool := formatstest.Tool(t, "openssl")
	pki := formatstest.NewPKI(t)
	for name, c := range map[string]*x509.Certificate{"leaf": pki.Leaf.Certificate, "intermediate": pki.Intermediate, "ECDSA": pki.ECDSA.Certificate} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cert, tbs := filepath.Join(dir, "cert"), filepath.Join(dir, "tbs")
			if err := os.WriteFile(cert, c.Raw, 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(tool, "asn1parse", "-inform", "DER", "-in", cert, "-strparse", "4", "-out", tbs, "-noout").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			hash := strings.ToLower(strings.Split(c.SignatureAlgorithm.String(), "-")[0])
			if strings.HasPrefix(hash, "ecdsa") {
				hash = strings.ToLower(strings.Split(c.SignatureAlgorithm.String(), "-")[1])
			}
			out, err := exec.Command(tool, "dgst", "-"+hash, "-r", tbs).Output()
			if err != nil {
				t.Fatal(err)
			}
			got, err := certchain.TBSHash(c)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Fields(string(out))[0]; hex.EncodeToString(got) != want {
				t.Errorf("got %x, openssl says %s", got, want)
			}
		})
	}
}
