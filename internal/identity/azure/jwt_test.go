package azure

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// TestCompactVector: the example of RFC 7515 appendix A.2, an RS256 signature
// with the key that stands there.
func TestCompactVector(t *testing.T) {
	number := func(s string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(b)
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{E: 65537, N: number("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")},
		D:         number("Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"),
		Primes: []*big.Int{
			number("4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc"),
			number("uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc")},
	}
	key.Precompute()
	header := []byte(`{"alg":"RS256"}`)
	payload := []byte("{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}")
	got, err := compact(header, payload, key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	const want = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
		"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	if got != want {
		t.Errorf("got %s", got)
	}
}

func TestCertificateFiles(t *testing.T) {
	pki := formatstest.NewPKI(t)
	dir := t.TempDir()
	var b []byte
	for _, f := range []string{pki.Leaf.CertFile(t), pki.Leaf.KeyFile(t)} {
		more, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, more...)
	}
	both := filepath.Join(dir, "both.pem")
	os.WriteFile(both, b, 0o600)
	other := filepath.Join(dir, "other.pem")
	key, _ := os.ReadFile(pki.Second.KeyFile(t))
	cert, _ := os.ReadFile(pki.Leaf.CertFile(t))
	os.WriteFile(other, append(key, cert...), 0o600)
	for name, c := range map[string]struct {
		file, password, wantErr string
	}{
		"PEM":            {both, "", ""},
		"PFX":            {pki.Leaf.PFXFile(t, "pfx-password"), "pfx-password", ""},
		"wrong password": {pki.Leaf.PFXFile(t, "pfx-password"), "wrong-password", "password"},
		"another's key":  {other, "", "its certificate"},
		"no key":         {pki.Leaf.CertFile(t), "", "must hold an rsa key"},
		"not there":      {filepath.Join(dir, "nothing"), "", "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			vars := map[string]string{"AZURE_CLIENT_CERTIFICATE_PASSWORD": c.password, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN": "true"}
			got, err := readCertificate(service.Env{Getenv: func(n string) string { return vars[n] }}, c.file)
			if c.wantErr != "" {
				if err == nil || !strings.Contains(strings.ToLower(err.Error()), c.wantErr) || strings.Contains(err.Error(), "wrong-password") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			jwt, err := got.assertion("https://aud.example", "client", time.Unix(1700000000, 0))
			if err != nil || !goodAssertion(t, pki, jwt) {
				t.Errorf("%s, %v", jwt, err)
			}
		})
	}
}

// goodAssertion checks an assertion as Entra does: a PS256 signature of the
// certificate that its SHA-256 names.
func goodAssertion(t *testing.T, pki *formatstest.PKI, jwt string) bool {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return false
	}
	var h struct {
		Alg, Typ string
		X5c      [][]byte
		X5t      string `json:"x5t#S256"`
	}
	raw, _ := base64.RawURLEncoding.DecodeString(parts[0])
	if json.Unmarshal(raw, &h) != nil || h.Alg != "PS256" || len(h.X5t) != 43 || len(h.X5c) != 2 {
		return false
	}
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	w := crypto.SHA256.New()
	w.Write([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPSS(pki.Leaf.Key.Public().(*rsa.PublicKey), crypto.SHA256, w.Sum(nil), signature, &rsa.PSSOptions{SaltLength: 32}) == nil
}

func FuzzCertificatePEM(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: key.D.Bytes()}))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		(&certificate{}).readPEM(b)
		(&certificate{}).readPFX(b, "")
	})
}
