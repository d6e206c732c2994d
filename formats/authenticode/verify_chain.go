package authenticode

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

var pageHashAlgorithms = []crypto.Hash{crypto.SHA1, crypto.SHA256}

// certificateChain judges the publisher: at the time of the timestamp, or now without
// one, or if the certificate has the lifetime signing usage, which says that the
// signature shall end with the certificate (wincrypt.h, szOID_KP_LIFETIME_SIGNING).
func (j *judging) certificateChain(ctx context.Context) bool {
	at := j.stamped
	lifetime := j.lifetime()
	if at.IsZero() || lifetime {
		at = j.v.opts.now()
	}
	j.m.report.JudgedAt = at.UTC()
	j.chain = j.v.bestChain(ctx, j.cert, certchain.Options{Time: at, Usage: certchain.UsageCodeSigning, Anchors: j.v.roots.CodeSigning,
		Intermediates: append(j.embedded[:len(j.embedded):len(j.embedded)], j.more...)})
	j.m.report.Chain = certificateReports(j.chain.Certificates)
	j.m.report.Anchor = anchorOf(j.chain, j.v.roots.CodeSigning)
	j.mark(j.chain)
	if lifetime && !j.stamped.IsZero() {
		j.find(note(CheckLifetime, "%s is for lifetime signing: the timestamp does not prolong the signature beyond %s", certchain.Name(j.cert), j.cert.NotAfter.UTC().Format("2006-01-02")))
	}
	j.find(j.chain.Problems...)
	return true
}

// anchorOf says where the root of a chain comes from; empty if it is not trusted.
func anchorOf(c certchain.Chain, anchors *certchain.Pool) string {
	if !c.Anchored {
		return ""
	}
	return anchors.Source(c.Top())
}

func (j *judging) lifetime() bool {
	return j.v.opts.LifetimeSigning || certchain.HasEKU(j.cert, cms.OIDEKULifetimeSigning)
}

// bestChain builds chains with all that the options give. If an issuer is
// missing and the network is allowed, it is fetched where the certificate says
// (RFC 5280 section 4.2.2.1, caIssuers).
func (v *verifier) bestChain(ctx context.Context, leaf *x509.Certificate, o certchain.Options) certchain.Chain {
	o.Budget, o.Disallowed = v.budget, v.opts.Disallowed
	if v.opts.Fetcher != nil {
		o.Issuers = v.fetchIssuers
	}
	return certchain.Build(ctx, leaf, o)[0]
}

func (v *verifier) fetchIssuers(ctx context.Context, c *x509.Certificate) []*x509.Certificate {
	for _, url := range c.IssuingCertificateURL {
		b, err := v.opts.Fetcher.Fetch(ctx, url, nil)
		if err != nil {
			v.find(note(CheckChain, "fetching the issuer of %s from %s: %v", certchain.Name(c), url, err))
			continue
		}
		if certs, err := certchain.ParseCertificates(b); err == nil {
			return certs
		}
		v.find(note(CheckChain, "fetching the issuer of %s from %s: no certificate there", certchain.Name(c), url))
	}
	return nil
}

// mark remembers which certificates are on a path.
func (j *judging) mark(c certchain.Chain) {
	for _, cert := range c.Certificates {
		j.useful[sha256.Sum256(cert.Raw)] = true
	}
}

// revoked checks the publisher's chain against CRLs and OCSP.
func (j *judging) revoked(ctx context.Context) bool {
	j.v.revocation.AddEmbedded(j.m.data.CRLs)
	signed := j.stamped
	if j.lifetime() {
		signed = time.Time{} // the timestamp does not prolong the signature beyond a revocation either
	}
	j.find(j.v.revocation.Check(ctx, j.chain.Certificates, signed)...)
	return true
}

