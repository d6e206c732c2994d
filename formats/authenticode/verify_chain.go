package authenticode

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"sort"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

var pageHashAlgorithms = []crypto.Hash{crypto.SHA1, crypto.SHA256}

// maxIssuerFetches bounds how many missing issuers are fetched for one chain.
const maxIssuerFetches = 5

// certificateChain judges the publisher: at the time of the timestamp, or now without one, or if the certificate
// has the lifetime signing usage, which says that the signature shall end with the certificate (wincrypt.h,
// szOID_KP_LIFETIME_SIGNING).
func (j *judging) certificateChain(ctx context.Context) bool {
	at := j.stamped
	lifetime := j.lifetime()
	if at.IsZero() || lifetime {
		at = j.v.opts.now()
	}
	j.m.report.JudgedAt = at.UTC()
	j.chain = j.v.bestChain(ctx, j.cert, ChainOptions{Time: at, Usage: UsageCodeSigning, Anchors: j.v.roots.CodeSigning,
		Intermediates: append(j.embedded[:len(j.embedded):len(j.embedded)], j.v.opts.Intermediates...)})
	j.m.report.Chain = certificateReports(j.chain.Certificates)
	j.mark(j.chain)
	if lifetime && !j.stamped.IsZero() {
		j.find(note(CheckLifetime, "%s is for lifetime signing: the timestamp does not prolong the signature beyond %s", name(j.cert), j.cert.NotAfter.UTC().Format("2006-01-02")))
	}
	problems := append([]Finding(nil), j.chain.Problems...)
	sort.SliceStable(problems, func(a, b int) bool { return rankOf(problems[a].Verdict) < rankOf(problems[b].Verdict) })
	j.find(problems...)
	return true
}

func (j *judging) lifetime() bool {
	return j.v.opts.LifetimeSigning || hasEKU(j.cert, cms.OIDEKULifetimeSigning)
}

// bestChain builds chains and, if an issuer is missing and the network is allowed, fetches it where the certificate
// says (RFC 5280 section 4.2.2.1, caIssuers) and tries again.
func (v *verifier) bestChain(ctx context.Context, leaf *x509.Certificate, o ChainOptions) Chain {
	o.budget, o.Disallowed = &v.checks, v.opts.Disallowed
	best := BuildChains(leaf, o)[0]
	for n := 0; n < maxIssuerFetches && v.opts.Fetcher != nil && best.Verdict() == VerdictChaining; n++ {
		got := v.fetchIssuers(ctx, best.Certificates[len(best.Certificates)-1])
		if len(got) == 0 {
			break
		}
		o.Intermediates = append(o.Intermediates[:len(o.Intermediates):len(o.Intermediates)], got...)
		best = BuildChains(leaf, o)[0]
	}
	return best
}

func (v *verifier) fetchIssuers(ctx context.Context, c *x509.Certificate) []*x509.Certificate {
	for _, url := range c.IssuingCertificateURL {
		b, err := v.opts.Fetcher.Fetch(ctx, url, nil)
		if err != nil {
			v.find(note(CheckChain, "fetching the issuer of %s from %s: %v", name(c), url, err))
			continue
		}
		if certs, err := ParseCertificates(b); err == nil {
			return certs
		}
		v.find(note(CheckChain, "fetching the issuer of %s from %s: no certificate there", name(c), url))
	}
	return nil
}

// mark remembers which certificates are on a path.
func (j *judging) mark(c Chain) {
	for _, cert := range c.Certificates {
		j.useful[thumbprint(cert)] = true
	}
}

// revoked checks the publisher's chain against CRLs and OCSP.
func (j *judging) revoked(ctx context.Context) bool {
	j.v.revocation.embedded(j.m.data.CRLs)
	signed := j.stamped
	if j.lifetime() {
		signed = time.Time{} // the timestamp does not prolong the signature beyond a revocation either
	}
	j.find(j.v.revocation.check(ctx, j.chain.Certificates, signed)...)
	return true
}

// leaf: a publisher's certificate is for signatures and issues nothing (CA/Browser Forum code signing requirements
// 7.1.2.3). Windows does not look.
func (j *judging) leaf(context.Context) bool {
	if j.cert.KeyUsage != 0 && j.cert.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		j.find(strict(CheckUsage, "the key usage of %s lacks digitalSignature", name(j.cert)))
	}
	if j.cert.BasicConstraintsValid && j.cert.IsCA {
		j.find(strict(CheckUsage, "%s is a CA, and CAs do not sign files", name(j.cert)))
	}
	if !hasExtension(j.cert, cms.OIDExtensionExtKeyUsage) {
		j.find(warning(CheckUsage, "%s names no extended key usage: it is good for anything", name(j.cert)))
	}
	return true
}

func weakHash(h crypto.Hash) bool { return h == crypto.MD5 || h == crypto.SHA1 }

// algorithms reports digests and keys that Windows still takes for a file without mark of the web, but that can be forged.
func (j *judging) algorithms(context.Context) bool {
	if c := j.m.signed; c != nil && weakHash(c.hash) {
		j.find(strict(CheckAlgorithms, "the file is hashed with %v", c.hash))
	}
	if h, err := j.signer.Hash(); err == nil && weakHash(h) {
		j.find(strict(CheckAlgorithms, "the signature is made with %v", h))
	}
	j.find(weakChain(j.chain, "")...)
	switch key := j.cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < 2048 {
			j.find(strict(CheckKeySize, "%s has an RSA key of %d bits", name(j.cert), n))
		}
	case *ecdsa.PublicKey:
		j.find(note(CheckKeySize, "%s has an ECDSA key: App Control and Smart App Control take RSA only", name(j.cert)))
	}
	return true
}

// weakChain reports certificates below the anchor, whose own signature is worth nothing, that are signed with a weak digest.
func weakChain(c Chain, prefix string) []Finding {
	var out []Finding
	for i, cert := range c.Certificates {
		if last := i == len(c.Certificates)-1; last && c.Anchored {
			break
		}
		if digest, weak := weakDigest(cert.SignatureAlgorithm); weak {
			out = append(out, strict(CheckAlgorithms, "%scertificate %s is signed with %s", prefix, name(cert), digest))
		}
	}
	return out
}

// knownUnsigned are the unsigned attributes that are judged elsewhere or carry nothing that could mislead.
var knownUnsigned = [][]int{cms.OIDNestedSignature, cms.OIDRFC3161Token, cms.OIDCountersignature, cms.OIDSequenceNumber,
	cms.OIDSealingTimestamp, cms.OIDSealingSignature, cms.OIDRelaxedPEMarker, cms.OIDDigestRetryCount}

// leftovers reports what the signature carries without covering it: data can be hidden there without breaking it.
func (j *judging) leftovers(context.Context) bool {
	for _, t := range tagsOf(j.signer) {
		j.find(warning(CheckUnknownContent, "a tag of %d bytes (%v), which the signature does not cover", len(t.Data), t.OID))
	}
	for _, a := range j.signer.UnsignedAttrs {
		if isTag(a.Type) {
			continue
		}
		if !slices.ContainsFunc(knownUnsigned, func(o []int) bool { return slices.Equal(a.Type, o) }) {
			j.find(warning(CheckUnknownContent, "unsigned attribute %v holds data that the signature does not cover", a.Type))
		}
	}
	for _, c := range j.embedded {
		if !j.useful[thumbprint(c)] {
			j.find(note(CheckUnknownContent, "certificate %s is on no path that was used", name(c)))
		}
	}
	return true
}
