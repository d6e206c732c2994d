package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// rotating is a service that signs with one identity after the other.
type rotating struct {
	ids   []*formatstest.Identity
	n     int
	allow func(service.Scheme, crypto.Hash) error
	wrong bool // answer with a signature over something else
	plain bool // send no certificates with signatures
}

func (r *rotating) Open(context.Context) (*service.Held, error) {
	id := r.ids[0]
	return &service.Held{Publics: []crypto.PublicKey{id.Key.Public()}, Certificates: bundle(id), Allows: r.allow}, nil
}

// bundle holds the certificates of an identity, the leaf last.
func bundle(id *formatstest.Identity) []*x509.Certificate {
	return append(append([]*x509.Certificate{id.Root}, id.Chain...), id.Certificate)
}

func (r *rotating) Sign(_ context.Context, d service.Digest) (*service.Signed, error) {
	id := r.ids[min(r.n, len(r.ids)-1)]
	r.n++
	if r.wrong {
		d.Sum = make([]byte, len(d.Sum))
	}
	signature, err := id.Key.Sign(rand.Reader, d.Sum, d.Hash)
	if r.plain {
		return &service.Signed{Signature: signature}, err
	}
	return &service.Signed{Signature: signature, Certificates: bundle(id)}, err
}

func openRotating(t *testing.T, r *rotating, edit ...func(*Options)) (*Identity, error) {
	t.Helper()
	o := Options{Roots: []*x509.Certificate{formatstest.NewPKI(t).Root}, StateDir: t.TempDir()}
	for _, e := range edit {
		e(&o)
	}
	id := &Identity{Kind: "rotating", Ref: "rotating:x", opts: o.withDefaults()}
	if err := id.adoptRemote(context.Background(), "Rotating Signing", r); err != nil {
		return nil, err
	}
	return id, id.completeChain(context.Background())
}

// days3 is a certificate as services issue them anew each day.
func days3(t *testing.T, pki *formatstest.PKI, key crypto.Signer, cn string, more ...func(*x509.Certificate)) *formatstest.Identity {
	t.Helper()
	id := pki.IssueFor(t, key, cn, func(c *x509.Certificate) {
		c.NotBefore = time.Now().Add(-time.Hour)
		c.NotAfter = c.NotBefore.Add(72 * time.Hour)
		c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 97, 1, 0}, {1, 3, 6, 1, 4, 1, 311, 97, 1, 2, 3, 4}}
		for _, m := range more {
			m(c)
		}
	})
	return id
}

// TestCertificateOfItsOwnAnswer: every signature is built with the certificate
// that came with it, also when that changes between two files.
func TestCertificateOfItsOwnAnswer(t *testing.T) {
	pki := formatstest.NewPKI(t)
	monday, tuesday := days3(t, pki, pki.Leaf.Key, "Daily Ltd"), days3(t, pki, pki.Second.Key, "Daily Ltd")
	r := &rotating{ids: []*formatstest.Identity{monday, tuesday, monday, tuesday}}
	id, err := openRotating(t, r)
	if err != nil {
		t.Fatal(err)
	}
	wantLeaf(t, id, monday) // its trial signature is the first answer
	for n, want := range []*formatstest.Identity{tuesday, monday, tuesday} {
		sd, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDSpcIndirectData, DER: []byte{0x30, 0}},
			cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain, Extra: []*x509.Certificate{pki.CrossRoot}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sd.SignerCertificate(0)
		if err != nil || !got.Equal(want.Certificate) {
			t.Errorf("signature %d is built with another certificate: %v", n, err)
		}
		if len(sd.Certificates) != 3 {
			t.Errorf("signature %d embeds %d certificates, want leaf, intermediate and the further one", n, len(sd.Certificates))
		}
		if err := sd.Signers[0].CheckSignature(want.Certificate); err != nil {
			t.Errorf("signature %d: %v", n, err)
		}
	}
	if r.n != 4 {
		t.Errorf("%d signatures were asked for, want 4", r.n)
	}
}

func TestRenewedCertificateIsJudged(t *testing.T) {
	pki := formatstest.NewPKI(t)
	first := days3(t, pki, pki.Leaf.Key, "Daily Ltd")
	for name, c := range map[string]struct {
		next *formatstest.Identity
		want string
	}{
		"another subject": {days3(t, pki, pki.Second.Key, "Mallory Ltd"), "its subject is"},
		"expired": {days3(t, pki, pki.Second.Key, "Daily Ltd", func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-100*time.Hour), time.Now().Add(-28*time.Hour)
		}), "the certificate expired"},
		"another subscriber": {days3(t, pki, pki.Second.Key, "Daily Ltd", func(c *x509.Certificate) {
			c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 97, 1, 0}, {1, 3, 6, 1, 4, 1, 311, 97, 9, 9, 9, 9}}
		}), "lacks the extended key usage 1.3.6.1.4.1.311.97.1.2.3.4"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := openRotating(t, &rotating{ids: []*formatstest.Identity{first, c.next}},
				func(o *Options) { o.ExpectEKUs = []string{"1.3.6.1.4.1.311.97.1.2.3.4"} })
			if err != nil {
				t.Fatal(err)
			}
			if err := Err(id.Judge(time.Now())); err != nil {
				t.Fatal(err)
			}
			digest := sha256.Sum256(nil)
			_, err = id.Key.(cms.CertifyingSigner).SignCertified(context.Background(), digest[:], crypto.SHA256)
			wantError(t, err, fault.Usage, "Rotating Signing: the certificate of this signature is a new one", c.want)
		})
	}
}

