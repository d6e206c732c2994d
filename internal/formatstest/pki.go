package formatstest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"sync"
	"testing"
	"time"
)

// PKI is a certificate hierarchy for tests: a root, one intermediate and leaves of every kind that a signer or a
// verifier has to tell apart. Nothing in it is secret; all keys lie unprotected in the test cache.
type PKI struct {
	Root         *x509.Certificate // "Hallmark Test Root", for code signing
	Intermediate *x509.Certificate // path length 0
	TSARoot      *x509.Certificate // "Hallmark Test TSA Root", for time stamping only

	Leaf   *Identity // RSA-3072, code signing, organisation validated: the ordinary publisher
	Second *Identity // another publisher with its own RSA-3072 key, for second signatures
	ECDSA  *Identity // P-256
	P384   *Identity // P-384
	// RSA4096 has the largest key that Microsoft's root programme knows.
	RSA4096 *Identity
	EV      *Identity // policy 2.23.140.1.3 and the subject fields of an EV certificate
	// Artifact looks as Microsoft Artifact Signing's public-trust certificates do: three days long, marker and
	// subscriber EKUs beside code signing.
	Artifact *Identity
	Lifetime *Identity // lifetime-signing EKU 1.3.6.1.4.1.311.10.3.13: a timestamp does not prolong it; valid
	// ExpiredLifetime is the same, past its end.
	ExpiredLifetime *Identity
	Expired         *Identity // ended a year before the PKI was made, began two years before that
	NotYet          *Identity // begins in nine years
	WrongEKU        *Identity // TLS server
	NoEKU           *Identity // no extended key usage at all: good for any purpose
	Weak            *Identity // RSA-2048: valid, below the 3072 bits that public CAs must ask since 2021
	SelfSigned      *Identity // no CA above it
	NotTrusted      *Identity // below UntrustedRoot
	UntrustedRoot   *x509.Certificate
	// CrossRoot is Root's key and name certified by UntrustedRoot: a cross-certificate.
	CrossRoot *x509.Certificate

	TSA         *Identity // RSA-3072, EKU time stamping, alone and critical, as RFC 3161 2.3 asks; valid from five years ago
	LaxTSA      *Identity // EKU time stamping, not critical
	MixedTSA    *Identity // EKU time stamping and code signing
	ExpiredTSA  *Identity // ended a year ago
	StrangerTSA *Identity // below UntrustedRoot

	keys map[string]crypto.Signer
}

// pkiCache keeps the one PKI of this process.
var pkiCache struct {
	sync.Mutex
	pki *PKI
}

// NewPKI returns the test PKI. It is the same for all tests of this user until its certificates come near their end:
// making RSA-3072 keys takes seconds.
func NewPKI(t testing.TB) *PKI {
	t.Helper()
	pkiCache.Lock()
	defer pkiCache.Unlock()
	if pkiCache.pki == nil {
		pkiCache.pki = loadPKI(t)
	}
	return pkiCache.pki
}

// Issue makes a further code-signing leaf below the intermediate: RSA-3072, valid for a year. edit may change any
// field of the template before it is signed.
func (p *PKI) Issue(t testing.TB, commonName string, edit func(*x509.Certificate)) *Identity {
	t.Helper()
	return p.IssueFor(t, p.keys["leaf"], commonName, edit)
}

// IssueFor is Issue for a key of the caller's.
func (p *PKI) IssueFor(t testing.TB, key crypto.Signer, commonName string, edit func(*x509.Certificate)) *Identity {
	t.Helper()
	tmpl := codeSigning(commonName, time.Now())
	if edit != nil {
		edit(tmpl)
	}
	id, err := p.issue(tmpl, key, p.Intermediate, p.keys["intermediate"])
	if err != nil {
		t.Fatalf("issuing test certificate: %v", err)
	}
	return id
}

