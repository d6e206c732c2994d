package rfc3161

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Token is a TimeStampToken (RFC 3161 section 2.4.2). Being parsed says nothing about its being good; that is Check.
type Token struct {
	// Version of the TSTInfo; RFC 3161 knows 1.
	Version int
	Policy  asn1.ObjectIdentifier
	// Hash and Imprint say what was stamped.
	Hash    crypto.Hash
	Imprint []byte
	// Serial is unique for the server.
	Serial  *big.Int
	GenTime time.Time
	// Accuracy is by how much GenTime may be off to either side; 0 means that the server does not say.
	Accuracy time.Duration
	Ordering bool
	// Nonce is nil where the token has none.
	Nonce *big.Int
	// TSA is the DER of the GeneralName by which the server calls itself, nil where it does not.
	TSA []byte
	// SignedData is the signature around it. ParseToken makes sure of one signer at least; a good token has no second.
	SignedData *cms.SignedData
	// Raw is the DER of the token: what goes into the unsigned attribute cms.OIDRFC3161Token.
	Raw []byte
}

// ParseToken reads a token. Bytes after it are an error. A token in BER is converted, so that Raw is DER.
func ParseToken(b []byte) (*Token, error) {
	sd, err := cms.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("reading time-stamp token: %w", err)
	}
	if sd.Trailing != 0 {
		return nil, fmt.Errorf("reading time-stamp token: followed by %d unexpected bytes", sd.Trailing)
	}
	if !sd.ContentType.Equal(cms.OIDTSTInfo) {
		return nil, fmt.Errorf("reading time-stamp token: content type %v is not TSTInfo (RFC 3161 section 2.4.2)", sd.ContentType)
	}
	if len(sd.Signers) == 0 {
		return nil, errors.New("reading time-stamp token: the token has no signer")
	}
	raw := b
	if sd.BER {
		if raw, err = sd.Marshal(); err != nil {
			return nil, fmt.Errorf("reading time-stamp token: %w", err)
		}
	}
	content := cryptobyte.String(sd.Content)
	var info cryptobyte.String
	if !content.ReadASN1(&info, cbasn1.OCTET_STRING) || !content.Empty() {
		return nil, errors.New("reading time-stamp token: the content is not an OCTET STRING")
	}
	t := &Token{SignedData: sd, Raw: raw}
	if err := t.readInfo(info); err != nil {
		return nil, fmt.Errorf("reading TSTInfo: %w", err)
	}
	return t, nil
}

func (t *Token) readInfo(in cryptobyte.String) error {
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
		return errors.New("not exactly one SEQUENCE")
	}
	if !seq.ReadASN1Integer(&t.Version) {
		return errors.New("malformed version")
	}
	if !seq.ReadASN1ObjectIdentifier(&t.Policy) {
		return errors.New("malformed policy")
	}
	var err error
	if t.Hash, t.Imprint, err = readImprint(&seq); err != nil {
		return err
	}
	if t.Serial, err = readInteger(&seq); err != nil {
		return fmt.Errorf("serialNumber: %w", err)
	}
	var when cryptobyte.String
	if !seq.ReadASN1(&when, cbasn1.GeneralizedTime) {
		return errors.New("malformed genTime")
	}
	if t.GenTime, err = parseGeneralizedTime(string(when)); err != nil {
		return err
	}
	return t.readOptional(seq)
}

func (t *Token) readOptional(seq cryptobyte.String) error {
	var err error
	if seq.PeekASN1Tag(cbasn1.SEQUENCE) {
		if t.Accuracy, err = readAccuracy(&seq); err != nil {
			return err
		}
	}
	if seq.PeekASN1Tag(cbasn1.BOOLEAN) {
		var v cryptobyte.String
		// Any non-zero octet is true: servers exist that write 0x01.
		if !seq.ReadASN1(&v, cbasn1.BOOLEAN) || len(v) != 1 {
			return errors.New("malformed ordering")
		}
		t.Ordering = v[0] != 0
	}
	if seq.PeekASN1Tag(cbasn1.INTEGER) {
		if t.Nonce, err = readInteger(&seq); err != nil {
			return fmt.Errorf("nonce: %w", err)
		}
	}
	var name cryptobyte.String
	var present bool
	if !seq.ReadOptionalASN1(&name, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return errors.New("malformed tsa")
	}
	if present {
		t.TSA = name
	}
	var ext cryptobyte.String
	if !seq.ReadOptionalASN1(&ext, &present, cbasn1.Tag(1).ContextSpecific().Constructed()) || !seq.Empty() {
		return errors.New("malformed extensions")
	}
	return checkExtensions(ext)
}