func TestExpectations(t *testing.T) {
	pki := formatstest.NewPKI(t)
	id, err := openRotating(t, &rotating{ids: []*formatstest.Identity{pki.Leaf}}, func(o *Options) {
		o.ExpectEKUs, o.ExpectSubject = []string{"1.2.3", "1.3.6.1.5.5.7.3.3"}, "Somebody Else"
	})
	if err != nil {
		t.Fatal(err)
	}
	problems := id.JudgeCertificate(time.Now())
	if severe(problems) != 2 || !hasProblem(problems, Error, RuleExpected, "1.2.3") || !hasProblem(problems, Error, RuleExpected, "Somebody Else") {
		t.Errorf("got %+v", problems)
	}
	id.opts.ExpectEKUs, id.opts.ExpectSubject = []string{"1.3.6.1.5.5.7.3.3"}, "hallmark  test PUBLISHER"
	if problems := id.JudgeCertificate(time.Now()); severe(problems) != 0 {
		t.Errorf("got %+v", problems)
	}
}

func TestWrongSignatureOfAService(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for _, plain := range []bool{false, true} {
		id, err := openRotating(t, &rotating{ids: []*formatstest.Identity{pki.Leaf}, wrong: true, plain: plain})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, id.Probe(), fault.Service, "does not verify")
	}
}

func TestKeyThatMayNotSignSo(t *testing.T) {
	pki := formatstest.NewPKI(t)
	r := &rotating{ids: []*formatstest.Identity{pki.Leaf}, allow: func(s service.Scheme, h crypto.Hash) error {
		if h != crypto.SHA512 || s != service.SchemePKCS1v15 {
			return fault.New(fault.Usage, "the key makes RSA_SIGN_PKCS1_3072_SHA512 signatures only").Hint("set sign.digest: sha512")
		}
		return nil
	}}
	id, err := openRotating(t, r)
	if err != nil {
		t.Fatal(err)
	}
	problems := id.Judge(time.Now())
	if !hasProblem(problems, Error, RuleKey, "SHA512 signatures only") || r.n != 0 {
		t.Errorf("%d signatures, %+v", r.n, problems)
	}
	id, err = openRotating(t, r, func(o *Options) { o.Hash = crypto.SHA512 })
	if err != nil {
		t.Fatal(err)
	}
	if err := Err(id.Judge(time.Now())); err != nil || r.n != 1 {
		t.Errorf("%d signatures, %v", r.n, err)
	}
	if _, err := id.Key.Sign(rand.Reader, make([]byte, 64), &rsa.PSSOptions{Hash: crypto.SHA512}); err == nil || r.n != 1 {
		t.Errorf("PSS was asked for: %v", err)
	}
}

func TestRemoteKeyWithoutItsCertificate(t *testing.T) {
	pki := formatstest.NewPKI(t)
	id := &Identity{opts: Options{StateDir: t.TempDir(), ChainFiles: []string{pki.Second.CertFile(t)}}.withDefaults()}
	err := id.adoptRemote(context.Background(), "Bare Signing", bare{pki.Leaf.Key})
	wantError(t, err, fault.Usage, "none of 2 certificates belongs to the key", "sign.chain")
	id = &Identity{opts: Options{StateDir: t.TempDir()}.withDefaults()}
	err = id.adoptRemote(context.Background(), "Bare Signing", bare{pki.Leaf.Key})
	wantError(t, err, fault.Usage, "holds no certificate", "sign.chain")
}

// bare is a service that holds a key and no certificate.
type bare struct{ key crypto.Signer }

func (b bare) Open(context.Context) (*service.Held, error) {
	return &service.Held{Publics: []crypto.PublicKey{b.key.Public()}}, nil
}
func (b bare) Sign(context.Context, service.Digest) (*service.Signed, error) {
	return nil, errors.New("not asked for")
}

func TestOwns(t *testing.T) {
	pki := formatstest.NewPKI(t)
	daily := func(cn string) *x509.Certificate { return days3(t, pki, pki.Leaf.Key, cn).Certificate }
	id := &Identity{Certificate: daily("Daily Ltd")}
	for name, c := range map[string]struct {
		certificate *x509.Certificate
		want        bool
	}{
		"itself":             {id.Certificate, true},
		"another day's":      {daily("Daily Ltd"), true},
		"of another subject": {daily("Mallory Ltd"), false},
		"a long-lived one":   {pki.Issue(t, "Daily Ltd", nil).Certificate, false},
	} {
		if got := id.Owns(c.certificate); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	year := &Identity{Certificate: pki.Leaf.Certificate}
	if year.Owns(pki.Issue(t, pki.Leaf.Certificate.Subject.CommonName, nil).Certificate) {
		t.Error("two certificates for a year each are one")
	}
	if strings.Contains(pki.Leaf.Certificate.Subject.CommonName, "Daily") || !id.ShortLived() || year.ShortLived() {
		t.Error("short-lived or not")
	}
}
