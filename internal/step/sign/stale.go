package sign

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// stale explains why the signature that is there will not do although nothing that
// it was made of has changed: its certificate ended before a timestamp came,
// which no timestamp mends, or is not one that the release expects. "" is no
// reason.
//
// The ledger alone answers the usual case, so that nothing is read.
func stale(r *step.Run, a ledger.Artifact) string {
	rec, ok := r.Ledger.Record("sign", a.File())
	if !ok {
		return ""
	}
	end, err := time.Parse(time.RFC3339, rec.Facts["not_after"])
	ended := err == nil && r.Now().After(end) && step.Timestamps(r.Spec)
	if s := r.Spec.Sign; !ended && len(s.ExpectEKU) == 0 && s.ExpectSubject == "" {
		return ""
	}
	p7, err := os.ReadFile(r.Abs(r.Signature("sign", a)))
	if err != nil {
		return "" // a missing output is a reason of its own
	}
	cert, err := signerOf(p7)
	if err != nil {
		return "the signature cannot be read"
	}
	if why := unexpected(r.Spec.Sign, cert); why != "" {
		return why
	}
	if ended && !stamped(r, a, p7) {
		return "the certificate ended on " + end.UTC().Format(time.DateTime) + " UTC, before there was a timestamp"
	}
	return ""
}

// unexpected describes what of sign.expect_eku and sign.expect_subject a
// certificate does not meet.
func unexpected(s *spec.Sign, c *x509.Certificate) string {
	for _, want := range s.ExpectEKU {
		if !slices.Contains(certchain.EKUs(c), want) {
			return "signed by a certificate without " + want + " of expect_eku"
		}
	}
	if s.ExpectSubject != "" && !certchain.HasName(c, s.ExpectSubject) {
		return fmt.Sprintf("signed by %q, not by expect_subject", c.Subject.CommonName)
	}
	return ""
}

// stamped reports whether the timestamp step has stamped this very signature.
func stamped(r *step.Run, a ledger.Artifact, p7 []byte) bool {
	done, err := os.ReadFile(r.Abs(r.Signature("timestamp", a)))
	if err != nil {
		return false
	}
	old, err1 := authenticode.PKCS7(done).SignatureValue(0)
	now, err2 := authenticode.PKCS7(p7).SignatureValue(0)
	return err1 == nil && err2 == nil && bytes.Equal(old, now)
}

// signerOf is the certificate of the first signature.
func signerOf(p7 []byte) (*x509.Certificate, error) {
	sigs, err := authenticode.PKCS7(p7).Signatures()
	if err != nil {
		return nil, err
	}
	return sigs[0].SignerCertificate(0)
}
