package authenticode

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
)

// SignatureValue returns the signature octets of the signature with the given
// index: what a timestamp is made over.
func (p PKCS7) SignatureValue(index int) ([]byte, error) {
	s, err := p.Signature(index)
	if err != nil {
		return nil, err
	}
	return s.Signers[0].Signature, nil
}

// SetToken attaches an RFC 3161 token (DER of the ContentInfo) to the signature with
// the given index, in place of any timestamp that it has. The token is refused if it is
// not over that signature or is not in order in itself, as far as Windows looks; what
// the client of rfc3161 wants beyond that is its business, and whether the authority is
// trusted that of Verify.
func (p PKCS7) SetToken(index int, token []byte) (PKCS7, error) {
	t, err := rfc3161.ParseToken(token)
	if err != nil {
		return nil, err
	}
	return p.edit(index, func(n *sigNode) error {
		si := &n.sd.Signers[0]
		if err := t.Check(si.Signature, rfc3161.CheckOptions{Trust: rfc3161.TrustAny, Accept: StampRules(WindowsOnly())}); err != nil {
			return fmt.Errorf("attaching timestamp to signature %d: %w", index, err)
		}
		si.UnsignedAttrs.Remove(cms.OIDCountersignature)
		si.UnsignedAttrs.Set(cms.OIDRFC3161Token, t.Raw)
		return nil
	})
}

// SetCountersignature attaches a timestamp of the older Authenticode kind to the
// signature with the given index, in place of any that it has: signerInfo (DER) becomes
// its PKCS#9 countersignature and the authority's certificates join those of the
// signature. It is refused if it is not over that signature or not in order in itself;
// SHA-1 is accepted, because that protocol leaves the choice to the server.
func (p PKCS7) SetCountersignature(index int, signerInfo []byte, certs []*x509.Certificate) (PKCS7, error) {
	stamp, err := cms.ParseSignerInfo(signerInfo)
	if err != nil {
		return nil, fmt.Errorf("reading countersignature: %w", err)
	}
	return p.edit(index, func(n *sigNode) error {
		for _, c := range certs {
			n.sd.AddCertificate(c.Raw)
		}
		si := &n.sd.Signers[0]
		if problems := countersignatureProblems(stamp, n.sd, StampRules(WindowsOnly())); len(problems) > 0 {
			return fmt.Errorf("attaching countersignature to signature %d: %s", index, strings.Join(problems, "; "))
		}
		si.UnsignedAttrs.Remove(cms.OIDRFC3161Token)
		si.UnsignedAttrs.Set(cms.OIDCountersignature, signerInfo)
		return nil
	})
}

func countersignatureProblems(stamp *cms.SignerInfo, outer *cms.SignedData, accept []rfc3161.Rule) []string {
	var out []string
	for _, p := range rfc3161.LegacyProblems(stamp, outer, outer.Signers[0].Signature, rfc3161.CheckOptions{Trust: rfc3161.TrustAny, AllowWeak: true, Accept: accept}) {
		out = append(out, p.String())
	}
	return out
}

// AddCertificates embeds further certificates into the signature with the given index;
// one that is there already stays single, and a self-signed root is left out, as Sign
// leaves it out: it is of no use in a signature. Nothing that is signed changes. Judge
// them with JudgeAdditional before.
func (p PKCS7) AddCertificates(index int, certs []*x509.Certificate) (PKCS7, error) {
	return p.edit(index, func(n *sigNode) error {
		for _, c := range certs {
			if !certchain.IsRoot(c) {
				n.sd.AddCertificate(c.Raw)
			}
		}
		return nil
	})
}