// leaf: a publisher's certificate is for signatures and issues nothing (CA/Browser
// Forum code signing requirements 7.1.2.3). Windows does not look.
func (j *judging) leaf(context.Context) bool {
	if j.cert.KeyUsage != 0 && j.cert.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		j.find(strict(CheckUsage, "the key usage of %s lacks digitalSignature", certchain.Name(j.cert)))
	}
	if j.cert.BasicConstraintsValid && j.cert.IsCA {
		j.find(strict(CheckUsage, "%s is a CA, and CAs do not sign files", certchain.Name(j.cert)))
	}
	if !certchain.NamesEKU(j.cert) {
		j.find(warning(CheckUsage, "%s names no extended key usage: it is good for anything", certchain.Name(j.cert)))
	}
	return true
}

func weakHash(h crypto.Hash) bool { return h == crypto.MD5 || h == crypto.SHA1 }

// algorithms reports digests and keys that Windows still takes for a file without mark
// of the web, but that can be forged.
func (j *judging) algorithms(context.Context) bool {
	if c := j.m.signed; c != nil && weakHash(c.hash) {
		j.find(strict(CheckAlgorithms, "the file is hashed with %v", c.hash))
	}
	if h, err := j.signer.Hash(); err == nil && weakHash(h) {
		j.find(strict(CheckAlgorithms, "the signature is made with %v", h))
	}
	j.find(weakChain(j.chain, "")...)
	j.find(weakKeys(j.chain, "")...)
	if _, ec := j.cert.PublicKey.(*ecdsa.PublicKey); ec {
		j.find(note(CheckKeySize, "%s has an ECDSA key: App Control and Smart App Control take RSA only", certchain.Name(j.cert)))
	}
	return true
}

// weakKeys reports RSA keys below 2048 bits of certificates below the anchor.
func weakKeys(c certchain.Chain, prefix string) []Finding {
	var out []Finding
	for i, cert := range c.Certificates {
		if last := i == len(c.Certificates)-1; last && c.Anchored {
			break
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
			out = append(out, strict(CheckKeySize, "%s%s has an RSA key of %d bits", prefix, certchain.Name(cert), key.N.BitLen()))
		}
	}
	return out
}

// weakChain reports certificates below the anchor, whose own signature is worth
// nothing, that are signed with a weak digest.
func weakChain(c certchain.Chain, prefix string) []Finding {
	var out []Finding
	for i, cert := range c.Certificates {
		if last := i == len(c.Certificates)-1; last && c.Anchored {
			break
		}
		if digest, weak := weakDigest(cert.SignatureAlgorithm); weak {
			out = append(out, strict(CheckAlgorithms, "%scertificate %s is signed with %s", prefix, certchain.Name(cert), digest))
		}
	}
	return out
}

// knownUnsigned are the unsigned attributes that are judged elsewhere or carry nothing
// that could mislead.
var knownUnsigned = []asn1.ObjectIdentifier{cms.OIDNestedSignature, cms.OIDRFC3161Token, cms.OIDCountersignature, cms.OIDSequenceNumber,
	cms.OIDSealingTimestamp, cms.OIDSealingSignature, cms.OIDRelaxedPEMarker, cms.OIDDigestRetryCount}

// leftovers reports what the signature carries without covering it: data can be hidden
// there without breaking it.
func (j *judging) leftovers(context.Context) bool {
	for _, t := range tagsOf(j.signer) {
		j.find(warning(CheckUnknownContent, "a tag of %d bytes (%v), which the signature does not cover", len(t.Data), t.OID))
	}
	for _, a := range j.signer.UnsignedAttrs {
		if isTag(a.Type) {
			continue
		}
		if !slices.ContainsFunc(knownUnsigned, a.Type.Equal) {
			j.find(warning(CheckUnknownContent, "unsigned attribute %v holds data that the signature does not cover", a.Type))
		}
	}
	for _, c := range j.embedded {
		if !j.useful[sha256.Sum256(c.Raw)] {
			j.find(note(CheckUnknownContent, "certificate %s is on no path that was used", certchain.Name(c)))
		}
	}
	return true
}

// weakDigest names the digest of a certificate's signature if it can be forged today.
func weakDigest(alg x509.SignatureAlgorithm) (string, bool) {
	switch alg {
	case x509.MD2WithRSA, x509.MD5WithRSA:
		return "MD5", true
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return "SHA-1", true
	}
	return "", false
}
