package certchain

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

var (
	oidInvalidityDate           = asn1.ObjectIdentifier{2, 5, 29, 24}
	oidDeltaCRL                 = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
)

// ocspSkew is how far the clocks of responder and verifier may differ (RFC 6960 section
// 4.2.2.1 leaves it to the client).
const ocspSkew = 5 * time.Minute

// CheckOCSP says why der can be no answer at all, which is an OCSPResponse (RFC 6960
// section 4.2.1) of status successful. Whether the answer holds is for Verify.
func CheckOCSP(der []byte) error {
	var resp struct {
		Status asn1.Enumerated
		Bytes  asn1.RawValue `asn1:"explicit,optional,tag:0"`
	}
	switch rest, err := asn1.Unmarshal(der, &resp); {
	case err != nil:
		return fmt.Errorf("not an OCSP response in DER: %v", err)
	case len(rest) > 0:
		return fmt.Errorf("%d bytes follow the OCSP response", len(rest))
	case resp.Status != asn1.Enumerated(ocsp.Success):
		return fmt.Errorf("the responder refused to answer (%v)", ocsp.ResponseStatus(resp.Status))
	}
	return nil
}

// ocspStatus reads an OCSP response about c. It must be signed by issuer or a responder
// that issuer delegated, and be current.
func ocspStatus(der []byte, c, issuer *x509.Certificate, now time.Time) (revocationStatus, error) {
	resp, err := ocsp.ParseResponseForCert(der, c, issuer)
	if err != nil {
		return revocationStatus{}, fmt.Errorf("reading OCSP response: %v", err)
	}
	if resp.Certificate != nil && !delegated(resp.Certificate, now) {
		return revocationStatus{}, fmt.Errorf("OCSP responder %s is not entitled or has expired", Name(resp.Certificate))
	}
	st := revocationStatus{known: true, source: "OCSP of " + issuerName(c)}
	switch resp.Status {
	case ocsp.Revoked:
		st.revoked, st.at, st.reason = true, resp.RevokedAt, resp.RevocationReason
		return st, nil // also an old answer: a revoked certificate stays revoked
	case ocsp.Good:
	default:
		return revocationStatus{}, fmt.Errorf("OCSP responder does not know the certificate")
	}
	if now.Before(resp.ThisUpdate.Add(-ocspSkew)) || (!resp.NextUpdate.IsZero() && now.After(resp.NextUpdate.Add(ocspSkew))) {
		return revocationStatus{}, fmt.Errorf("OCSP response is not current (%s to %s)", resp.ThisUpdate.UTC().Format(time.RFC3339), resp.NextUpdate.UTC().Format(time.RFC3339))
	}
	return st, nil
}

// delegated checks what x/crypto leaves to the caller: the responder's usage and
// validity (RFC 6960 section 4.2.2.2).
func delegated(responder *x509.Certificate, now time.Time) bool {
	for _, u := range responder.ExtKeyUsage {
		if u == x509.ExtKeyUsageOCSPSigning {
			return !now.Before(responder.NotBefore) && !now.After(responder.NotAfter)
		}
	}
	return false
}

func (rc *RevocationChecker) askOCSP(ctx context.Context, url string, c, issuer *x509.Certificate) (revocationStatus, error) {
	// SHA-1 only identifies the issuer here, and it is what every responder understands
	// (RFC 5019 section 2.1.1).
	req, err := ocsp.CreateRequest(c, issuer, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		return revocationStatus{}, fmt.Errorf("making OCSP request: %v", err)
	}
	der, err := rc.fetcher.Fetch(ctx, url, req)
	if err != nil {
		return revocationStatus{}, err
	}
	return ocspStatus(der, c, issuer, rc.now)
}

// partialScope reports whether an IssuingDistributionPoint (RFC 5280 section 5.2.5)
// leaves c out of a CRL: [1] onlyContainsUserCerts, [2] onlyContainsCACerts, [3]
// onlySomeReasons, [4] indirectCRL, [5] onlyContainsAttributeCerts.
func partialScope(der []byte, c *x509.Certificate) bool {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return true
	}
	for !seq.Empty() {
		var field cryptobyte.String
		var tag cbasn1.Tag
		if !seq.ReadAnyASN1(&field, &tag) {
			return true
		}
		users := tag == cbasn1.Tag(1).ContextSpecific() && !c.IsCA
		cas := tag == cbasn1.Tag(2).ContextSpecific() && c.IsCA
		if off := len(field) == 1 && field[0] == 0; !users && !cas && !off {
			return true
		}
	}
	return false
}

func parseGeneralizedTime(der []byte) (time.Time, error) {
	in := cryptobyte.String(der)
	var t time.Time
	if !in.ReadASN1GeneralizedTime(&t) {
		return t, fmt.Errorf("not a GeneralizedTime")
	}
	return t, nil
}