// checkExtensions refuses critical extensions: none is known (RFC 5280 section 4.2 by way of RFC 3161 section 2.4.1).
func checkExtensions(list cryptobyte.String) error {
	for !list.Empty() {
		var ext cryptobyte.String
		var oid asn1.ObjectIdentifier
		var critical bool
		if !list.ReadASN1(&ext, cbasn1.SEQUENCE) || !ext.ReadASN1ObjectIdentifier(&oid) {
			return errors.New("malformed extensions")
		}
		if ext.PeekASN1Tag(cbasn1.BOOLEAN) && !ext.ReadASN1Boolean(&critical) {
			return errors.New("malformed extensions")
		}
		if critical {
			return fmt.Errorf("critical extension %v is not known", oid)
		}
	}
	return nil
}

// readInteger reads an INTEGER of up to 160 bits or a little more, also with redundant leading octets, which
// servers are known to write in nonces and serial numbers (RFC 3161 section 2.4.2 asks clients for 160 bits).
func readInteger(in *cryptobyte.String) (*big.Int, error) {
	var v cryptobyte.String
	if !in.ReadASN1(&v, cbasn1.INTEGER) || len(v) == 0 {
		return nil, errors.New("not an INTEGER")
	}
	if len(v) > 64 {
		return nil, fmt.Errorf("an INTEGER of %d bytes", len(v))
	}
	n := new(big.Int).SetBytes(v)
	if v[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(v))*8))
	}
	return n, nil
}

// readAccuracy adds up seconds, milliseconds and microseconds (RFC 3161 section 2.4.2).
func readAccuracy(in *cryptobyte.String) (time.Duration, error) {
	bad := errors.New("malformed accuracy")
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return 0, bad
	}
	var sec, milli, micro int64
	if seq.PeekASN1Tag(cbasn1.INTEGER) && !seq.ReadASN1Integer(&sec) {
		return 0, bad
	}
	if seq.PeekASN1Tag(cbasn1.Tag(0).ContextSpecific()) && !seq.ReadASN1Int64WithTag(&milli, cbasn1.Tag(0).ContextSpecific()) {
		return 0, bad
	}
	if seq.PeekASN1Tag(cbasn1.Tag(1).ContextSpecific()) && !seq.ReadASN1Int64WithTag(&micro, cbasn1.Tag(1).ContextSpecific()) {
		return 0, bad
	}
	const year = 366 * 24 * 3600
	if !seq.Empty() || sec < 0 || sec > year || milli < 0 || milli > 999 || micro < 0 || micro > 999 {
		return 0, bad
	}
	return time.Duration(sec)*time.Second + time.Duration(milli)*time.Millisecond + time.Duration(micro)*time.Microsecond, nil
}

// parseGeneralizedTime reads YYYYMMDDhhmmss[.fraction]Z (RFC 3161 section 2.4.2), which cryptobyte refuses when it has a fraction.
func parseGeneralizedTime(s string) (time.Time, error) {
	// A comma is also a decimal sign for time.Parse but not here.
	t, err := time.Parse("20060102150405Z", s)
	if err != nil || strings.Contains(s, ",") || len(s) > 32 {
		return time.Time{}, fmt.Errorf("genTime %q is not YYYYMMDDhhmmss[.fraction]Z", printable.Short(s, 40))
	}
	return t.UTC(), nil
}

// Signer returns the certificate of the time-stamp server from the token, or an error (cms.ErrNoCertificate where the token does not carry it).
func (t *Token) Signer() (*x509.Certificate, error) { return t.SignedData.SignerCertificate(0) }
