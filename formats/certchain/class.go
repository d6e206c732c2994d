package certchain

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Class is the kind of a certificate as far as code signing is concerned.
type Class string

// The classes. The CA/Browser Forum's identifiers are in its code signing baseline requirements,
// section 7.1.6.1; Artifact Signing's in Microsoft's "Artifact Signing certificate management".
const (
	ClassEV                     Class = "EV"                       // extended validation, policy 2.23.140.1.3
	ClassOV                     Class = "OV"                       // organisation or individual validation, policy 2.23.140.1.4.1
	ClassArtifactSigningPublic  Class = "Artifact Signing"         // Microsoft's service, public trust
	ClassArtifactSigningPrivate Class = "Artifact Signing private" // the same service, private trust
	ClassArtifactSigningPolicy  Class = "Artifact Signing CI"      // for App Control policies only: not for files
	ClassMicrosoft              Class = "Microsoft"                // Windows components, drivers signed by Microsoft
	ClassTSA                    Class = "TSA"                      // time stamping only
	ClassCA                     Class = "CA"                       // may issue certificates: never signs a file
	ClassSelfSigned             Class = "self-signed"
	ClassTest                   Class = "test"         // plainly marked as a throw-away identity
	ClassPrivate                Class = "code signing" // code signing, but of no policy that is known here
	ClassOther                  Class = "other"        // not for code signing at all
)

var (
	oidPolicyEV     = asn1.ObjectIdentifier{2, 23, 140, 1, 3}
	oidPolicyNonEV  = asn1.ObjectIdentifier{2, 23, 140, 1, 4, 1}
	oidArtifact     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 97}
	oidArtifactPriv = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 97, 1, 3, 1}
	oidArtifactCI   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 97, 1, 4, 1}

	// CAs' own identifiers for EV code signing, from before the CA/Browser Forum's or beside it.
	evPolicies = []asn1.ObjectIdentifier{
		oidPolicyEV,
		{2, 16, 840, 1, 114412, 3, 2},           // DigiCert EV code signing (CPS 1.2)
		{1, 3, 6, 1, 4, 1, 6449, 1, 2, 1, 6, 1}, // Sectigo (Comodo) EV code signing
		{1, 3, 6, 1, 4, 1, 4146, 1, 2},          // GlobalSign EV code signing
	}
)

// testMark is what the throw-away identity writes into its subjects; see the test
// identity of the release tool.
const testMark = "Hallmark TEST"

// Classify says what kind of certificate cert is. It judges what the certificate
// claims, not whether it is trusted: that is for Build to say.
func Classify(cert *x509.Certificate) Class {
	for _, c := range classRules {
		if c.holds(cert) {
			return c.class
		}
	}
	return ClassOther
}

// classRules go from the particular to the general; the first that holds decides.
var classRules = []struct {
	class Class
	holds func(*x509.Certificate) bool
}{
	{ClassTest, isTest},
	{ClassTSA, func(c *x509.Certificate) bool {
		return HasEKU(c, cms.OIDEKUTimeStamping) && !HasEKU(c, cms.OIDEKUCodeSigning)
	}},
	{ClassArtifactSigningPolicy, func(c *x509.Certificate) bool { return hasEKUUnder(c, oidArtifactCI) }},
	{ClassArtifactSigningPrivate, func(c *x509.Certificate) bool { return hasEKUUnder(c, oidArtifactPriv) }},
	{ClassCA, func(c *x509.Certificate) bool { return c.IsCA && c.BasicConstraintsValid }},
	{ClassOther, func(c *x509.Certificate) bool { return !HasEKU(c, cms.OIDEKUCodeSigning) }},
	{ClassArtifactSigningPublic, func(c *x509.Certificate) bool { return HasEKU(c, cms.OIDEKUArtifactSigning) }},
	{ClassMicrosoft, isMicrosoft},
	{ClassSelfSigned, SelfIssued},
	{ClassEV, func(c *x509.Certificate) bool { return hasPolicy(c, evPolicies...) }},
	{ClassOV, func(c *x509.Certificate) bool { return hasPolicy(c, oidPolicyNonEV) }},
	{ClassPrivate, func(*x509.Certificate) bool { return true }},
}

func isTest(c *x509.Certificate) bool {
	return strings.Contains(c.Subject.String(), testMark)
}

func isMicrosoft(c *x509.Certificate) bool {
	return HasEKU(c, cms.OIDEKUWindowsComponent) || HasEKU(c, cms.OIDEKUWHQL) || HasEKU(c, cms.OIDEKUEVWHQL)
}

// SubscriberEKU returns the identifier by which Artifact Signing marks one subscriber across its
// daily renewed certificates: 1.3.6.1.4.1.311.97 followed by at least two numbers that are not
// Microsoft's own branch 1. Empty if cert carries none.
func SubscriberEKU(cert *x509.Certificate) string {
	for _, e := range cert.UnknownExtKeyUsage {
		if hasPrefix(e, oidArtifact) && len(e) > len(oidArtifact)+1 && (!hasPrefix(e, append(clone(oidArtifact), 1)) || hasPrefix(e, oidArtifactPriv)) {
			return e.String()
		}
	}
	return ""
}

func hasPolicy(cert *x509.Certificate, oids ...asn1.ObjectIdentifier) bool {
	for _, p := range cert.PolicyIdentifiers {
		for _, o := range oids {
			if p.Equal(o) {
				return true
			}
		}
	}
	return false
}

// SelfIssued reports whether subject and issuer are the same (RFC 5280 section 6.1).
func SelfIssued(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawSubject, cert.RawIssuer)
}

// IsRoot reports whether the certificate's own key has signed it.
func IsRoot(cert *x509.Certificate) bool {
	return SelfIssued(cert) && cms.CheckCertificate(cert, cert) == nil
}
