package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

const (
	// minRSABits is the least for leaf keys in the CA/Browser Forum's
	// baseline requirements for code signing, section 6.1.5.2.
	minRSABits = 3072
	// weakRSABits is below what any verifier accepts.
	weakRSABits = 2048
	// maxRSABits is the most that Microsoft's trusted root programme allows
	// (programme requirements, section 3.1).
	maxRSABits = 4096
	// maxValidity is the longest that a code-signing certificate may be valid
	// when it is issued from shortValidity on (baseline requirements, 6.3.2).
	maxValidity = 460 * 24 * time.Hour
	// soon is how long before its end a certificate is warned about; getting
	// a new one takes a CA days to weeks.
	soon = 30 * 24 * time.Hour
	// shortLived certificates (Artifact Signing: three days) are replaced by
	// machines, so they are not warned about.
	shortLived = 90 * 24 * time.Hour
)

// since is midnight UTC of a day from which on a rule holds.
func since(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

const oidLifetimeSigning = "1.3.6.1.4.1.311.10.3.13" // szOID_KP_LIFETIME_SIGNING in wincrypt.h

func one(s Severity, rule, text, hint string) []Problem {
	return []Problem{{Severity: s, Rule: rule, Text: text, Hint: hint}}
}

func judgeValidity(i *Identity, now time.Time) []Problem {
	c := i.Certificate
	switch left := c.NotAfter.Sub(now); {
	case now.Before(c.NotBefore):
		return one(Error, RuleValidity, fmt.Sprintf("the certificate is valid only from %s on", c.NotBefore.UTC().Format(time.RFC3339)),
			"see whether the clock of this machine is right")
	case left < 0:
		return one(Error, RuleValidity, fmt.Sprintf("the certificate expired on %s", c.NotAfter.UTC().Format(time.RFC3339)),
			"get a new certificate from the CA; what was timestamped before stays valid")
	case left < soon && c.NotAfter.Sub(c.NotBefore) > shortLived:
		return one(Warning, RuleValidity, fmt.Sprintf("the certificate expires in %d days", days(left)),
			"order its successor now")
	}
	return nil
}

// days are whole days, rounded down.
func days(d time.Duration) int {
	n := int(d / (24 * time.Hour))
	if d < 0 && d%(24*time.Hour) != 0 {
		n--
	}
	return n
}

func judgePurpose(i *Identity, _ time.Time) []Problem {
	c := i.Certificate
	var problems []Problem
	if c.IsCA {
		problems = append(problems, one(Error, RulePurpose, "the certificate is a CA certificate (CA:TRUE)",
			"CA certificates must not sign files: use a leaf certificate for code signing")...)
	}
	if !codeSigning(c) {
		problems = append(problems, one(Error, RulePurpose, "the certificate lacks the extended key usage code signing (1.3.6.1.5.5.7.3.3)",
			"it was issued for "+purposes(c)+"; order a code-signing certificate")...)
	}
	if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		problems = append(problems, one(Error, RulePurpose, "the certificate's key usage lacks digital signature",
			"order a code-signing certificate")...)
	}
	return problems
}

func codeSigning(c *x509.Certificate) bool {
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageCodeSigning)
}

func judgeLifetimeSigning(i *Identity, _ time.Time) []Problem {
	if !slices.Contains(certchain.EKUs(i.Certificate), oidLifetimeSigning) {
		return nil
	}
	return one(Error, RulePurpose, "the certificate has the lifetime-signing key usage ("+oidLifetimeSigning+")",
		"its signatures die with the certificate, timestamp or not: a release needs another certificate")
}

func judgeKeySize(i *Identity, _ time.Time) []Problem {
	switch key := i.Certificate.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if i.opts.AllowECDSA {
			return one(Warning, RuleAlgorithm, "the key is ECDSA, and Windows' code-signing programme and App Control's signer rules accept RSA only",
				"only machines that trust your own root will take it")
		}
		return one(Error, RuleAlgorithm, "the key is ECDSA, and Windows' code-signing programme accepts RSA only",
			"order an RSA certificate, or set sign.allow_ecdsa (or -ecdsa) for machines that you control")
	case *rsa.PublicKey:
		return judgeRSA(i.Certificate, key.N.BitLen())
	}
	return one(Error, RuleAlgorithm, fmt.Sprintf("a key of type %T cannot make Authenticode signatures", i.Certificate.PublicKey), "order an RSA certificate")
}

func judgeRSA(c *x509.Certificate, bits int) []Problem {
	text := fmt.Sprintf("the RSA key has %d bits", bits)
	switch {
	case bits < weakRSABits:
		return one(Error, RuleAlgorithm, text+", which is broken", "order a certificate with 3072 or 4096 bits")
	case bits > maxRSABits:
		return one(Warning, RuleAlgorithm, text, "Microsoft's root programme supports up to 4096 for code signing")
	case bits >= minRSABits:
		return nil
	case isPublic(c) && !c.NotBefore.Before(since(2021, time.June, 1)):
		return one(Error, RuleAlgorithm, text+", and public code-signing certificates need 3072 since 2021-06-01",
			"ask the CA for a new certificate with 3072 or 4096 bits")
	}
	return one(Warning, RuleAlgorithm, text+"; the minimum today is 3072", "take 3072 or 4096 bits for the next certificate")
}

// isPublic reports whether the certificate claims to come from a public CA,
// which the CA/Browser Forum's rules bind.
func isPublic(c *x509.Certificate) bool {
	switch certchain.Classify(c) {
	case certchain.ClassEV, certchain.ClassOV, certchain.ClassArtifactSigningPublic, certchain.ClassMicrosoft:
		return true
	}
	return false
}

