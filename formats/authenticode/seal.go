package authenticode

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// ErrSealed: the file is sealed, and what was asked for would break the seal. Unseal takes it off.
var ErrSealed = errors.New("the file is sealed")

// Microsoft has not documented sealing. The structures are those of WinTrust.h
// (INTENT_TO_SEAL_ATTRIBUTE, SEALING_SIGNATURE_ATTRIBUTE, SEALING_TIMESTAMP_ATTRIBUTE);
// their encoding, and what is hashed, is what signtool writes and wintrust.dll
// 10.0.15063 accepts. The seal has to be big-endian as all of PKCS #7, though signtool
// writes it backwards with a key of CryptoAPI (not CNG), and then wintrust refuses it.

// intentToSeal is the signed attribute 1.3.6.1.4.1.311.2.4.2.
type intentToSeal struct {
	Version int
	Seal    bool
}

// seal is the unsigned attribute 1.3.6.1.4.1.311.2.4.3 of the first signature.
type seal struct {
	Version int
	// SignerIndex says whose key sealed: 0 is the first signature, n the nested one
	// with sequence number n.
	SignerIndex int
	Algorithm   pkix.AlgorithmIdentifier // a digest
	// Value is an RSA signature, PKCS #1 v1.5, over the digest of the certificate table.
	Value []byte
}

// unmarshalWhole reads a structure after which nothing follows.
func unmarshalWhole(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = errors.New("trailing bytes")
	}
	return err
}

// onlyValue returns the value of an attribute that must have one; present is false
// where there is no such attribute.
func onlyValue(attrs cms.Attributes, oid asn1.ObjectIdentifier) (value []byte, present bool, err error) {
	n := 0
	for _, a := range attrs {
		if a.Type.Equal(oid) {
			n += max(len(a.Values), 1)
			if len(a.Values) > 0 {
				value = a.Values[0]
			}
		}
	}
	if n > 1 || (n == 1 && value == nil) {
		return nil, true, errors.New("not exactly one value")
	}
	return value, n == 1, nil
}

// readIntent reports whether the signer intends the file to be sealed.
func readIntent(si *cms.SignerInfo) (bool, error) {
	der, present, err := onlyValue(si.SignedAttrs, cms.OIDIntentToSeal)
	if err != nil || !present {
		return present, wrapSeal("intent to seal", err)
	}
	var i intentToSeal
	if err := unmarshalWhole(der, &i); err != nil {
		return true, wrapSeal("intent to seal", err)
	}
	return i.Seal, nil
}

// readSeal returns the seal in a signature, nil if there is none.
func readSeal(si *cms.SignerInfo) (*seal, error) {
	der, present, err := onlyValue(si.UnsignedAttrs, cms.OIDSealingSignature)
	if err != nil || !present {
		return nil, wrapSeal("seal", err)
	}
	var s seal
	if err := unmarshalWhole(der, &s); err != nil {
		return nil, wrapSeal("seal", err)
	}
	if again, err := asn1.Marshal(s); err != nil || !bytes.Equal(again, der) {
		return nil, wrapSeal("seal", errors.New("there is more in it, or it is not in DER"))
	}
	if s.Version != 0 || s.SignerIndex < 0 || len(s.Value) == 0 {
		return nil, wrapSeal("seal", fmt.Errorf("version %d, signer %d, %d bytes", s.Version, s.SignerIndex, len(s.Value)))
	}
	return &s, nil
}

func wrapSeal(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading %s: %w", what, err)
}

// carriesSeal reports whether there is a seal, readable or not.
func carriesSeal(si *cms.SignerInfo) bool {
	_, ok := si.UnsignedAttr(cms.OIDSealingSignature)
	return ok
}

// hasSealStamp reports whether the seal has a timestamp of its own.
func hasSealStamp(si *cms.SignerInfo) bool {
	_, ok := si.UnsignedAttr(cms.OIDSealingTimestamp)
	return ok
}

// sealPlace is where a blob stands: at offset of the file, followed by rest in the
// certificate table.
type sealPlace struct {
	offset int64
	rest   *io.SectionReader
}

// digest hashes what a seal covers: the entry of the certificate table in the data
// directory, the WIN_CERTIFICATE with the blank blob, and what follows it in the table.
// The rest of the file is covered by the signature inside.
func (p sealPlace) digest(h crypto.Hash, blank []byte) ([]byte, error) {
	entry := peimage.CertificateTable(blank)
	var dir [8]byte // IMAGE_DATA_DIRECTORY
	binary.LittleEndian.PutUint32(dir[:], uint32(p.offset))
	binary.LittleEndian.PutUint32(dir[4:], uint32(int64(len(entry))+p.rest.Size()))
	d := h.New()
	d.Write(dir[:])
	d.Write(entry)
	if _, err := io.Copy(d, io.NewSectionReader(p.rest, 0, p.rest.Size())); err != nil {
		return nil, fmt.Errorf("reading the certificate table: %w", err)
	}
	return d.Sum(nil), nil
}

// nothingBehind is the place of a blob that is the only entry of the table.
func nothingBehind(offset int64) sealPlace {
	return sealPlace{offset: offset, rest: io.NewSectionReader(bytes.NewReader(nil), 0, 0)}
}

// blank is the blob as it is hashed for its seal: the octets of the value zero, and no
// timestamp of the seal. Everything else stays as it is in the file, also where that is
// not the order of DER.
func (s *seal) blank(p7 []byte, si *cms.SignerInfo) ([]byte, error) {
	attr, _ := si.UnsignedAttr(cms.OIDSealingSignature)
	set, err := cms.Attributes{attr}.Marshal()
	if err != nil {
		return nil, err
	}
	var whole asn1.RawValue
	if err := unmarshalWhole(set, &whole); err != nil {
		return nil, err
	}
	if n := bytes.Count(p7, whole.Bytes); n != 1 {
		return nil, fmt.Errorf("it is in the signature %d times, or not in DER", n)
	}
	out := bytes.Clone(p7)
	end := bytes.Index(p7, whole.Bytes) + len(whole.Bytes) // the value is what the attribute ends with
	clear(out[end-len(s.Value) : end])
	if !hasSealStamp(si) {
		return out, nil
	}
	return withoutSealStamp(out)
}

// withoutSealStamp takes an attribute out, which can only be done to DER without moving others.
func withoutSealStamp(p7 []byte) ([]byte, error) {
	sd, err := cms.Parse(p7)
	if err != nil {
		return nil, err
	}
	if der, err := sd.Marshal(); err != nil || !bytes.Equal(der, p7) {
		return nil, errors.New("the seal has a timestamp, and the signature is not in DER")
	}
	sd.Signers[0].UnsignedAttrs.Remove(cms.OIDSealingTimestamp)
	return sd.Marshal()
}

// check compares the seal of p7 (nothing after it) with the key that made it.
func (s *seal) check(cert *x509.Certificate, p7 []byte, si *cms.SignerInfo, place sealPlace) error {
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("%s has no RSA key, and seals are RSA signatures", certchain.Name(cert))
	}
	h, err := cms.HashOf(s.Algorithm.Algorithm)
	if err != nil {
		return err
	}
	blank, err := s.blank(p7, si)
	if err != nil {
		return err
	}
	digest, err := place.digest(h, blank)
	if err != nil {
		return err
	}
	if rsa.VerifyPKCS1v15(key, h, digest, s.Value) != nil {
		return errors.New("the certificate table is not as it was sealed")
	}
	return nil
}
