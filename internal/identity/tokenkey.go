//go:build cgo

package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/miekg/pkcs11"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// maxObjects bounds what is listed of a token. PIV cards hold 24 keys at
// most; a shared HSM may hold many, where label or id choose one.
const maxObjects = 256

// tokenKey is a private key that stays in its token.
type tokenKey struct {
	token  *token
	handle pkcs11.ObjectHandle
	public crypto.PublicKey
	always bool // CKA_ALWAYS_AUTHENTICATE: the PIN goes before each signature
}

// findKey finds the private key that the URI names, its public half, and
// every X.509 certificate of the token.
func (t *token) findKey() (*tokenKey, []*x509.Certificate, error) {
	handle, id, err := t.privateKey()
	if err != nil {
		return nil, nil, err
	}
	certs, own, err := t.certificates(id)
	if err != nil {
		return nil, nil, err
	}
	key := &tokenKey{token: t, handle: handle, always: t.flag(handle, pkcs11.CKA_ALWAYS_AUTHENTICATE)}
	if key.public = t.publicKey(handle, id); key.public == nil && own != nil {
		key.public = own.PublicKey // proven by the trial signature
	}
	if key.public == nil {
		return nil, nil, fault.New(fault.Usage, "identity pkcs11: the token (%s) exposes neither a public key nor a certificate for key id %s", t.uri.describe(), hexID(id)).
			Hint("store the certificate in the token under the key's id: pkcs11-tool --write-object cert.der --type cert --id %s", hexID(id))
	}
	return key, certs, nil
}

func (t *token) privateKey() (pkcs11.ObjectHandle, []byte, error) {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}
	all, err := t.find(template)
	if err != nil {
		return 0, nil, err
	}
	if t.uri.Object != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, t.uri.Object))
	}
	if t.uri.ID != nil {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, t.uri.ID))
	}
	found, err := t.find(template)
	switch {
	case err != nil:
		return 0, nil, err
	case len(found) == 1:
		return found[0], t.attribute(found[0], pkcs11.CKA_ID), nil
	case len(all) == 0:
		return 0, nil, fault.New(fault.Usage, "identity pkcs11: the token (%s) holds no private key", t.uri.describe()).
			Hint("the key may be in another slot, or visible only to another user")
	case len(found) == 0:
		return 0, nil, fault.New(fault.Usage, "identity pkcs11: no private key with %s in the token (%s)", t.uri.describeKey(), t.uri.describe()).
			Hint("it holds: %s", t.listKeys(all))
	}
	return 0, nil, fault.New(fault.Usage, "identity pkcs11: %d private keys match in the token (%s)", len(found), t.uri.describe()).
		Hint("choose one with object=LABEL or id=%%XX: %s", t.listKeys(found))
}

func (t *token) listKeys(keys []pkcs11.ObjectHandle) string {
	var list []string
	for _, k := range keys {
		list = append(list, fmt.Sprintf("label %q, id %s", t.attribute(k, pkcs11.CKA_LABEL), hexID(t.attribute(k, pkcs11.CKA_ID))))
	}
	return strings.Join(list, "; ")
}

func (t *token) find(template []*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := t.module.FindObjectsInit(t.session, template); err != nil {
		return nil, t.failed("searching objects", err)
	}
	found, _, err := t.module.FindObjects(t.session, maxObjects)
	if endErr := t.module.FindObjectsFinal(t.session); err == nil {
		err = endErr
	}
	if err != nil {
		return nil, t.failed("searching objects", err)
	}
	return found, nil
}

// attribute reads one attribute; nil when the object has none or hides it.
func (t *token) attribute(o pkcs11.ObjectHandle, kind uint) []byte {
	got, err := t.module.GetAttributeValue(t.session, o, []*pkcs11.Attribute{pkcs11.NewAttribute(kind, nil)})
	if err != nil || len(got) != 1 {
		return nil
	}
	return got[0].Value
}

// flag reads a CK_BBOOL, which is one byte.
func (t *token) flag(o pkcs11.ObjectHandle, kind uint) bool {
	v := t.attribute(o, kind)
	return len(v) == 1 && v[0] != 0
}

// certificates reads every certificate; own is the one with the key's id.
func (t *token) certificates(id []byte) (certs []*x509.Certificate, own *x509.Certificate, err error) {
	found, err := t.find([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE),
		pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509),
	})
	if err != nil {
		return nil, nil, err
	}
	for _, o := range found {
		c, err := cms.ParseCertificate(t.attribute(o, pkcs11.CKA_VALUE))
		if err != nil {
			continue // a certificate of another key may be anything
		}
		certs = append(certs, c)
		if own == nil && len(id) > 0 && bytes.Equal(t.attribute(o, pkcs11.CKA_ID), id) {
			own = c
		}
	}
	return certs, own, nil
}

// publicKey reads the public half from the public key object, or from the
// RSA private key itself, which must tell modulus and exponent.
func (t *token) publicKey(private pkcs11.ObjectHandle, id []byte) crypto.PublicKey {
	candidates := []pkcs11.ObjectHandle{private}
	if len(id) > 0 {
		found, err := t.find([]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
			pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		})
		if err == nil {
			candidates = append(found, private)
		}
	}
	for _, o := range candidates {
		if k := t.rsaKey(o); k != nil {
			return k
		}
		if k := t.ecKey(o); k != nil {
			return k
		}
	}
	return nil
}

