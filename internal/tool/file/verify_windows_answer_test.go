package file

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// TestAnswerIsWindows: result, exit status and JSON are what WinVerifyTrust (10.0.15063) was measured to answer for each file; with -strict, what is
// stricter counts.
func TestAnswerIsWindows(t *testing.T) {
	for name, c := range map[string]struct {
		root, windows string
		trusted       bool // without -strict; no test file is without a strict finding
	}{
		"nested-good-primary-broken.exe":          {"rig-root.pem", "TRUSTED 0x00000000", true},
		"content-type-1.3.6.1.4.1.311.2.1.21.exe": {"root.pem", "TRUSTED 0x00000000", true},
		"stamped-by-rsa1024-tsa.exe":              {"root.pem", "TRUSTED 0x00000000", true},
		"root-without-basicconstraints.exe":       {"root-without-basicconstraints.pem", "TRUSTED 0x00000000", true},
		"table-size-not-multiple-of-8.exe":        {"root.pem", "TRUST_E_BAD_DIGEST 0x80096010", false},
		"section-covers-table.exe":                {"root.pem", "TRUST_E_NOSIGNATURE 0x800B0100", false},
		"stamp-pkcs9-by-cert-without-eku.exe":     {"attack-root.pem", "CERT_E_EXPIRED 0x800B0101", false},
		"stamp-two-values-in-one-attribute.exe":   {"rig-root.pem", "ERROR_INVALID_PARAMETER 0x00000057", false},
		"table-first-entry-x509.exe":              {"rig-root.pem", "CRYPT_E_BAD_MSG 0x8009200D", false},
		"cms-img-empty.exe":                       {"rig-root.pem", "TRUST_E_BAD_DIGEST 0x80096010", false},
		"cms-img-mon-short.exe":                   {"rig-root.pem", "TRUST_E_BAD_DIGEST 0x80096010", false},
		"cms-certs-garbage.exe":                   {"rig-root.pem", "CRYPT_E_BAD_MSG 0x8009200D", false},
		"pe-align-s1000-f20.exe":                  {"rig-root.pem", "TRUST_E_BAD_DIGEST 0x80096010", false},
		"pe-nsec_10.exe":                          {"rig-root.pem", "TRUST_E_NOSIGNATURE 0x800B0100", false},
		"pe-section-over-table.exe":               {"rig-root.pem", "TRUST_E_NOSIGNATURE 0x800B0100", false},
		"pe-sizehdr_0.exe":                        {"rig-root.pem", "TRUST_E_BAD_DIGEST 0x80096010", false},
		"directory-offset-without-size.exe":       {"root.pem", "TRUST_E_NOSIGNATURE 0x800B0100", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				v := args.Verification{In: filepath.Join("testdata", name), Roots: filepath.Join("testdata", c.root), JSON: true, Strict: strict}
				var out bytes.Buffer
				err := Verify(context.Background(), console.Discard(), &out, v)
				var got []struct {
					Report struct {
						Windows string
						Trusted bool
					}
				}
				if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != 1 {
					t.Fatalf("%v\n%s", err, out.Bytes())
				}
				want := c.trusted && !strict
				if r := got[0].Report; r.Windows != c.windows || r.Trusted != want || (err == nil) != want {
					t.Errorf("strict %v: windows %s, trusted %v, error %v", strict, r.Windows, r.Trusted, err)
				}
				if err != nil && fault.Status(err) != fault.Verification {
					t.Errorf("status %d: %v", fault.Status(err), err)
				}
			}
		})
	}
}

// TestSignRefusesLayout: what Windows would refuse is not signed, and says how to link; -firmware signs it, and -policy=firmware verifies it.
func TestSignRefusesLayout(t *testing.T) {
	id := formatstest.NewPKI(t).Leaf
	out := filepath.Join(t.TempDir(), "out.exe")
	s := Signing{
		Files:  args.Files{In: filepath.Join("testdata", "filealign32-sectalign4096-unsigned.exe"), Out: out},
		Signer: args.Signer{Key: args.Key{Identity: "pem:" + id.KeyFile(t) + "," + id.CertFile(t), Chain: id.RootFile(t)}},
	}
	err := Sign(context.Background(), console.Discard(), s)
	if err == nil || fault.Status(err) != fault.Verification {
		t.Fatalf("signed: %v", err)
	}
	for _, want := range []string{"FileAlignment", "0x20", "0x1000", "hint: ", "--file-alignment=512", "-firmware"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing: %v", want, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("there is a file all the same")
	}
	s.Firmware = true
	if err := Sign(context.Background(), console.Discard(), s); err != nil {
		t.Fatal(err)
	}
	v := args.Verification{In: out, Roots: id.RootFile(t)}
	if err := Verify(context.Background(), console.Discard(), &bytes.Buffer{}, v); fault.Status(err) != fault.Verification {
		t.Errorf("Windows' answer: %v", err)
	}
	v.Policy = "firmware"
	var text bytes.Buffer
	if err := Verify(context.Background(), console.Discard(), &text, v); err != nil || !strings.Contains(text.String(), "TRUST_E_BAD_DIGEST") {
		t.Errorf("for firmware: %v\n%s", err, &text)
	}
}
