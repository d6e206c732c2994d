package trust

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Attributes of the entries of Microsoft's list are properties of certificate contexts, numbered below
// 1.3.6.1.4.1.311.10.11 (wincrypt.h, szOID_CERT_PROP_ID_PREFIX).
const (
	propUsage           = 9   // CERT_ENHKEY_USAGE_PROP_ID: DER SEQUENCE OF OID
	propSHA256          = 98  // CERT_AUTH_ROOT_SHA256_HASH_PROP_ID
	propDisallowedFrom  = 104 // CERT_DISALLOWED_FILETIME_PROP_ID
	propDisallowedUsage = 122 // CERT_DISALLOWED_ENHKEY_USAGE_PROP_ID
	propNotBefore       = 126 // CERT_NOT_BEFORE_FILETIME_PROP_ID: certificates issued later are not trusted
	propNotBeforeUsage  = 127 // CERT_NOT_BEFORE_ENHKEY_USAGE_PROP_ID: for these usages
)

const maxEntries = 2000 // the list has about 500

var (
	oidPropPrefix = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 11}
	oidRootList   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 9} // szOID_ROOT_LIST_SIGNER, the list's own usage
)

// entry is one root of the list.
type entry struct {
	sha1, sha256 []byte
	code, stamp  bool // trusted for code signing, for time stamping
}

// rootList is Microsoft's list of trusted roots, a certificate trust list (Microsoft, [MS-CAESO] section 4.4).
type rootList struct {
	sequence *big.Int
	issued   time.Time
	entries  []entry
}

// parseList checks the signature of authroot.stl and reads it. Nothing of it is read before the signature is good.
func parseList(stl []byte, anchors *authenticode.Pool, now time.Time) (*rootList, error) {
	sd, err := cms.Parse(stl)
	if err != nil {
		return nil, fmt.Errorf("reading root list: %v", err)
	}
	if !sd.ContentType.Equal(cms.OIDCTL) || len(sd.Signers) != 1 {
		return nil, errors.New("reading root list: not a certificate trust list with one signer")
	}
	if err := checkSigner(sd, anchors, now); err != nil {
		return nil, fmt.Errorf("checking the signature of the root list: %v", err)
	}
	l, err := readList(sd.Content, now)
	if err != nil {
		return nil, fmt.Errorf("reading root list: %v", err)
	}
	return l, nil
}

func checkSigner(sd *cms.SignedData, anchors *authenticode.Pool, now time.Time) error {
	cert, err := sd.SignerCertificate(0)
	if err != nil {
		return err
	}
	if err := sd.CheckContent(0); err != nil {
		return err
	}
	if err := sd.Signers[0].CheckSignature(cert); err != nil {
		return err
	}
	if h, err := sd.Signers[0].Hash(); err != nil || h == crypto.MD5 || h == crypto.SHA1 {
		return fmt.Errorf("made with %v", h)
	}
	if !names(cert, oidRootList) {
		return fmt.Errorf("%s is not for signing root lists", cert.Subject)
	}
	embedded, _ := sd.X509Certificates() // one that cannot be read is missed only if the chain needs it
	best := authenticode.BuildChains(cert, authenticode.ChainOptions{Time: now, Usage: authenticode.UsageRootList, Anchors: anchors, Intermediates: embedded})[0]
	if len(best.Problems) > 0 {
		return fmt.Errorf("%s", best.Problems[0])
	}
	return nil
}

// names reports whether the certificate says in so many words that it is for a usage.
func names(c *x509.Certificate, usage asn1.ObjectIdentifier) bool {
	for _, u := range c.UnknownExtKeyUsage {
		if u.Equal(usage) {
			return true
		}
	}
	return false
}

// readList reads CertificateTrustList { version OPTIONAL, subjectUsage, listIdentifier OPTIONAL, sequenceNumber, thisUpdate,
// nextUpdate OPTIONAL, subjectAlgorithm, trustedSubjects, extensions OPTIONAL }.
func readList(der []byte, now time.Time) (*rootList, error) {
	in := cryptobyte.String(der)
	var seq, usage, alg, subjects cryptobyte.String
	var id asn1.ObjectIdentifier
	l := &rootList{sequence: new(big.Int)}
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || !seq.SkipOptionalASN1(cbasn1.INTEGER) || !seq.ReadASN1(&usage, cbasn1.SEQUENCE) ||
		!usage.ReadASN1ObjectIdentifier(&id) || !usage.Empty() || !id.Equal(oidRootList) {
		return nil, errors.New("it is not a list of trusted roots")
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
	if !seq.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&id) || !id.Equal(cms.OIDSHA1) || !seq.ReadASN1(&subjects, cbasn1.SEQUENCE) {
		return nil, errors.New("malformed subjects, or not identified by SHA-1")
	}
	for !subjects.Empty() {
		e, err := readEntry(&subjects, now)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %v", len(l.entries)+1, err)
		}
		if l.entries = append(l.entries, e); len(l.entries) > maxEntries {
			return nil, fmt.Errorf("more than %d entries", maxEntries)
		}
	}
	return l, nil
}

