package rfc3161

import (
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// LegacyRequest writes the request of the older Authenticode protocol (Microsoft, "Time
// Stamping Authenticode Signatures"): the base64 of SEQUENCE { 1.3.6.1.4.1.311.3.2.1,
// ContentInfo { id-data, the signature octets } }.
func LegacyRequest(signature []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(cms.OIDLegacyTimestampReq)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(cms.OIDData)
			b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1OctetString(signature) })
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing legacy time-stamp request: %w", err)
	}
	return base64.StdEncoding.AppendEncode(nil, der), nil
}

// ParseLegacyRequest reads such a request and returns the signature octets in it.
func ParseLegacyRequest(text []byte) ([]byte, error) {
	der, err := decodeBase64(text)
	if err != nil {
		return nil, fmt.Errorf("reading legacy time-stamp request: %w", err)
	}
	in := cryptobyte.String(der)
	var seq, info, explicit cryptobyte.String
	var kind, typ asn1.ObjectIdentifier
	var signature []byte
	ok := in.ReadASN1(&seq, cbasn1.SEQUENCE) && in.Empty() && seq.ReadASN1ObjectIdentifier(&kind)
	if !ok || !kind.Equal(cms.OIDLegacyTimestampReq) {
		return nil, errors.New("reading legacy time-stamp request: not a request of this protocol")
	}
	if !seq.SkipOptionalASN1(cbasn1.SET) || !seq.ReadASN1(&info, cbasn1.SEQUENCE) || !seq.Empty() ||
		!info.ReadASN1ObjectIdentifier(&typ) || !typ.Equal(cms.OIDData) ||
		!info.ReadASN1(&explicit, cbasn1.Tag(0).ContextSpecific().Constructed()) || !info.Empty() ||
		!explicit.ReadASN1Bytes(&signature, cbasn1.OCTET_STRING) || !explicit.Empty() {
		return nil, errors.New("reading legacy time-stamp request: malformed content")
	}
	return signature, nil
}

// decodeBase64 takes line breaks and the NUL that Microsoft's client sends at the end.
func decodeBase64(text []byte) ([]byte, error) {
	clean := make([]byte, 0, len(text))
	for _, c := range text {
		if c != '\r' && c != '\n' && c != 0 && c != ' ' {
			clean = append(clean, c)
		}
	}
	out, err := base64.StdEncoding.AppendDecode(nil, clean)
	if err != nil {
		return nil, errors.New("not base64")
	}
	return out, nil
}

// LegacyStamp is a PKCS#9 countersignature that was checked, and where it is from.
type LegacyStamp struct {
	Countersignature *cms.SignerInfo
	// Raw is the DER of the bare SignerInfo: the value of the unsigned attribute
	// cms.OIDCountersignature.
	Raw []byte
	// Certificates are the server's, to be added to the certificates of the outer SignedData.
	Certificates []*x509.Certificate
	// Time is the signingTime attribute.
	Time     time.Time
	Server   string
	Attempts []Attempt
}

// LegacyTimestamp asks for a stamp of the older Authenticode protocol, which knows
// neither nonce nor choice of hash. Errors are as in Timestamp. It is for files that
// must satisfy very old verifiers; nothing falls back to it.
func (c *Client) LegacyTimestamp(ctx context.Context, signature []byte) (*LegacyStamp, error) {
	body, err := LegacyRequest(signature)
	if err != nil {
		return nil, err
	}
	stamp := &LegacyStamp{}
	stamp.Server, stamp.Attempts, err = c.call(ctx, func(ctx context.Context, server string) (int, error) {
		answer, status, err := c.post(ctx, server, body, "application/octet-stream", "")
		if err != nil {
			return status, err
		}
		return status, wrongAnswer(stamp.read(answer, signature, c.check()))
	})
	if err != nil {
		return nil, err
	}
	return stamp, nil
}