// IssueTSA makes a further time-stamping leaf below TSARoot.
func (p *PKI) IssueTSA(t testing.TB, commonName string, edit func(*x509.Certificate)) *Identity {
	t.Helper()
	tmpl := timeStamping(commonName, time.Now(), true)
	if edit != nil {
		edit(tmpl)
	}
	id, err := p.issue(tmpl, p.keys["tsa"], p.TSARoot, p.keys["tsaroot"])
	if err != nil {
		t.Fatalf("issuing test certificate: %v", err)
	}
	return id
}

// CRL returns a revocation list (DER) of the intermediate that names the given serial numbers, revoked at the given
// time; it is valid for a week from now.
func (p *PKI) CRL(t testing.TB, revokedAt time.Time, serials ...*big.Int) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().AddDate(0, 0, 7)}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: s, RevocationTime: revokedAt})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, p.Intermediate, p.keys["intermediate"])
	if err != nil {
		t.Fatalf("making test CRL: %v", err)
	}
	return der
}

// IntermediateKey returns the intermediate's key, for tests that need an OCSP responder or a CRL of their own.
func (p *PKI) IntermediateKey() crypto.Signer { return p.keys["intermediate"] }

// Roots returns a pool that holds Root, TSARoots one that holds TSARoot.
func (p *PKI) Roots() *x509.CertPool { return pool(p.Root) }

// TSARoots returns a pool that holds TSARoot.
func (p *PKI) TSARoots() *x509.CertPool { return pool(p.TSARoot) }

func pool(certs ...*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool
}

// issue signs a certificate and returns it with its chain below the root.
func (p *PKI) issue(tmpl *x509.Certificate, key crypto.Signer, parent *x509.Certificate, parentKey crypto.Signer) (*Identity, error) {
	cert, err := certify(tmpl, key, parent, parentKey)
	if err != nil {
		return nil, err
	}
	id := &Identity{Certificate: cert, Key: key, Root: parent}
	if parent == p.Intermediate {
		id.Chain, id.Root = []*x509.Certificate{p.Intermediate}, p.Root
	}
	return id, nil
}

// certify signs tmpl; parent nil means self-signed.
func certify(tmpl *x509.Certificate, key crypto.Signer, parent *x509.Certificate, parentKey crypto.Signer) (*x509.Certificate, error) {
	if tmpl.SerialNumber == nil {
		serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
		if err != nil {
			return nil, err
		}
		tmpl.SerialNumber = serial
	}
	tmpl.BasicConstraintsValid = true
	if parent == nil {
		parent, parentKey = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func name(commonName string) pkix.Name {
	return pkix.Name{CommonName: commonName, Organization: []string{"Hallmark Test"}, Country: []string{"CH"}}
}

func authority(commonName string, now time.Time, pathLen int) *x509.Certificate {
	return &x509.Certificate{Subject: name(commonName), NotBefore: now.AddDate(-6, 0, 0), NotAfter: now.AddDate(20, 0, 0), IsCA: true,
		MaxPathLen: pathLen, MaxPathLenZero: pathLen == 0, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
}

// codeSigning is a leaf of the kind that public CAs issue: policy 2.23.140.1.4.1 (organisation validated).
func codeSigning(commonName string, now time.Time) *x509.Certificate {
	return &x509.Certificate{Subject: name(commonName), NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		Policies: []x509.OID{oid(2, 23, 140, 1, 4, 1)}}
}

func oid(parts ...uint64) x509.OID {
	o, err := x509.OIDFromInts(parts)
	if err != nil {
		panic(err) // a constant of this file is wrong
	}
	return o
}

// timeStamping is a TSA leaf; RFC 3161 2.3 wants one extended key usage, critical, which x509 cannot express.
func timeStamping(commonName string, now time.Time, critical bool, more ...asn1.ObjectIdentifier) *x509.Certificate {
	usages := append([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}, more...)
	der, err := asn1.Marshal(usages)
	if err != nil {
		panic(err) // a constant of this file is wrong
	}
	return &x509.Certificate{Subject: name(commonName), NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(8, 0, 0),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: der}}}
}
