package certchain

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Revocation says what is known about revoked certificates. Lists and responses are
// used only where they are signed by the right issuer and current, so they may come
// from anywhere.
type Revocation struct {
	CRLs [][]byte // CRLs, DER or PEM
	OCSP [][]byte // OCSP responses, DER
	// Need makes it an error if the status of a certificate cannot be found out
	// (WTD_REVOKE_WHOLECHAIN). Otherwise, as with Windows' default, only what is known
	// to be revoked is refused.
	Need bool
}

// Fetcher gets bytes from the network. Implementations must bound size and time,
// take http and https only, and may cache. request is nil for a GET, else the
// body of a POST of an OCSP request.
type Fetcher interface {
	Fetch(ctx context.Context, url string, request []byte) ([]byte, error)
}

const (
	maxRevocationFetches = 16  // requests to revocation servers for one file
	maxCRLs              = 256 // lists in use for one file
)

// revocationStatus is what one source says about one certificate.
type revocationStatus struct {
	known   bool
	revoked bool
	at      time.Time // of the revocation
	reason  int       // CRLReason, RFC 5280 section 5.3.1
	source  string
}

// RevocationChecker asks all sources about the certificates of chains. It
// remembers lists that it has fetched, and bounds its requests. It is not safe
// for concurrent use.
type RevocationChecker struct {
	given      Revocation
	fetcher    Fetcher
	now        time.Time
	crls       []*x509.RevocationList
	unreadable []Finding
	fetches    int
}

// NewRevocationChecker returns a checker that knows what is given and asks the
// network through fetcher; nil is no network. now is the moment at which lists
// and responses have to be current; zero is the present.
func NewRevocationChecker(given Revocation, fetcher Fetcher, now time.Time) *RevocationChecker {
	if now.IsZero() {
		now = time.Now()
	}
	rc := &RevocationChecker{given: given, fetcher: fetcher, now: now}
	for i, b := range given.CRLs {
		crls, err := ParseCRLs(b)
		if err != nil {
			rc.unreadable = append(rc.unreadable, problem(CheckRevocation, VerdictRevocationFailure, "reading CRL %d: %v", i+1, err))
		}
		rc.crls = append(rc.crls, crls...)
	}
	for i, b := range given.OCSP {
		if err := CheckOCSP(b); err != nil {
			rc.unreadable = append(rc.unreadable, problem(CheckRevocation, VerdictRevocationFailure, "reading OCSP response %d: %v", i+1, err))
		}
	}
	return rc
}

// Unreadable returns a finding for each of the given lists and responses that
// cannot be read.
func (rc *RevocationChecker) Unreadable() []Finding { return rc.unreadable }

// ParseCRLs reads revocation lists: one in DER, or any number in PEM (X509 CRL; other
// blocks are passed over). None at all is an error.
func ParseCRLs(b []byte) ([]*x509.RevocationList, error) {
	blocks, err := cms.PEMBlocks(b)
	if err != nil {
		return nil, err
	}
	if len(blocks) == 0 {
		crl, err := x509.ParseRevocationList(b)
		if err != nil {
			return nil, fmt.Errorf("not a revocation list in DER or PEM: %v", err)
		}
		return []*x509.RevocationList{crl}, nil
	}
	var out []*x509.RevocationList
	for n, block := range blocks {
		if block.Type != "X509 CRL" {
			continue
		}
		crl, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: not a revocation list: %v", n+1, err)
		}
		out = append(out, crl)
	}
	if len(out) == 0 {
		return nil, errors.New("no revocation list (X509 CRL) in it")
	}
	return out, nil
}

// AddEmbedded adds CRLs in DER that a signature carries. One that cannot be read
// is passed over.
func (rc *RevocationChecker) AddEmbedded(crls [][]byte) {
	for _, b := range crls {
		if len(rc.crls) >= maxCRLs {
			return
		}
		if crl, err := x509.ParseRevocationList(b); err == nil {
			rc.crls = append(rc.crls, crl)
		}
	}
}

// Check judges the chain, whose signature counts as made at signed (zero if no
// timestamp proves a time). The root is left out: who trusts it trusts it.
func (rc *RevocationChecker) Check(ctx context.Context, chain []*x509.Certificate, signed time.Time) []Finding {
	var out []Finding
	for i := 0; i+1 < len(chain); i++ {
		st, trouble := rc.status(ctx, chain[i], chain[i+1])
		out = append(out, rc.judge(chain[i], st, trouble, signed)...)
	}
	return out
}

// judge applies the rule of revocation dates: a signature that a timestamp proves older
// than the revocation stays good, one that is younger dies with it, also when the date
// was set back (CA/Browser Forum code signing requirements 4.9.6; RFC 5280 section
// 5.3.2).
func (rc *RevocationChecker) judge(c *x509.Certificate, st revocationStatus, trouble []string, signed time.Time) []Finding {
	switch {
	case st.revoked && !signed.IsZero() && signed.Before(st.at):
		return []Finding{note(CheckRevocation, "%s was revoked on %s, after the timestamp: the signature stays good", Name(c), st.at.UTC().Format(time.RFC3339))}
	case st.revoked:
		return []Finding{problem(CheckRevocation, VerdictRevoked, "%s was revoked on %s (reason %d) according to %s", Name(c), st.at.UTC().Format(time.RFC3339), st.reason, st.source)}
	case st.known:
		return []Finding{note(CheckRevocation, "%s is not revoked according to %s", Name(c), st.source)}
	case !rc.given.Need:
		return nil
	case len(trouble) > 0:
		return []Finding{problem(CheckRevocation, VerdictRevocationOffline, "revocation of %s is not known: %s", Name(c), strings.Join(trouble, "; "))}
	}
	return []Finding{problem(CheckRevocation, VerdictRevocationFailure, "revocation of %s is not known: no current CRL or OCSP response for it", Name(c)).
		WithHint("give a CRL or allow the network")}
}

