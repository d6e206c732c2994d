package authenticode

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
)

// SignatureValue returns the signature octets of the signature with the given index: what a timestamp is made over.
func SignatureValue(p7 []byte, index int) ([]byte, error) {
	sigs, err := Signatures(p7)
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= len(sigs) {
		return nil, fmt.Errorf("there is no signature %d: the file has %d, counted from 0", index, len(sigs))
	}
	return sigs[index].Signers[0].Signature, nil
}

// SetToken attaches an RFC 3161 token (DER of the ContentInfo) to the signature with the given index, in place of any timestamp that it
// has. The token is refused if it is not over that signature or is not in order in itself; whether its authority is trusted is for Verify.
func SetToken(p7 []byte, index int, token []byte) ([]byte, error) {
	t, err := rfc3161.ParseToken(token)
	if err != nil {
		return nil, err
	}
	return editSignature(p7, index, func(n *sigNode) error {
		si := &n.sd.Signers[0]
		if err := t.Check(si.Signature, rfc3161.CheckOptions{NoChain: true}); err != nil {
			return fmt.Errorf("attaching timestamp to signature %d: %w", index, err)
		}
		si.UnsignedAttrs.Remove(cms.OIDCountersignature)
		si.UnsignedAttrs.Set(cms.OIDRFC3161Token, t.Raw)
		return nil
	})
}

// SetCountersignature attaches a timestamp of the older Authenticode kind to the signature with the given index, in place of any that it
// has. response is what such a server answers, a PKCS#7 SignedData: its SignerInfo becomes a PKCS#9 countersignature and its
// certificates join those of the signature. It is refused if it is not over that signature.
func SetCountersignature(p7 []byte, index int, response []byte) ([]byte, error) {
	sd, err := cms.Parse(response)
	if err != nil {
		return nil, fmt.Errorf("reading countersignature: %w", err)
	}
	if len(sd.Signers) != 1 {
		return nil, fmt.Errorf("reading countersignature: %d signers instead of one", len(sd.Signers))
	}
	cert, err := sd.SignerCertificate(0)
	if err != nil {
		return nil, fmt.Errorf("reading countersignature: %w", err)
	}
	return editSignature(p7, index, func(n *sigNode) error {
		si := &n.sd.Signers[0]
		if err := countersigns(&sd.Signers[0], cert, si.Signature); err != nil {
			return fmt.Errorf("attaching countersignature to signature %d: %w", index, err)
		}
		der, err := sd.Signers[0].Marshal()
		if err != nil {
			return err
		}
		si.UnsignedAttrs.Remove(cms.OIDRFC3161Token)
		si.UnsignedAttrs.Set(cms.OIDCountersignature, der)
		for _, c := range sd.Certificates {
			n.sd.AddCertificate(c.Raw)
		}
		return nil
	})
}

// countersigns checks a countersignature over signature: its message digest is over the signature octets (RFC 2985 section 5.3.6).
func countersigns(si *cms.SignerInfo, cert *x509.Certificate, signature []byte) error {
	if _, ok := si.Attr(cms.OIDSigningTime); !ok {
		return errors.New("it holds no signing time")
	}
	h, err := si.Hash()
	if err != nil {
		return err
	}
	digest, err := si.MessageDigest()
	if err != nil {
		return err
	}
	sum := h.New()
	sum.Write(signature)
	if !bytes.Equal(sum.Sum(nil), digest) {
		return errors.New("it is over something else")
	}
	return si.CheckSignature(cert)
}

// AddCertificatesTo embeds further certificates into the signature with the given index; one that is there already stays single. Nothing that is
// signed changes. Judge them with JudgeAdditional before.
func AddCertificatesTo(p7 []byte, index int, certs []*x509.Certificate) ([]byte, error) {
	return editSignature(p7, index, func(n *sigNode) error {
		for _, c := range certs {
			n.sd.AddCertificate(c.Raw)
		}
		return nil
	})
}
