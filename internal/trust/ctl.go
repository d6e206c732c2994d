package trust

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// listKind is one of the lists that Microsoft publishes.
type listKind struct {
	name string // in messages
	of   string // likewise
	file string // without ending, as the list is called at its source
	// usage is what the list says of itself (subjectUsage), signers which usages its signer may name.
	usage   asn1.ObjectIdentifier
	signers []certchain.Usage
}

// trustedRoots and disallowedCerts are the lists; wincrypt.h has the names of the files (CERT_AUTH_ROOT_CTL_FILENAME,
// CERT_DISALLOWED_CERT_CTL_FILENAME). Which of the three usages for signing lists the publisher of the second names is not
// documented. Only Microsoft has certificates with any of them below its roots.
func trustedRoots() listKind {
	return listKind{name: "root list", of: "trusted roots", file: "authroot", usage: oidRootList,
		signers: []certchain.Usage{certchain.UsageRootList}}
}

func disallowedCerts() listKind {
	return listKind{name: "list of disallowed certificates", of: "disallowed certificates", file: "disallowedcert", usage: oidDisallowedList,
		signers: []certchain.Usage{certchain.UsageDisallowedList, certchain.UsageRevokedList, certchain.UsageRootList}}
}

var (
	oidRootList       = certchain.UsageRootList.OID()       // szOID_ROOT_LIST_SIGNER
	oidDisallowedList = certchain.UsageDisallowedList.OID() // szOID_DISALLOWED_LIST
)

// ctl is a certificate trust list (Microsoft, [MS-CAESO] section 4.4).
type ctl struct {
	sequence  *big.Int
	issued    time.Time
	algorithm asn1.ObjectIdentifier // says what identifies a subject
	subjects  cryptobyte.String
}

// openList checks the signature of a list and reads what it says of itself. Nothing of it is used before the signature is
// good. now is the moment at which the signer is judged; the zero value is the date of the list.
func openList(stl []byte, kind listKind, anchors *certchain.Pool, now time.Time) (*ctl, error) {
	sd, err := cms.Parse(stl)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %v", kind.name, err)
	}
	if !sd.ContentType.Equal(cms.OIDCTL) || len(sd.Signers) != 1 {
		return nil, fmt.Errorf("reading %s: not a certificate trust list with one signer", kind.name)
	}
	cert, err := checkSignature(sd)
	if err != nil {
		return nil, fmt.Errorf("checking the signature of the %s: %v", kind.name, err)
	}
	l, err := readCTL(sd.Content, kind, now)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %v", kind.name, err)
	}
	if now.IsZero() {
		now = l.issued
	}
	if err := checkSigner(sd, cert, kind, anchors, now); err != nil {
		return nil, fmt.Errorf("checking the signature of the %s: %v", kind.name, err)
	}
	return l, nil
}

func checkSignature(sd *cms.SignedData) (*x509.Certificate, error) {
	cert, err := sd.SignerCertificate(0)
	if err != nil {
		return nil, err
	}
	if err := sd.CheckContent(0); err != nil {
		return nil, err
	}
	return cert, sd.Signers[0].CheckSignature(cert)
}

func checkSigner(sd *cms.SignedData, cert *x509.Certificate, kind listKind, anchors *certchain.Pool, now time.Time) error {
	if h, err := sd.Signers[0].Hash(); err != nil || h == crypto.MD5 || h == crypto.SHA1 {
		return fmt.Errorf("made with %v", h)
	}
	n := slices.IndexFunc(kind.signers, func(u certchain.Usage) bool { return certchain.HasEKU(cert, u.OID()) })
	if n < 0 {
		return fmt.Errorf("%s is not for %s", cert.Subject, kind.signers[0])
	}
	embedded, _ := sd.X509Certificates() // one that cannot be read is missed only if the chain needs it
	best := certchain.Build(context.Background(), cert, certchain.Options{Time: now, Usage: kind.signers[n], Anchors: anchors, Intermediates: embedded})[0]
	return best.Err()
}

// readCTL reads CertificateTrustList { version OPTIONAL, subjectUsage, listIdentifier OPTIONAL, sequenceNumber, thisUpdate,
// nextUpdate OPTIONAL, subjectAlgorithm, trustedSubjects, extensions OPTIONAL } up to the subjects.
func readCTL(der []byte, kind listKind, now time.Time) (*ctl, error) {
	in := cryptobyte.String(der)
	var seq, usage, alg cryptobyte.String
	var id asn1.ObjectIdentifier
	l := &ctl{sequence: new(big.Int)}
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || !seq.SkipOptionalASN1(cbasn1.INTEGER) || !seq.ReadASN1(&usage, cbasn1.SEQUENCE) ||
		!usage.ReadASN1ObjectIdentifier(&id) || !usage.Empty() || !id.Equal(kind.usage) {
		return nil, fmt.Errorf("it is not a list of %s", kind.of)
	}
	var when time.Time
	if !seq.SkipOptionalASN1(cbasn1.OCTET_STRING) || !seq.ReadASN1Integer(l.sequence) || !readTime(&seq, &l.issued) {
		return nil, errors.New("malformed sequence number or date")
	}
	if seq.PeekASN1Tag(cbasn1.UTCTime) || seq.PeekASN1Tag(cbasn1.GeneralizedTime) {
		if !readTime(&seq, &when) || now.After(when) {
			return nil, fmt.Errorf("it is out of date since %s", when.Format(time.RFC3339))
		}
	}
	if !seq.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&l.algorithm) || !seq.ReadASN1(&l.subjects, cbasn1.SEQUENCE) {
		return nil, errors.New("malformed subjects")
	}
	return l, nil
}

func readTime(in *cryptobyte.String, t *time.Time) bool {
	if in.PeekASN1Tag(cbasn1.UTCTime) {
		return in.ReadASN1UTCTime(t)
	}
	return in.ReadASN1GeneralizedTime(t)
}