func readTime(in *cryptobyte.String, t *time.Time) bool {
	if in.PeekASN1Tag(cbasn1.UTCTime) {
		return in.ReadASN1UTCTime(t)
	}
	return in.ReadASN1GeneralizedTime(t)
}

func readEntry(in *cryptobyte.String, now time.Time) (entry, error) {
	var seq, attrs cryptobyte.String
	var e entry
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1Bytes(&e.sha1, cbasn1.OCTET_STRING) || len(e.sha1) != 20 {
		return e, errors.New("malformed identifier")
	}
	props := map[int][]byte{}
	if !seq.Empty() && !seq.ReadASN1(&attrs, cbasn1.SET) {
		return e, errors.New("malformed attributes")
	}
	for !attrs.Empty() {
		var attr, values cryptobyte.String
		var id asn1.ObjectIdentifier
		var value []byte
		if !attrs.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&id) || !attr.ReadASN1(&values, cbasn1.SET) {
			return e, errors.New("malformed attribute")
		}
		if len(id) != len(oidPropPrefix)+1 || !id[:len(oidPropPrefix)].Equal(oidPropPrefix) {
			continue
		}
		if !values.ReadASN1Bytes(&value, cbasn1.OCTET_STRING) {
			return e, fmt.Errorf("malformed value of attribute %v", id)
		}
		props[id[len(id)-1]] = value
	}
	return e, e.judge(props, now)
}

// judge decides what the root is trusted for. Where the list limits trust to certificates issued before a date, or ends it at one, the
// root is left out: an anchor in our pools has no such conditions, so it is safer not to have it.
func (e *entry) judge(props map[int][]byte, now time.Time) error {
	if e.sha256 = props[propSHA256]; len(e.sha256) != 32 {
		return fmt.Errorf("root %x has no SHA-256 thumbprint", e.sha1)
	}
	for _, purpose := range []struct {
		usage   asn1.ObjectIdentifier
		trusted *bool
	}{{cms.OIDEKUCodeSigning, &e.code}, {cms.OIDEKUTimeStamping, &e.stamp}} {
		*purpose.trusted = true
		if list, ok := props[propUsage]; ok {
			var err error
			if *purpose.trusted, err = lists(list, purpose.usage); err != nil {
				return err
			}
		}
		for _, limit := range [][2]int{{propDisallowedFrom, propDisallowedUsage}, {propNotBefore, propNotBeforeUsage}} {
			off, err := limited(props, limit[0], limit[1], purpose.usage, now)
			if err != nil {
				return err
			}
			*purpose.trusted = *purpose.trusted && !off
		}
	}
	return nil
}

// limited reports whether a date property or its list of usages concerns a usage now. A list without a date counts from ever.
func limited(props map[int][]byte, date, usages int, usage asn1.ObjectIdentifier, now time.Time) (bool, error) {
	when, dated := props[date]
	list, listed := props[usages]
	if !dated && !listed {
		return false, nil
	}
	if dated && len(when) == 8 && date == propDisallowedFrom && fileTime(when).After(now) {
		return false, nil
	}
	if !listed {
		return true, nil
	}
	return lists(list, usage)
}

// lists reports whether a DER SEQUENCE OF OID holds a usage.
func lists(der []byte, usage asn1.ObjectIdentifier) (bool, error) {
	var oids []asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(der, &oids); err != nil || len(rest) > 0 {
		return false, errors.New("malformed list of usages")
	}
	for _, o := range oids {
		if o.Equal(usage) {
			return true, nil
		}
	}
	return false, nil
}

// fileTime converts a FILETIME: 100 ns since 1601-01-01, little-endian (Microsoft, "FILETIME structure").
func fileTime(b []byte) time.Time {
	const since1970 = 11644473600 // seconds from 1601 to 1970
	n := binary.LittleEndian.Uint64(b)
	return time.Unix(int64(n/1e7)-since1970, int64(n%1e7)*100)
}
