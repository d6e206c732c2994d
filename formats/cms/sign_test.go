package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// identities are the kinds of keys that sign.
func identities(t testing.TB) map[string]*formatstest.Identity {
	t.Helper()
	pki := formatstest.NewPKI(t)
	return map[string]*formatstest.Identity{"rsa-3072": pki.Leaf, "p-256": pki.ECDSA, "p-384": pki.P384}
}

// TestOpensslAcceptsOurSignatures signs with each key and hash, has openssl verify the
// result including its chain, and refuse it with one byte changed.
func TestOpensslAcceptsOurSignatures(t *testing.T) {
	for name, id := range identities(t) {
		root := id.RootFile(t)
		for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			t.Run(name+"/"+h.String(), func(t *testing.T) {
				s, err := Sign(t.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signerOf(id, h), nil)
				if err != nil {
					t.Fatal(err)
				}
				der, err := s.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				verify := func(der []byte) (string, error) {
					return formatstest.Run(t, "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", put(t, "s", der), "-CAfile", root, "-purpose", "any")
				}
				if out, err := verify(der); err != nil || !bytes.Contains([]byte(out), payload) {
					t.Errorf("openssl: %v\n%s", err, out)
				}
				at := bytes.Index(der, payload)
				for what, i := range map[string]int{"content": at, "attributes": bytes.Index(der, s.Signers[0].RawSignedAttrs[1:]) + 60, "signature": len(der) - 9} {
					bad := bytes.Clone(der)
					bad[i] ^= 1
					if out, err := verify(bad); err == nil {
						t.Errorf("openssl accepts a wrong byte in the %s\n%s", what, out)
					}
				}
			})
		}
	}
}

// TestContentThatIsNotAnOctetString is the case that general CMS libraries cannot do:
// openssl's PKCS#7 code verifies the value octets of a SEQUENCE.
func TestContentThatIsNotAnOctetString(t *testing.T) {
	for name, id := range identities(t) {
		t.Run(name, func(t *testing.T) {
			content := append([]byte{0x30, byte(2 + len(payload))}, octets(payload)...)
			s, err := Sign(t.Context(), ContentInfo{Type: OIDSpcIndirectData, DER: content}, signerOf(id, crypto.SHA256), nil)
			if err != nil {
				t.Fatal(err)
			}
			der, err := s.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			verify := func(value []byte) error {
				_, err := formatstest.Run(t, "openssl", "smime", "-verify", "-binary", "-inform", "DER", "-in", put(t, "s", der),
					"-content", put(t, "c", value), "-CAfile", id.RootFile(t), "-purpose", "any")
				return err
			}
			if err := verify(content[2:]); err != nil {
				t.Error(err)
			}
			if err := verify(content); err == nil {
				t.Error("openssl also accepts the content with its tag and length")
			}
		})
	}
}

// TestSetsAreInOrder compares with openssl, which writes SETs in DER order when it
// writes a CMS again.
func TestSetsAreInOrder(t *testing.T) {
	pki := formatstest.NewPKI(t)
	signer := signerOf(pki.Leaf, crypto.SHA256)
	signer.Chain = append(signer.Chain, pki.Root, pki.Second.Certificate, pki.CrossRoot)
	attrs := Attributes{{Type: OIDSpcStatementType, Values: [][]byte{{0x30, 0x0c, 6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 0x15}}},
		{Type: OIDSpcSpOpusInfo, Values: [][]byte{{0x30, 0}}}}
	s, err := Sign(t.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signer, attrs)
	if err != nil {
		t.Fatal(err)
	}
	s.Signers[0].UnsignedAttrs.Add(OIDNestedSignature, []byte{4, 1, 9})
	s.Signers[0].UnsignedAttrs.Add(OIDCountersignature, []byte{4, 1, 1})
	s.Signers[0].UnsignedAttrs.Add(OIDNestedSignature, []byte{4, 1, 3})
	s.Signers[0].UnsignedAttrs.Add(OIDSequenceNumber, []byte{2, 1, 1})
	der, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	out := put(t, "out", nil)
	formatstest.MustRun(t, "openssl", "cms", "-cmsout", "-inform", "DER", "-in", put(t, "in", der), "-outform", "DER", "-out", out)
	if !bytes.Equal(read(t, out), der) {
		t.Error("openssl writes other bytes")
	}
	again, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := sorted(again); err != nil {
		t.Error(err)
	}
}