// status asks the sources in turn, those at hand first; a source that says "revoked"
// ends the search.
func (rc *RevocationChecker) status(ctx context.Context, c, issuer *x509.Certificate) (revocationStatus, []string) {
	st := rc.fromCRLs(rc.crls, c, issuer)
	for _, b := range rc.given.OCSP {
		if s, err := ocspStatus(b, c, issuer, rc.now); err == nil && (s.revoked || !st.known) {
			st = s
		}
	}
	if st.known || rc.fetcher == nil {
		return st, nil
	}
	return rc.fetch(ctx, c, issuer)
}

// fetch asks the issuer's servers, OCSP before CRL.
func (rc *RevocationChecker) fetch(ctx context.Context, c, issuer *x509.Certificate) (revocationStatus, []string) {
	var trouble []string
	try := func(url string, ask func() (revocationStatus, error)) (revocationStatus, bool) {
		if rc.fetches++; rc.fetches > maxRevocationFetches {
			trouble = append(trouble, "too many servers to ask")
			return revocationStatus{}, false
		}
		st, err := ask()
		if err != nil {
			trouble = append(trouble, fmt.Sprintf("%s: %v", url, err))
		}
		return st, err == nil && st.known
	}
	for _, url := range c.OCSPServer {
		if st, ok := try(url, func() (revocationStatus, error) { return rc.askOCSP(ctx, url, c, issuer) }); ok {
			return st, nil
		}
	}
	for _, url := range c.CRLDistributionPoints {
		if st, ok := try(url, func() (revocationStatus, error) { return rc.askCRL(ctx, url, c, issuer) }); ok {
			return st, nil
		}
	}
	return revocationStatus{}, trouble
}

func (rc *RevocationChecker) askCRL(ctx context.Context, url string, c, issuer *x509.Certificate) (revocationStatus, error) {
	b, err := rc.fetcher.Fetch(ctx, url, nil)
	if err != nil {
		return revocationStatus{}, err
	}
	crls, err := ParseCRLs(b)
	if err != nil {
		return revocationStatus{}, fmt.Errorf("reading CRL: %v", err)
	}
	rc.crls = append(rc.crls, crls...)
	st := rc.fromCRLs(crls, c, issuer)
	if !st.known {
		return st, fmt.Errorf("the CRL there is not current, not complete or not signed by %s", Name(issuer))
	}
	return st, nil
}

// fromCRLs looks c up in every list of its issuer; one that names it counts, whatever
// the others say.
func (rc *RevocationChecker) fromCRLs(crls []*x509.RevocationList, c, issuer *x509.Certificate) revocationStatus {
	var st revocationStatus
	for _, crl := range crls {
		if string(crl.RawIssuer) != string(c.RawIssuer) || !completeCRL(crl, c) || crlSignature(crl, issuer) != nil {
			continue
		}
		for _, e := range crl.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(c.SerialNumber) == 0 && e.ReasonCode != reasonRemoveFromCRL {
				return revocationStatus{known: true, revoked: true, at: invalidSince(e), reason: e.ReasonCode, source: "the CRL of " + issuerName(c)}
			}
		}
		if crl.NextUpdate.IsZero() || rc.now.Before(crl.NextUpdate) {
			st = revocationStatus{known: true, source: "the CRL of " + issuerName(c)}
		}
	}
	return st
}

const reasonRemoveFromCRL = 8 // RFC 5280 section 5.3.1; in delta CRLs only

// invalidSince is the date from which on signatures are void: the revocation date, or
// the earlier invalidity date if the issuer gave one (RFC 5280 section 5.3.2).
func invalidSince(e x509.RevocationListEntry) time.Time {
	at := e.RevocationTime
	for _, x := range e.Extensions {
		if x.Id.Equal(oidInvalidityDate) {
			if t, err := parseGeneralizedTime(x.Value); err == nil && t.Before(at) {
				at = t
			}
		}
	}
	return at
}

// completeCRL refuses lists that do not say all about c (delta, some reasons,
// indirect): who is not named there may still be revoked. RFC 5280 section 5.2: unknown
// critical extensions make a CRL unusable for the question.
func completeCRL(crl *x509.RevocationList, c *x509.Certificate) bool {
	for _, e := range crl.Extensions {
		if e.Id.Equal(oidDeltaCRL) || (e.Critical && !e.Id.Equal(oidIssuingDistributionPoint)) {
			return false
		}
		if e.Id.Equal(oidIssuingDistributionPoint) && partialScope(e.Value, c) {
			return false
		}
	}
	return true
}

// crlSignature checks that issuer signed the list and may sign lists (RFC 5280 section
// 6.3.3 (f), (g)).
func crlSignature(crl *x509.RevocationList, issuer *x509.Certificate) error {
	if string(crl.RawIssuer) != string(issuer.RawSubject) {
		return fmt.Errorf("CRL of another issuer")
	}
	if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return fmt.Errorf("issuer may not sign CRLs")
	}
	signed := &x509.Certificate{SignatureAlgorithm: crl.SignatureAlgorithm, RawTBSCertificate: crl.RawTBSRevocationList, Signature: crl.Signature}
	return cms.CheckCertificate(signed, issuer)
}