func (t *token) rsaKey(o pkcs11.ObjectHandle) crypto.PublicKey {
	n := new(big.Int).SetBytes(t.attribute(o, pkcs11.CKA_MODULUS))
	e := new(big.Int).SetBytes(t.attribute(o, pkcs11.CKA_PUBLIC_EXPONENT))
	if n.BitLen() < 1024 || n.BitLen() > 16384 || e.BitLen() < 2 || e.BitLen() > 31 {
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}

// ecKey reads CKA_EC_PARAMS (a curve's identifier) and CKA_EC_POINT, which
// should be wrapped in an OCTET STRING and in some modules is not.
func (t *token) ecKey(o pkcs11.ObjectHandle) crypto.PublicKey {
	var id asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(t.attribute(o, pkcs11.CKA_EC_PARAMS), &id); err != nil {
		return nil
	}
	curve, ok := map[string]elliptic.Curve{ // RFC 5480 section 2.1.1.1
		"1.2.840.10045.3.1.7": elliptic.P256(),
		"1.3.132.0.34":        elliptic.P384(),
		"1.3.132.0.35":        elliptic.P521(),
	}[id.String()]
	if !ok {
		return nil
	}
	point := t.attribute(o, pkcs11.CKA_EC_POINT)
	var inner []byte
	if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 {
		point = inner
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil
	}
	return key
}

// Public is the public half.
func (k *tokenKey) Public() crypto.PublicKey { return k.public }

// Sign lets the token sign a digest. Calls queue up for its one session.
// Errors are *fault.Error: Service, or Usage for a refused PIN.
func (k *tokenKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, err := hashName(digest, opts); err != nil {
		return nil, err
	}
	mechanism, input, err := mechanismFor(k.public, digest, opts)
	if err != nil {
		return nil, err
	}
	signature, err := k.sign(mechanism, input)
	if err != nil {
		return nil, err
	}
	if _, ok := k.public.(*ecdsa.PublicKey); ok {
		return ecSignature(signature)
	}
	return signature, nil
}

// sign makes one signature. Some modules need the PIN before each signature
// without saying so in CKA_ALWAYS_AUTHENTICATE; they answer
// CKR_USER_NOT_LOGGED_IN although the login succeeded, and are asked once
// more with the PIN, which they have accepted before.
func (k *tokenKey) sign(mechanism *pkcs11.Mechanism, input []byte) ([]byte, error) {
	t := k.token
	t.mu.Lock()
	defer t.mu.Unlock()
	signature, err := k.signOnce(mechanism, input, k.always)
	if isCode(err, pkcs11.CKR_USER_NOT_LOGGED_IN) && !k.always && t.pin != nil {
		if signature, err = k.signOnce(mechanism, input, true); err == nil {
			k.always = true
		}
	}
	var f *fault.Error
	if err != nil && !errors.As(err, &f) {
		err = t.failed("signing", err)
	}
	return signature, err
}

func (k *tokenKey) signOnce(mechanism *pkcs11.Mechanism, input []byte, withPIN bool) ([]byte, error) {
	t := k.token
	if t.refused != nil {
		return nil, t.refused
	}
	if err := t.module.SignInit(t.session, []*pkcs11.Mechanism{mechanism}, k.handle); err != nil {
		return nil, err
	}
	if withPIN {
		// PKCS #11 2.40 section 5.6: C_Login as CKU_CONTEXT_SPECIFIC between
		// C_SignInit and C_Sign.
		if err := t.present(pkcs11.CKU_CONTEXT_SPECIFIC); err != nil && !isCode(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
			return nil, err
		}
	}
	return t.module.Sign(t.session, input)
}

// mechanismFor chooses the mechanism that works everywhere, and its input:
// the digest is made here, the token only applies the key.
func mechanismFor(key crypto.PublicKey, digest []byte, opts crypto.SignerOpts) (*pkcs11.Mechanism, []byte, error) {
	switch schemeOf(key, opts) {
	case service.SchemeECDSA:
		return pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil), digest, nil
	case service.SchemePSS:
		hash, mgf := pssMechanisms(opts.HashFunc())
		params := pkcs11.NewPSSParams(hash, mgf, uint(opts.HashFunc().Size()))
		return pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, params), digest, nil
	}
	info, err := digestInfo(digest, opts.HashFunc())
	return pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), info, err
}

func pssMechanisms(h crypto.Hash) (hash, mgf uint) {
	switch h {
	case crypto.SHA384:
		return pkcs11.CKM_SHA384, pkcs11.CKG_MGF1_SHA384
	case crypto.SHA512:
		return pkcs11.CKM_SHA512, pkcs11.CKG_MGF1_SHA512
	case crypto.SHA1:
		return pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1
	}
	return pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256
}

// digestInfo is the input of CKM_RSA_PKCS (RFC 8017 section 9.2, step 2).
func digestInfo(digest []byte, h crypto.Hash) ([]byte, error) {
	oid, ok := map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1: cms.OIDSHA1, crypto.SHA256: cms.OIDSHA256, crypto.SHA384: cms.OIDSHA384, crypto.SHA512: cms.OIDSHA512,
	}[h]
	if !ok {
		return nil, fmt.Errorf("signing: hash %v is not supported", h)
	}
	return asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}{pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.NullRawValue}, digest})
}

// ecSignature turns r and s side by side (PKCS #11 2.40 section 2.3.1 of the
// mechanisms) into the SEQUENCE that X.509 and CMS use.
func ecSignature(raw []byte) ([]byte, error) {
	if len(raw) == 0 || len(raw)%2 != 0 {
		return nil, fault.New(fault.Service, "identity pkcs11: the token answered with an ECDSA signature of %d bytes", len(raw))
	}
	half := len(raw) / 2
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
}