func judgeSHA1(i *Identity, _ time.Time) []Problem {
	const hint = "Windows distrusts SHA-1 in certificates: ask the CA for a chain that is signed with SHA-256"
	var problems []Problem
	if weakSignature(i.Certificate) {
		problems = append(problems, one(Error, RuleAlgorithm, fmt.Sprintf("the certificate is signed with %v", i.Certificate.SignatureAlgorithm), hint)...)
	}
	for _, c := range i.Chain {
		if weakSignature(c) {
			problems = append(problems, one(Warning, RuleAlgorithm,
				fmt.Sprintf("the intermediate certificate %q is signed with %v", printable.Text(c.Subject.String()), c.SignatureAlgorithm), hint)...)
		}
	}
	return problems
}

func weakSignature(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return true
	}
	return false
}

func judgeValidityDays(i *Identity, _ time.Time) []Problem {
	c := i.Certificate
	if length := c.NotAfter.Sub(c.NotBefore); length > maxValidity && !c.NotBefore.Before(since(2026, time.March, 1)) {
		return one(Warning, RuleLifetime, fmt.Sprintf("the certificate is valid for %d days", days(length)),
			"public CAs may issue for at most 460 days since 2026-03-01, so Windows may reject it in future")
	}
	return nil
}

func judgeChain(i *Identity, _ time.Time) []Problem {
	if i.incomplete == "" {
		return nil
	}
	p := Problem{Severity: Error, Rule: RuleChain, Text: "the chain is incomplete: " + printable.Text(i.incomplete), Err: i.chainErr,
		Hint: "name the missing certificates, up to the root, in sign.chain (or -chain=), or allow sign.fetch_intermediates (or -fetch)"}
	switch {
	case i.tooLong:
		p.Text = "the chain is too long: " + printable.Text(i.incomplete)
		p.Hint = "no verifier here follows such a chain: ask the CA for a shorter one, or leave out what does not lead to the root"
	case i.opts.AllowIncompleteChain:
		p.Severity = Warning
		p.Hint = "machines that lack the intermediate certificate will call the publisher unknown"
	}
	return []Problem{p}
}

// judgeExpected compares the certificate with what the release pins.
func judgeExpected(i *Identity, _ time.Time) []Problem {
	const hint = "another profile or key signs than intended, or the expectation must be changed"
	var problems []Problem
	have := certchain.EKUs(i.Certificate)
	for _, want := range i.opts.ExpectEKUs {
		if !slices.Contains(have, want) {
			problems = append(problems, one(Error, RuleExpected, fmt.Sprintf("the certificate lacks the extended key usage %s that sign.expect_eku names; it has %s",
				want, strings.Join(have, ", ")), hint)...)
		}
	}
	if want := i.opts.ExpectSubject; want != "" && !certchain.HasName(i.Certificate, want) {
		problems = append(problems, one(Error, RuleExpected, fmt.Sprintf("the certificate is for %q, and sign.expect_subject is %q",
			printable.Text(i.Certificate.Subject.String()), want), hint)...)
	}
	return problems
}

// judgePath asks what a verifier that trusts the root will ask of those who issue:
// that they are CAs, that there are not more of them than allowed, that they may
// sign certificates, that names are permitted and critical extensions known.
func judgePath(i *Identity, now time.Time) []Problem {
	o := certchain.Options{Time: now, Intermediates: i.Chain}
	if i.Root != nil {
		o.Anchors = certchain.NewPool(i.Root)
	}
	var problems []Problem
	for _, f := range certchain.Build(context.Background(), i.Certificate, o)[0].Problems {
		switch {
		case f.Verdict == certchain.VerdictBasicConstraints, f.Verdict == certchain.VerdictCritical, f.Verdict == certchain.VerdictInvalidName,
			f.Verdict == certchain.VerdictWrongUsage && f.Check == certchain.CheckChain:
			problems = append(problems, one(Error, RuleChain, printable.Text(f.Message),
				"Windows refuses what such a chain signs: get the CA's right certificates and name them in sign.chain (or -chain=)")...)
		}
	}
	return problems
}

// judgeIssuers judges what stands above the certificate.
func judgeIssuers(i *Identity, now time.Time) []Problem {
	var problems []Problem
	for _, c := range i.Chain {
		name := printable.Text(c.Subject.String())
		if now.After(c.NotAfter) || now.Before(c.NotBefore) {
			problems = append(problems, one(Error, RuleChain, fmt.Sprintf("the intermediate certificate %q is valid from %s to %s only",
				name, c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly)),
				"get the CA's current intermediate certificate and name it in sign.chain (or -chain=)")...)
		}
		if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !codeSigning(c) && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
			problems = append(problems, one(Error, RuleChain, fmt.Sprintf("the intermediate certificate %q may not issue for code signing", name),
				"the chain runs through the wrong CA: get the one for code signing")...)
		}
	}
	switch {
	case i.Root == nil:
	case i.Root.Equal(i.Certificate):
		problems = append(problems, one(Warning, RuleChain, "the certificate is self-signed", "only machines that are set up to trust it accept it")...)
	case now.After(i.Root.NotAfter):
		problems = append(problems, one(Warning, RuleChain, fmt.Sprintf("the root %q expired on %s", printable.Text(i.Root.Subject.String()), i.Root.NotAfter.UTC().Format(time.DateOnly)),
			"ask the CA for a chain to a current root")...)
	}
	return problems
}
