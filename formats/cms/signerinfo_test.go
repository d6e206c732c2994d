package cms

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestCountersignatures reads and writes the bare SignerInfos of real files.
func TestCountersignatures(t *testing.T) {
	n := 0
	for _, sig := range realSignatures(t) {
		s, err := Parse(sig.der)
		if err != nil {
			t.Fatal(err)
		}
		for _, si := range s.Signers {
			a, ok := si.UnsignedAttr(OIDCountersignature)
			if !ok {
				continue
			}
			n++
			for _, v := range a.Values {
				counter, err := ParseSignerInfo(v)
				if err != nil {
					t.Fatalf("%s: %v", sig.name, err)
				}
				if out, err := counter.Marshal(); err != nil || !bytes.Equal(out, v) {
					t.Errorf("%s: other bytes come out (%v)", sig.name, err)
				}
				cert, err := s.FindCertificate(counter)
				if err != nil {
					t.Fatalf("%s: %v", sig.name, err)
				}
				if err := errors.Join(counter.CheckSignature(cert), counter.CheckMessageDigest(octetString(si.Signature))); err != nil {
					t.Errorf("%s: %v", sig.name, err)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no countersignature found")
	}
}

func octetString(b []byte) []byte { return append(appendLength([]byte{4}, len(b)), b...) }

func TestParseSignerInfo(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s, err := Sign(t.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signerOf(pki.Leaf, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	si := &s.Signers[0]
	si.UnsignedAttrs.Add(OIDSequenceNumber, []byte{2, 1, 1})
	good, err := si.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	h, _ := readHeader(good)
	ber := append(append([]byte{0x30, 0x80}, good[h.size:]...), 0, 0)
	for name, in := range map[string][]byte{"DER": good, "BER": ber} {
		got, err := ParseSignerInfo(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out, err := got.Marshal(); err != nil || !bytes.Equal(out, good) {
			t.Errorf("%s: other bytes come out (%v)", name, err)
		}
		if err := got.CheckSignature(pki.Leaf.Certificate); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, in := range map[string][]byte{"empty": nil, "bytes after": append(bytes.Clone(good), 0), "bytes after BER": append(bytes.Clone(ber), 0)} {
		var pe *ParseError
		if _, err := ParseSignerInfo(in); !errors.As(err, &pe) || !strings.Contains(err.Error(), "SignerInfo at offset") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTruncated cuts a signature at every place: an error each time, no panic.
func TestTruncated(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s, err := Sign(t.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signerOf(pki.ECDSA, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for i := range der {
		if _, err := Parse(der[:i:i]); err == nil {
			t.Errorf("%d of %d bytes are accepted", i, len(der))
		}
	}
}

// TestChangedIdentity: what is changed after parsing is what gets written.
func TestChangedIdentity(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s, err := Sign(t.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signerOf(pki.Leaf, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*SignerInfo){
		"serial":         func(si *SignerInfo) { si.Serial = pki.Second.Certificate.SerialNumber },
		"issuer":         func(si *SignerInfo) { si.RawIssuer = pki.Root.RawSubject },
		"key identifier": func(si *SignerInfo) { si.RawIssuer, si.Serial, si.SubjectKeyID = nil, nil, []byte("key") },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			edit(&s.Signers[0])
			out, err := s.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse(out)
			if err != nil {
				t.Fatal(err)
			}
			a, b := s.Signers[0], again.Signers[0]
			if !bytes.Equal(a.RawIssuer, b.RawIssuer) || !bytes.Equal(a.SubjectKeyID, b.SubjectKeyID) || (a.Serial != nil && a.Serial.Cmp(b.Serial) != 0) {
				t.Error("the change is lost")
			}
			if _, err := again.SignerCertificate(0); !errors.Is(err, ErrNoCertificate) {
				t.Errorf("certificate: %v", err)
			}
		})
	}
	if _, err := s.SignerCertificate(1); err == nil {
		t.Error("there is a second signer")
	}
	if err := s.CheckContent(-1); err == nil {
		t.Error("there is a signer before the first")
	}
}

func TestPSSParameters(t *testing.T) {
	sha256 := []byte{0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1}
	tlv := func(tag byte, parts ...[]byte) []byte {
		b := bytes.Join(parts, nil)
		return append([]byte{tag, byte(len(b))}, b...)
	}
	mgf := func(hash []byte) []byte {
		return tlv(0x30, []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 8}, hash)
	}
	hash, mask, salt := tlv(0xa0, sha256), tlv(0xa1, mgf(sha256)), []byte{0xa2, 3, 2, 1, 32}
	for name, c := range map[string]struct {
		in   []byte
		salt int // -1: an error
	}{
		"all":                 {tlv(0x30, hash, mask, salt), 32},
		"defaults":            {tlv(0x30), 20},
		"no salt":             {tlv(0x30, hash, mask), 20},
		"trailer 1":           {tlv(0x30, hash, mask, salt, []byte{0xa3, 3, 2, 1, 1}), 32},
		"trailer 2":           {tlv(0x30, hash, mask, salt, []byte{0xa3, 3, 2, 1, 2}), -1},
		"nothing":             {nil, -1},
		"another mask hash":   {tlv(0x30, hash), -1},
		"unknown hash":        {tlv(0x30, tlv(0xa0, []byte{0x30, 3, 6, 1, 42}), mask), -1},
		"hash is no hash":     {tlv(0x30, tlv(0xa0, []byte{2, 1, 0}), mask), -1},
		"mask is not MGF1":    {tlv(0x30, hash, tlv(0xa1, sha256)), -1},
		"mask without hash":   {tlv(0x30, hash, tlv(0xa1, mgf(nil))), -1},
		"negative salt":       {tlv(0x30, hash, mask, []byte{0xa2, 3, 2, 1, 0xff}), -1},
		"salt is not integer": {tlv(0x30, hash, mask, []byte{0xa2, 3, 4, 1, 1}), -1},
		"bytes after":         {tlv(0x30, hash, mask, salt, []byte{5, 0}), -1},
		"cut":                 {[]byte{0x30, 3, 0xa0, 9, 0}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, salt, err := pssParameters(c.in)
			if (err != nil) != (c.salt < 0) || err == nil && salt != c.salt {
				t.Errorf("salt %d, error %v", salt, err)
			}
		})
	}
}

// TestBareHash: RSA over a hash without DigestInfo passes for the old hashes alone,
// whose servers made such signatures.
func TestBareHash(t *testing.T) {
	pki := formatstest.NewPKI(t)
	key, ok := pki.Leaf.Key.(*rsa.PrivateKey)
	if !ok {
		t.Fatal("not an RSA key")
	}
	for h, want := range map[crypto.Hash]bool{crypto.MD5: true, crypto.SHA1: true, crypto.SHA256: false, crypto.SHA512: false} {
		alg, err := DigestAlgorithm(h)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := rsa.SignPKCS1v15(nil, key, 0, digestOf(h, payload))
		if err != nil {
			t.Fatal(err)
		}
		si := &SignerInfo{DigestAlgorithm: alg, SignatureAlgorithm: pkix.AlgorithmIdentifier{Algorithm: OIDRSAEncryption}, Signature: sig}
		if err := si.CheckSignatureOver(pki.Leaf.Certificate, payload); (err == nil) != want {
			t.Errorf("%v: %v", h, err)
		}
		if err := si.CheckSignatureOver(pki.Leaf.Certificate, payload[1:]); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%v over something else: %v", h, err)
		}
	}
}