func TestSigningIsReproducible(t *testing.T) {
	pki := formatstest.NewPKI(t)
	var first []byte
	for i := range 3 {
		s, err := Sign(t.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signerOf(pki.Leaf, 0), nil)
		if err != nil {
			t.Fatal(err)
		}
		der, err := s.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && !bytes.Equal(first, der) {
			t.Error("same input, other bytes")
		}
		first = der
	}
}

// TestSplitSigning prepares here, signs there and finishes after a round through a file.
func TestSplitSigning(t *testing.T) {
	for name, id := range identities(t) {
		t.Run(name, func(t *testing.T) {
			public := signerOf(id, crypto.SHA384)
			public.Key = nil
			p, err := Prepare(ContentInfo{Type: OIDData, DER: octets(payload)}, public, nil)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := p.SignedData.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			sig, err := id.Key.Sign(rand.Reader, digestOf(p.Hash, p.ToBeSigned), p.Hash)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Parse(kept)
			if err != nil {
				t.Fatal(err)
			}
			wrong := bytes.Clone(sig)
			wrong[len(wrong)-1] ^= 1
			if err := s.SetSignature(0, wrong); !errors.Is(err, ErrBadSignature) || len(s.Signers[0].Signature) != 0 {
				t.Errorf("a wrong signature: %v", err)
			}
			if err := s.SetSignature(0, sig); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Finish(wrong); !errors.Is(err, ErrBadSignature) {
				t.Errorf("a wrong signature: %v", err)
			}
			direct, err := p.Finish(sig)
			if err != nil {
				t.Fatal(err)
			}
			a, errA := s.Marshal()
			b, errB := direct.Marshal()
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("other bytes after the file: %v, %v", errA, errB)
			}
			if err := s.CheckContent(0); err != nil {
				t.Error(err)
			}
		})
	}
}

// contextKey is a key that takes the context.
type contextKey struct {
	crypto.Signer
	ctx context.Context
}

func (k *contextKey) SignContext(ctx context.Context, rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.ctx = ctx
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return k.Sign(rand, digest, opts)
}

// faultyKey signs something else.
type faultyKey struct{ crypto.Signer }

func (k faultyKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.Signer.Sign(rand, make([]byte, len(digest)), opts)
}

func TestSignUsesTheContext(t *testing.T) {
	pki := formatstest.NewPKI(t)
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, 1)
	k := &contextKey{Signer: pki.Leaf.Key}
	signer := signerOf(pki.Leaf, 0)
	signer.Key = k
	content := ContentInfo{Type: OIDData, DER: octets(payload)}
	if _, err := Sign(ctx, content, signer, nil); err != nil || k.ctx != ctx {
		t.Errorf("error %v, context handed over: %v", err, k.ctx == ctx)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	for _, s := range []Signer{signer, signerOf(pki.Leaf, 0)} {
		if _, err := Sign(done, content, s, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	pki := formatstest.NewPKI(t)
	content := ContentInfo{Type: OIDData, DER: octets(payload)}
	good := signerOf(pki.Leaf, 0)
	with := func(edit func(*Signer)) Signer { s := good; edit(&s); return s }
	for name, c := range map[string]struct {
		signer  Signer
		content ContentInfo
		want    error
	}{
		"SHA-1":            {with(func(s *Signer) { s.Hash = crypto.SHA1 }), content, nil},
		"no certificate":   {with(func(s *Signer) { s.Certificate = nil }), content, nil},
		"no key":           {with(func(s *Signer) { s.Key = nil }), content, nil},
		"another's key":    {with(func(s *Signer) { s.Key = pki.Second.Key }), content, nil},
		"faulty key":       {with(func(s *Signer) { s.Key = faultyKey{s.Key} }), content, ErrBadSignature},
		"two values":       {good, ContentInfo{Type: OIDData, DER: append(octets(payload), octets(payload)...)}, nil},
		"no content":       {good, ContentInfo{Type: OIDData}, nil},
		"no content type":  {good, ContentInfo{DER: octets(payload)}, nil},
		"unknown key type": {Signer{Key: good.Key, Certificate: &x509.Certificate{}}, content, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Sign(t.Context(), c.content, c.signer, nil)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
