package identity

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/sync/errgroup"
)

// TestName is the organisation in the subject of every certificate of a test
// identity, so that they cannot be taken for a real publisher.
const TestName = "Hallmark TEST, not trusted"

const (
	// testBits is what the CA/Browser Forum's code-signing requirements
	// demand of leaf keys (section 6.1.5.2).
	testBits = 3072
	// testLeafDays stays below the 460 days that the same requirements allow
	// since 2026-03-01 (section 6.3.2).
	testLeafDays = 458
	// testAuthorityYears lets timestamps outlive the leaf, as real ones do.
	testAuthorityYears = 10
)

// testSet is a freshly made test identity. The keys of its two authorities
// are thrown away as soon as the certificates are signed: a machine that trusts
// the root on a test machine trusts exactly these certificates and nothing
// that could be issued later.
type testSet struct {
	leafKey, tsaKey         *rsa.PrivateKey
	root, issuer, leaf, tsa *x509.Certificate
}

func newTestSet(now time.Time) (*testSet, error) {
	keys, err := rsaKeys(4)
	if err != nil {
		return nil, fmt.Errorf("making test keys: %v", err)
	}
	s := &testSet{leafKey: keys[2], tsaKey: keys[3]}
	from := now.UTC().Truncate(time.Second).Add(-time.Hour)
	root, issuer := testAuthority("root", from, 1), testAuthority("code signing CA", from, 0)
	leaf, tsa := testLeaf(from), testTSA(from)
	for _, c := range []struct {
		out              **x509.Certificate
		template, parent *x509.Certificate
		key, by          *rsa.PrivateKey
	}{
		{&s.root, root, root, keys[0], keys[0]},
		{&s.issuer, issuer, root, keys[1], keys[0]},
		{&s.leaf, leaf, issuer, keys[2], keys[1]},
		{&s.tsa, tsa, root, keys[3], keys[0]},
	} {
		if *c.out, err = issue(c.template, c.parent, c.key.Public(), c.by); err != nil {
			return nil, fmt.Errorf("making test certificates: %v", err)
		}
		c.template.SubjectKeyId = (*c.out).SubjectKeyId // its children's authority key identifier
	}
	return s, nil
}

// rsaKeys makes n keys at once; finding primes takes a second or so each.
func rsaKeys(n int) ([]*rsa.PrivateKey, error) {
	keys := make([]*rsa.PrivateKey, n)
	var g errgroup.Group
	for i := range keys {
		g.Go(func() (err error) {
			keys[i], err = rsa.GenerateKey(rand.Reader, testBits)
			return err
		})
	}
	return keys, g.Wait()
}

func issue(template, parent *x509.Certificate, key crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	var err error
	// RFC 5280 section 4.1.2.2: positive and at most 20 octets.
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func testSubject(role string) pkix.Name {
	return pkix.Name{Organization: []string{TestName}, CommonName: TestName + " (" + role + ")"}
}

func testAuthority(role string, from time.Time, pathLen int) *x509.Certificate {
	return &x509.Certificate{
		Subject:               testSubject(role),
		NotBefore:             from,
		NotAfter:              from.AddDate(testAuthorityYears, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLen:            pathLen,
		MaxPathLenZero:        pathLen == 0,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
}

func testLeaf(from time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:               testSubject("code signing"),
		NotBefore:             from,
		NotAfter:              from.AddDate(0, 0, testLeafDays),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
}

// testTSA is a time-stamping certificate: RFC 3161 section 2.3 demands the
// extended key usage timeStamping alone, marked critical.
func testTSA(from time.Time) *x509.Certificate {
	timeStamping := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{timeStamping})
	if err != nil {
		panic(err) // a constant
	}
	return &x509.Certificate{
		Subject:               testSubject("time stamping"),
		NotBefore:             from,
		NotAfter:              from.AddDate(testAuthorityYears, 0, 0),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtraExtensions:       []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
}
