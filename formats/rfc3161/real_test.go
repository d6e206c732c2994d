package rfc3161

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// realFile is a signed Windows file and the outermost SignedData of its signature.
type realFile struct {
	name string
	sd   *cms.SignedData
}

func realFiles(t testing.TB) []realFile {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(formatstest.SaferwallSamples(t), "*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []realFile
	for _, f := range files {
		if strings.HasSuffix(f, ".7z") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a folder
		}
		if p7 := firstSignature(b); p7 != nil {
			sd, err := cms.Parse(p7)
			if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			out = append(out, realFile{filepath.Base(f), sd})
		}
	}
	return out
}

// firstSignature reads the first certificate table entry of a PE file (Microsoft, "PE Format").
func firstSignature(b []byte) []byte {
	le := binary.LittleEndian
	if len(b) < 0x40 || !bytes.HasPrefix(b, []byte("MZ")) {
		return nil
	}
	nt := int(le.Uint32(b[0x3c:]))
	if nt+0xc0 > len(b) {
		return nil
	}
	dir := nt + 0x78
	if le.Uint16(b[nt+0x18:]) == 0x20b {
		dir += 0x10
	}
	off := int(le.Uint32(b[dir+32:]))
	if off == 0 || off+8 > len(b) {
		return nil
	}
	n := int(le.Uint32(b[off:]))
	if n < 8 || off+n > len(b) {
		return nil
	}
	return b[off+8 : off+n]
}

// TestRealStamps judges the stamps of Microsoft's and others' files: RFC 3161 tokens
// and older countersignatures, made by servers that we know nothing of.
func TestRealStamps(t *testing.T) {
	tokens, legacy := 0, 0
	for _, f := range realFiles(t) {
		t.Run(f.name, func(t *testing.T) {
			for i := range f.sd.Signers {
				si := &f.sd.Signers[i]
				if a, ok := si.UnsignedAttr(cms.OIDRFC3161Token); ok {
					tokens++
					token, err := ParseToken(a.Values[0])
					if err != nil {
						t.Fatal(err)
					}
					judgeReal(t, token.Problems(si.Signature, CheckOptions{Trust: TrustAny, AllowWeak: true}))
					if err := token.Check(append([]byte{0}, si.Signature...), CheckOptions{Trust: TrustAny, AllowWeak: true}); err == nil {
						t.Error("the token is accepted for another signature")
					}
				}
				if a, ok := si.UnsignedAttr(cms.OIDCountersignature); ok {
					legacy++
					counter, err := cms.ParseSignerInfo(a.Values[0])
					if err != nil {
						t.Fatal(err)
					}
					judgeReal(t, LegacyProblems(counter, f.sd, si.Signature, CheckOptions{Trust: TrustAny, AllowWeak: true}))
					if p := LegacyProblems(counter, f.sd, []byte("another"), CheckOptions{Trust: TrustAny, AllowWeak: true}); !has(p, RuleImprint) {
						t.Error("the countersignature is accepted for another signature")
					}
				}
			}
		})
	}
	if tokens == 0 || legacy == 0 {
		t.Errorf("%d tokens and %d countersignatures found", tokens, legacy)
	}
}

// judgeReal expects no problem but one: Microsoft's certificates for time stamping had
// no critical usage until 2021.
func judgeReal(t *testing.T, problems []Problem) {
	t.Helper()
	for _, p := range problems {
		if p.Rule == RuleCritical && strings.Contains(p.Text, "CN=Microsoft Time-Stamp Service") {
			continue
		}
		t.Error(p)
	}
}

func has(problems []Problem, r Rule) bool {
	return (&TokenError{Problems: problems}).Has(r)
}
