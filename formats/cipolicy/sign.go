package cipolicy

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Sign wraps a compiled policy into a signed one: PKCS#7 SignedData of version 1
// (Windows rejects the version 3 that RFC 5652 asks for) with the content type
// 1.3.6.1.4.1.311.79.1, the certificates of the signer without a root, no
// timestamp. The file name does not change.
//
// Sign refuses what would not load, or lock the machine: a policy with the option
// Enabled:Unsigned System Integrity Policy, one that does not name the signer
// among its UpdatePolicySigners, a key other than RSA of 2048, 3072 or 4096 bits
// (Microsoft Learn, "Use signed policies to protect App Control").
func Sign(ctx context.Context, policy []byte, signer cms.Signer) ([]byte, error) {
	d, err := Decompile(policy, Quicksort)
	if err != nil {
		return nil, err
	}
	if d.Signature != nil {
		return nil, errors.New("the policy is signed already: sign the compiled policy")
	}
	if d.Policy.HasOption(OptionUnsigned) {
		return nil, fmt.Errorf("the policy has the option %q: remove it, compile again and sign that", OptionUnsigned)
	}
	if err := checkPolicySigner(d.Policy, signer); err != nil {
		return nil, err
	}
	signer.Chain = slices.DeleteFunc(slices.Clone(signer.Chain), certchain.IsRoot)
	var content cryptobyte.Builder
	content.AddASN1OctetString(policy)
	der, err := content.Bytes()
	if err != nil {
		return nil, fmt.Errorf("wrapping policy: %w", err)
	}
	s, err := cms.Sign(ctx, cms.ContentInfo{Type: oidSignedPolicy, DER: der, Version: 1}, signer, nil)
	if err != nil {
		return nil, err
	}
	return s.Marshal()
}

func checkPolicySigner(p *Policy, signer cms.Signer) error {
	if signer.Certificate == nil {
		return cms.WrongOption("signer.Certificate", "signing policy: no certificate")
	}
	key, ok := signer.Certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("policies are signed with RSA only, the key of %q is %T", signer.Certificate.Subject.CommonName, signer.Certificate.PublicKey)
	}
	if bits := key.N.BitLen(); !slices.Contains([]int{2048, 3072, 4096}, bits) {
		return fmt.Errorf("the RSA key of %q has %d bits, policies are signed with 2048, 3072 or 4096", signer.Certificate.Subject.CommonName, bits)
	}
	for _, ref := range p.UpdateSigners {
		for i := range p.Signers {
			if p.Signers[i].ID == ref.ID && p.Signers[i].covers(signer) {
				return nil
			}
		}
	}
	return fmt.Errorf("none of the %d UpdatePolicySigners is the certificate %q: Windows would not accept the policy, nor let it be updated or removed; add the certificate as UpdatePolicySigner first", len(p.UpdateSigners), signer.Certificate.Subject.CommonName)
}

// covers reports whether a signer's chain satisfies the signer rule.
func (s *Signer) covers(signer cms.Signer) bool {
	if s.Root.Type != RootTBS || s.Publisher.Set && s.Publisher.Value != signer.Certificate.Subject.CommonName {
		return false
	}
	for _, c := range append([]*x509.Certificate{signer.Certificate}, signer.Chain...) {
		if tbs, err := certchain.TBSHash(c); err == nil && bytes.Equal(tbs, s.Root.Value) {
			return true
		}
	}
	return false
}

// AddUpdateSigner lets a certificate sign updates of the policy, as
// Add-SignerRule -Update does. A certificate that is there already stays.
func (p *Policy) AddUpdateSigner(c *x509.Certificate) error {
	id, err := p.tbsSigner(c)
	if err != nil {
		return err
	}
	p.UpdateSigners = addSignerRef(p.UpdateSigners, id)
	return nil
}

// AddSupplementalSigner lets a certificate sign supplements of the policy, as
// Add-SignerRule -Supplemental does.
func (p *Policy) AddSupplementalSigner(c *x509.Certificate) error {
	id, err := p.tbsSigner(c)
	if err != nil {
		return err
	}
	p.SupplementalSigners = addSignerRef(p.SupplementalSigners, id)
	return nil
}

func addSignerRef(list []SignerRef, id string) []SignerRef {
	if slices.ContainsFunc(list, func(r SignerRef) bool { return r.ID == id }) {
		return list
	}
	return append(list, SignerRef{ID: id})
}

// tbsSigner returns the ID of the signer for one certificate, adding it if needed.
func (p *Policy) tbsSigner(c *x509.Certificate) (string, error) {
	tbs, err := certchain.TBSHash(c)
	if err != nil {
		return "", err
	}
	for i := range p.Signers {
		s := &p.Signers[i]
		plain := !s.Issuer.Set && !s.Publisher.Set && !s.OemID.Set && len(s.EKUs)+len(s.FileAttribs) == 0
		if plain && s.Root.Type == RootTBS && bytes.Equal(s.Root.Value, tbs) {
			return s.ID, nil
		}
	}
	id := "ID_SIGNER_P_" + hexText(tbs[:8])
	p.Signers = append(p.Signers, Signer{ID: id, Name: Some(c.Subject.CommonName), Root: CertRoot{Type: RootTBS, Value: tbs}})
	return id, nil
}