// read takes the answer, the base64 of a SignedData over the signature octets, apart and checks it.
func (l *LegacyStamp) read(answer, signature []byte, o CheckOptions) error {
	der, err := decodeBase64(answer)
	if err != nil {
		return fmt.Errorf("reading legacy time-stamp response: %w", err)
	}
	sd, err := cms.Parse(der)
	if err != nil {
		return fmt.Errorf("reading legacy time-stamp response: %w", err)
	}
	if len(sd.Signers) != 1 {
		return fmt.Errorf("reading legacy time-stamp response: %d signatures instead of one", len(sd.Signers))
	}
	si := &sd.Signers[0]
	if p := LegacyProblems(si, sd, signature, o); len(p) > 0 {
		return &TokenError{Problems: p}
	}
	if l.Raw, err = si.Marshal(); err != nil {
		return err
	}
	l.Countersignature = si
	l.Certificates, _ = sd.X509Certificates() // the one that counts was parsed above; a broken one is of no use to anybody
	l.Time, err = SigningTime(si)
	return err
}

// LegacyProblems judges a PKCS#9 countersignature over the signature octets of the
// SignerInfo it stands in (RFC 2985 section 5.3.6). outer holds the certificates. Of
// the options Now, MaxSkew, Certificates, Trust, AllowWeak and Accept count.
func LegacyProblems(si *cms.SignerInfo, outer *cms.SignedData, signature []byte, o CheckOptions) []Problem {
	c := &checker{o: o}
	when, err := SigningTime(si)
	if err != nil {
		c.fail(RuleTime, "%v", err)
	} else {
		c.t = &Token{GenTime: when}
		c.timeliness()
	}
	c.countersigned(si, signature)
	cert, err := outer.FindCertificate(si)
	for i := 0; errors.Is(err, cms.ErrNoCertificate) && i < len(o.Certificates); i++ {
		if known := o.Certificates[i]; si.Serial != nil && known.SerialNumber.Cmp(si.Serial) == 0 && bytes.Equal(known.RawIssuer, si.RawIssuer) {
			cert, err = known, nil
		}
	}
	if err != nil {
		c.fail(RuleCertificate, "%v", err)
		return c.problems
	}
	sigErr := error(nil)
	if si.RawSignedAttrs == nil {
		sigErr = si.CheckSignatureOver(cert, signature)
	} else {
		sigErr = si.CheckSignature(cert)
	}
	if sigErr != nil {
		c.fail(RuleSignature, "%v", sigErr)
	}
	c.problems = append(c.problems, CertificateProblems(cert)...)
	if c.t != nil {
		c.t.SignedData = outer
		c.chain(cert)
	}
	return o.accepted(c.problems)
}

// countersigned checks that the messageDigest attribute is the digest of the signature octets.
func (c *checker) countersigned(si *cms.SignerInfo, signature []byte) {
	h, err := si.Hash()
	if err != nil {
		c.fail(RuleAlgorithm, "%v", err)
		return
	}
	if !c.o.AllowWeak && weak(h) {
		c.fail(RuleAlgorithm, "the countersignature is made with %v", h)
	}
	if si.RawSignedAttrs == nil {
		return // the signature covers the octets themselves
	}
	md, err := si.MessageDigest()
	if err != nil {
		c.fail(RuleContent, "%v", err)
		return
	}
	if subtle.ConstantTimeCompare(md, digest(h, signature)) != 1 {
		c.fail(RuleImprint, "the countersignature is for another signature")
	}
}

// SigningTime reads the signingTime attribute (RFC 5652 section 11.3) of a SignerInfo:
// UTCTime or GeneralizedTime, in UTC.
func SigningTime(si *cms.SignerInfo) (time.Time, error) {
	a, ok := si.Attr(cms.OIDSigningTime)
	if !ok || len(a.Values) != 1 {
		return time.Time{}, errors.New("reading attribute signingTime: there is not exactly one")
	}
	in := cryptobyte.String(a.Values[0])
	var t time.Time
	switch {
	case in.PeekASN1Tag(cbasn1.UTCTime):
		if !in.ReadASN1UTCTime(&t) {
			return time.Time{}, errors.New("reading attribute signingTime: malformed UTCTime")
		}
		return t.UTC(), nil
	case in.PeekASN1Tag(cbasn1.GeneralizedTime):
		var s cryptobyte.String
		in.ReadASN1(&s, cbasn1.GeneralizedTime)
		return parseGeneralizedTime(string(s))
	}
	return time.Time{}, errors.New("reading attribute signingTime: neither UTCTime nor GeneralizedTime")
}
