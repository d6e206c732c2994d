package authenticode

import (
	"bytes"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// RemoveUnsigned takes all unsigned attributes out of the signature with the given
// index, as signtool remove /u does: the signatures nested in it, its timestamp, tags.
// What is signed stays.
func (p PKCS7) RemoveUnsigned(index int) (PKCS7, error) {
	return p.edit(index, func(n *sigNode) error {
		n.children = nil
		n.sd.Signers[0].UnsignedAttrs = nil
		return nil
	})
}

// RemoveCertificates takes the certificates out of the signature with the given index
// except those that signed something in it: the signer's, and that of a
// countersignature's authority. signtool remove /c leaves the signer's only, and with
// it a countersignature that cannot be checked.
func (p PKCS7) RemoveCertificates(index int) (PKCS7, error) {
	return p.edit(index, func(n *sigNode) error {
		keep, err := signingCertificates(n.sd)
		if err != nil {
			return err
		}
		n.sd.Certificates = slices.DeleteFunc(n.sd.Certificates, func(c *cms.Certificate) bool {
			return !slices.ContainsFunc(keep, func(k []byte) bool { return bytes.Equal(k, c.Raw) })
		})
		return nil
	})
}

// signingCertificates are the DER of the signer's certificate and of those of its
// countersignatures.
func signingCertificates(sd *cms.SignedData) ([][]byte, error) {
	signer, err := sd.SignerCertificate(0)
	if err != nil {
		return nil, err
	}
	keep := [][]byte{signer.Raw}
	for _, v := range unsignedValues(&sd.Signers[0], cms.OIDCountersignature) {
		si, err := cms.ParseSignerInfo(v)
		if err != nil {
			continue // it cannot be checked with or without certificates
		}
		if c, err := sd.FindCertificate(si); err == nil {
			keep = append(keep, c.Raw)
		}
	}
	return keep, nil
}
