package cms

import (
	"bytes"
	"testing"
)

// FuzzParse: whatever parses can be written, and what is written parses to the same bytes again.
func FuzzParse(f *testing.F) {
	for i, sig := range realSignatures(f) {
		if i%4 == 0 || len(sig.der) < 2000 { // a few big ones suffice, mutation of them is slow
			f.Add(sig.der)
		}
	}
	f.Add([]byte{0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0x31, 0x00,
		0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x80, 0x24, 0x80, 0x04, 0x01, 0x41, 0x04, 0x01, 0x42,
		0, 0, 0, 0, 0, 0, 0x31, 0x00, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if si, err := ParseSignerInfo(b); err == nil {
			if _, err := si.Marshal(); err != nil {
				t.Fatalf("a parsed SignerInfo cannot be written: %v", err)
			}
		}
		s, err := Parse(b)
		if err != nil {
			return
		}
		out, err := s.Marshal()
		if err != nil {
			t.Fatalf("a parsed SignedData cannot be written: %v", err)
		}
		if len(out) > len(b)+len(b)/2 {
			t.Errorf("%d bytes became %d", len(b), len(out))
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("what was written does not parse: %v", err)
		}
		if twice, err := again.Marshal(); err != nil || !bytes.Equal(out, twice) {
			t.Errorf("writing again gives other bytes (%v)", err)
		}
		_, _ = s.X509Certificates()
		for i := range s.Signers {
			if cert, err := s.SignerCertificate(i); err == nil {
				_ = s.Signers[i].CheckSignature(cert)
			}
			_ = s.CheckContent(i)
		}
	})
}

// FuzzParseCertificate: a certificate that only ParseCertificate takes keeps its bytes.
func FuzzParseCertificate(f *testing.F) {
	for _, sig := range realSignatures(f)[:4] {
		s, err := Parse(sig.der)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range s.Certificates {
			f.Add(c.Raw)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if cert, err := ParseCertificate(b); err == nil && !bytes.Equal(cert.Raw, b) {
			t.Error("Raw is not what was parsed")
		}
	})
}
