package certchain

import (
	"crypto/x509"
	"encoding/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

var oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}

// pathRules are the checks of a finished path. Each looks at the certificate at index i
// (0 is the leaf).
var pathRules = []func(path []*x509.Certificate, i int, o Options) []Finding{
	ruleDisallowed, ruleValidity, ruleUsage, ruleIssuer, ruleKeyUsage, rulePathLength, ruleCritical, ruleNames, ruleLimits,
}

func judgePath(path []*x509.Certificate, o Options) []Finding {
	var out []Finding
	for i := range path {
		for _, rule := range pathRules {
			out = append(out, rule(path, i, o)...)
		}
	}
	return out
}

// ruleValidity: every certificate, the root too, must be valid at the time that counts
// (RFC 5280 section 6.1.3 (a)(2)).
func ruleValidity(path []*x509.Certificate, i int, o Options) []Finding {
	c := path[i]
	const day = "2006-01-02"
	switch {
	case o.Time.Before(c.NotBefore):
		return []Finding{problem(CheckChain, VerdictExpired, "%s is valid from %s on only, judged at %s", Name(c), c.NotBefore.UTC().Format(day), o.Time.UTC().Format(day))}
	case o.Time.After(c.NotAfter):
		return []Finding{problem(CheckChain, VerdictExpired, "%s expired on %s, judged at %s", Name(c), c.NotAfter.UTC().Format(day), o.Time.UTC().Format(day))}
	}
	return nil
}

// ruleUsage: extended key usages nest. A certificate that names usages must name ours;
// one that names none allows all (Microsoft, CertGetCertificateChain, "usage match";
// stricter than RFC 5280, which looks at the leaf). anyExtendedKeyUsage is enough for
// an issuer and not for the leaf, where RFC 5280 section 4.2.1.12 leaves it to the
// application and osslsigncode refuses it too.
func ruleUsage(path []*x509.Certificate, i int, o Options) []Finding {
	c := path[i]
	if !NamesEKU(c) || HasEKU(c, o.Usage.OID()) || i > 0 && HasEKU(c, cms.OIDEKUAny) {
		return nil
	}
	return []Finding{problem(CheckUsage, VerdictWrongUsage, "%s is not for %s (extended key usage %s is missing)", Name(c), o.Usage, o.Usage.OID())}
}

// ruleIssuer: who issues must be a CA (RFC 5280 section 6.1.4 (k)). A trust anchor is
// not a part of the path that is checked (section 6.1), so one that does not say what
// it is, such as Microsoft Root Authority of 1997, is taken; one that says that it is
// not a CA is not, as on Windows.
func ruleIssuer(path []*x509.Certificate, i int, o Options) []Finding {
	c := path[i]
	if i == 0 || (c.BasicConstraintsValid && c.IsCA) {
		return nil
	}
	if !hasExtension(c, oidBasicConstraints) && o.Anchors.Contains(c) {
		return nil
	}
	return []Finding{problem(CheckChain, VerdictBasicConstraints, "%s issued a certificate but is not a CA", Name(c))}
}

// ruleKeyUsage: an issuer that names key usages must have keyCertSign (RFC 5280 section 6.1.4 (n)).
func ruleKeyUsage(path []*x509.Certificate, i int, _ Options) []Finding {
	c := path[i]
	if i == 0 || c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageCertSign != 0 {
		return nil
	}
	return []Finding{problem(CheckChain, VerdictWrongUsage, "%s issued a certificate but its key usage lacks keyCertSign", Name(c))}
}

// rulePathLength counts the CAs below that are not self-issued (RFC 5280 section 6.1.4 (l), (m)).
func rulePathLength(path []*x509.Certificate, i int, _ Options) []Finding {
	c := path[i]
	if i == 0 || !c.BasicConstraintsValid || c.MaxPathLen < 0 || (c.MaxPathLen == 0 && !c.MaxPathLenZero) {
		return nil
	}
	below := 0
	for _, p := range path[1:i] {
		if !SelfIssued(p) {
			below++
		}
	}
	if below <= c.MaxPathLen {
		return nil
	}
	return []Finding{problem(CheckChain, VerdictBasicConstraints, "%s allows %d CAs below it, there are %d", Name(c), c.MaxPathLen, below)}
}

// ruleCritical: what is critical and not understood refuses the path (RFC 5280 section
// 4.2). ruleNames understands more constraints than crypto/x509 does.
func ruleCritical(path []*x509.Certificate, i int, _ Options) []Finding {
	c := path[i]
	for _, id := range c.UnhandledCriticalExtensions {
		if !id.Equal(oidNameConstraints) {
			return []Finding{problem(CheckChain, VerdictCritical, "%s has the critical extension %s, which is not supported", Name(c), id)}
		}
	}
	return nil
}
