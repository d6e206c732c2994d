package rfc3161

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var signature = bytes.Repeat([]byte("signature"), 40)

func TestTokenSaysWhatWasAsked(t *testing.T) {
	pki := formatstest.NewPKI(t)
	when := time.Date(2026, 5, 6, 7, 8, 9, 987654321, time.UTC)
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		t.Run(h.String(), func(t *testing.T) {
			s := newServer(t, pki.TSA, func(o *ServerOptions) {
				o.Now, o.Serial, o.Accuracy, o.Hash = fixedTime(when), counter(), 1500*time.Millisecond+7*time.Microsecond, h
			})
			token, q := stamped(t, s, signature, h)
			if err := token.Check(signature, CheckOptions{Request: q, Now: when, Trust: TrustRoots(pki.TSARoots())}); err != nil {
				t.Fatal(err)
			}
			if token.Serial.Cmp(big.NewInt(1)) != 0 || !token.GenTime.Equal(when.Truncate(time.Second)) ||
				token.Accuracy != 1500*time.Millisecond+7*time.Microsecond || token.Hash != h || !token.Policy.Equal(defaultPolicy()) {
				t.Errorf("token is %+v", token)
			}
			if got, err := token.SignedData.Signers[0].Hash(); err != nil || got != h {
				t.Errorf("signed with %v, %v", got, err)
			}
			again, err := ParseToken(token.Raw)
			if err != nil || !bytes.Equal(again.Raw, token.Raw) {
				t.Errorf("the token does not survive parsing: %v", err)
			}
		})
	}
}

func TestTokensAreReproducible(t *testing.T) {
	pki := formatstest.NewPKI(t)
	q := &Request{Hash: crypto.SHA256, Imprint: digest(crypto.SHA256, signature), Nonce: big.NewInt(77), CertReq: true}
	der, err := q.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var answers [][]byte
	for range 2 {
		s := newServer(t, pki.TSA, func(o *ServerOptions) { o.Now, o.Serial = fixedTime(time.Unix(1.8e9, 0)), counter() })
		answer, err := s.Respond(t.Context(), der)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer)
	}
	if !bytes.Equal(answers[0], answers[1]) {
		t.Error("same clock, serial and request, but other bytes")
	}
}

// TestCheck has a case for every rule that a server or a client can violate.
func TestCheck(t *testing.T) {
	pki := formatstest.NewPKI(t)
	now := time.Now().Truncate(time.Second)
	good := newServer(t, pki.TSA, nil)
	faulty := func(kind FaultKind) func(*testing.T) (*Token, *Request) {
		return func(t *testing.T) (*Token, *Request) {
			t.Helper()
			return faultyToken(t, good, kind)
		}
	}
	from := func(id *formatstest.Identity) func(*testing.T) (*Token, *Request) {
		return func(t *testing.T) (*Token, *Request) {
			t.Helper()
			// NewServer refuses such identities, so the server is put together by hand.
			s := newServer(t, pki.TSA, nil)
			s.o.Key, s.o.Certificate, s.o.Chain = id.Key, id.Certificate, id.Chain
			return stamped(t, s, signature, crypto.SHA256)
		}
	}
	edited := func(edit func(*Token)) func(*testing.T) (*Token, *Request) {
		return func(t *testing.T) (*Token, *Request) {
			t.Helper()
			token, q := stamped(t, good, signature, crypto.SHA256)
			edit(token)
			return token, q
		}
	}
	noUsage := pki.IssueTSA(t, "TSA without usage", func(c *x509.Certificate) { c.ExtraExtensions = nil })
	noSigning := pki.IssueTSA(t, "TSA that may not sign", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
	for name, c := range map[string]struct {
		token func(*testing.T) (*Token, *Request)
		opts  func(*CheckOptions)
		want  []Rule
	}{
		"good":               {token: faulty(FaultNone)},
		"nonce":              {token: faulty(FaultNonce), want: []Rule{RuleNonce}},
		"no nonce":           {token: faulty(FaultNoNonce), want: []Rule{RuleNonce}},
		"imprint":            {token: faulty(FaultImprint), want: []Rule{RuleImprint}},
		"yesterday":          {token: faulty(FaultTime), want: []Rule{RuleTime}},
		"yesterday, later":   {token: faulty(FaultTime), opts: func(o *CheckOptions) { o.Now = time.Time{} }},
		"wide skew":          {token: faulty(FaultTime), opts: func(o *CheckOptions) { o.MaxSkew = 25 * time.Hour }},
		"policy":             {token: faulty(FaultNone), opts: func(o *CheckOptions) { o.Request.Policy = []int{1, 2, 3} }, want: []Rule{RulePolicy}},
		"other hash":         {token: faulty(FaultNone), opts: func(o *CheckOptions) { o.Request.Hash = crypto.SHA512 }, want: []Rule{RuleImprint}},
		"usage not critical": {token: from(pki.LaxTSA), want: []Rule{RuleCritical}},
		"two usages":         {token: from(pki.MixedTSA), want: []Rule{RuleUsage}},
		"no usage":           {token: from(noUsage), want: []Rule{RulePurpose}},
		"code signer":        {token: from(pki.Leaf), want: []Rule{RulePurpose, RuleChain}},
		"may not sign":       {token: from(noSigning), want: []Rule{RuleKeyUsage}},
		"expired":            {token: from(pki.ExpiredTSA), want: []Rule{RuleChain}},
		"stranger":           {token: from(pki.StrangerTSA), want: []Rule{RuleChain}},
		"no roots":           {token: faulty(FaultNone), opts: func(o *CheckOptions) { o.Trust = nil }, want: []Rule{RuleChain}},
		"chain left out":     {token: from(pki.StrangerTSA), opts: func(o *CheckOptions) { o.Trust = TrustAny }},
		"own chain function": {token: faulty(FaultNone), opts: func(o *CheckOptions) {
			o.Trust = func(*x509.Certificate, []*x509.Certificate, time.Time) error { return errors.New("no") }
		}, want: []Rule{RuleChain}},
		"no certificate": {token: edited(func(t *Token) { t.SignedData.Certificates = nil }), want: []Rule{RuleCertificate}},
		"certificate given": {token: edited(func(t *Token) { t.SignedData.Certificates = nil }),
			opts: func(o *CheckOptions) { o.Certificates = []*x509.Certificate{pki.TSA.Certificate} }},
		"no signature":   {token: edited(func(t *Token) { t.SignedData.Signers = nil }), want: []Rule{RuleSigners}},
		"two signatures": {token: edited(func(t *Token) { s := t.SignedData; s.Signers = append(s.Signers, s.Signers[0]) }), want: []Rule{RuleSigners}},
		"version":        {token: edited(func(t *Token) { t.Version = 2 }), want: []Rule{RuleVersion}},
		"signature":      {token: edited(func(t *Token) { t.SignedData.Signers[0].Signature[9] ^= 1 }), want: []Rule{RuleSignature}},
		"content":        {token: edited(func(t *Token) { t.SignedData.Content[len(t.SignedData.Content)-1] ^= 1 }), want: []Rule{RuleContent}},
		"no attributes": {token: edited(func(t *Token) { t.SignedData.Signers[0].RawSignedAttrs, t.SignedData.Signers[0].SignedAttrs = nil, nil }),
			want: []Rule{RuleContent, RuleSignature, RuleESS}},
		"no ESS":       {token: edited(func(t *Token) { t.SignedData.Signers[0].SignedAttrs.Remove(cms.OIDSigningCertificateV2) }), want: []Rule{RuleESS}},
		"weak imprint": {token: func(t *testing.T) (*Token, *Request) { return stamped(t, good, signature, crypto.SHA1) }, want: []Rule{RuleAlgorithm}},
		"weak imprint allowed": {token: func(t *testing.T) (*Token, *Request) { return stamped(t, good, signature, crypto.SHA1) },
			opts: func(o *CheckOptions) { o.AllowWeak = true }},
	} {
		t.Run(name, func(t *testing.T) {
			token, q := c.token(t)
			o := CheckOptions{Request: q, Now: now, Trust: TrustRoots(pki.TSARoots())}
			if c.opts != nil {
				c.opts(&o)
			}
			problems := token.Problems(signature, o)
			for _, w := range c.want {
				if !has(problems, w) {
					t.Errorf("rule %q is not reported", w)
				}
			}
			if len(problems) != len(c.want) {
				t.Errorf("%d problems instead of %d: %v", len(problems), len(c.want), problems)
			}
			err := token.Check(signature, o)
			var te *TokenError
			if (err != nil) != (len(c.want) > 0) || err != nil && !errors.As(err, &te) {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

// faultyToken asks a server that has a fault.
func faultyToken(t *testing.T, s *Server, kind FaultKind) (*Token, *Request) {
	t.Helper()
	q, err := NewRequest(signature, crypto.SHA256, nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := q.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.respond(t.Context(), der, Fault{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	token, err := ParseResponse(answer)
	if err != nil {
		t.Fatal(err)
	}
	return token, q
}

// TestESS has the forms and the violations of the attributes that name the signer's certificate.
func TestESS(t *testing.T) {
	pki := formatstest.NewPKI(t)
	cert, other := pki.TSA.Certificate, pki.LaxTSA.Certificate
	v2, err := signingCertificateV2(cert)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := signingCertificateV2(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		attrs cms.Attributes
		ok    bool
	}{
		"v2":                   {cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{v2}}}, true},
		"v2 of another":        {cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{wrong}}}, false},
		"v2, SHA-512":          {cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{ess(cert, crypto.SHA512, cert)}}}, true},
		"v2, other issuer":     {cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{ess(cert, crypto.SHA512, pki.Leaf.Certificate)}}}, false},
		"v2, no issuer":        {cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{ess(cert, crypto.SHA512, nil)}}}, true},
		"v1":                   {cms.Attributes{{Type: cms.OIDSigningCertificate, Values: [][]byte{ess(cert, 0, nil)}}}, true},
		"v1 of another":        {cms.Attributes{{Type: cms.OIDSigningCertificate, Values: [][]byte{ess(other, 0, nil)}}}, false},
		"v1 good, v2 wrong":    {cms.Attributes{{Type: cms.OIDSigningCertificate, Values: [][]byte{ess(cert, 0, nil)}}, {Type: cms.OIDSigningCertificateV2, Values: [][]byte{wrong}}}, false},
		"two values":           {cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{v2, v2}}}, false},
		"garbage":              {cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{{0x30, 0}}}}, false},
		"hash not known":       {cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{bytes.Replace(ess(cert, crypto.SHA512, nil), []byte{4, 2, 3}, []byte{4, 2, 9}, 1)}}}, false},
		"none":                 {nil, false},
		"bytes after the hash": {cms.Attributes{{Type: cms.OIDSigningCertificate, Values: [][]byte{append(ess(cert, 0, nil), 0)}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkESS(&cms.SignerInfo{SignedAttrs: c.attrs}, cert); (err == nil) != c.ok {
				t.Error(err)
			}
		})
	}
}

// TestTokensThatDoNotParse are SignedData that are no tokens.
func TestTokensThatDoNotParse(t *testing.T) {
	good, _ := stamped(t, newServer(t, formatstest.NewPKI(t).TSA, nil), signature, crypto.SHA256)
	for name, edit := range map[string]func(*cms.SignedData){
		"not signed":      func(s *cms.SignedData) { s.Signers = nil },
		"another content": func(s *cms.SignedData) { s.ContentType = cms.OIDCTL },
		"no content":      func(s *cms.SignedData) { s.Content = nil },
		"not in octets":   func(s *cms.SignedData) { s.Content = []byte{0x30, 0} },
		"not a TSTInfo":   func(s *cms.SignedData) { s.Content = []byte{4, 2, 0x30, 0} },
		"critical extension": func(s *cms.SignedData) {
			s.Content = withTail(s.Content, 0xa1, 10, 0x30, 8, 6, 1, 42, 1, 1, 0xff, 4, 0)
		},
		"bytes after": func(s *cms.SignedData) { s.Content = withTail(s.Content, 5, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			sd, err := cms.Parse(bytes.Clone(good.Raw))
			if err != nil {
				t.Fatal(err)
			}
			edit(sd)
			der, err := sd.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParseToken(der); err == nil {
				t.Error("it parses")
			}
		})
	}
	if _, err := ParseToken(append(bytes.Clone(good.Raw), 0)); err == nil {
		t.Error("a byte after the token is accepted")
	}
	if sd, err := cms.Parse(bytes.Clone(good.Raw)); err != nil {
		t.Fatal(err)
	} else {
		// An extension that is not critical is passed over: the same place, the flag left out.
		sd.Content = withTail(sd.Content, 0xa1, 7, 0x30, 5, 6, 1, 42, 4, 0)
		der, err := sd.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseToken(der); err != nil {
			t.Error(err)
		}
	}
}

// withTail puts bytes at the end of the TSTInfo, which needs one length octet for each
// of the two levels.
func withTail(content []byte, tail ...byte) []byte {
	out := append(bytes.Clone(content), tail...)
	at := 1
	if out[at]&0x80 != 0 {
		at++
	}
	out[at] += byte(len(tail))
	at += 2
	if out[at]&0x80 != 0 {
		at++
	}
	out[at] += byte(len(tail))
	return out
}

func TestNewServerRefuses(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for name, o := range map[string]ServerOptions{
		"nothing":            {},
		"code signer":        {Key: pki.Leaf.Key, Certificate: pki.Leaf.Certificate},
		"usage not critical": {Key: pki.LaxTSA.Key, Certificate: pki.LaxTSA.Certificate},
		"another's key":      {Key: pki.Leaf.Key, Certificate: pki.TSA.Certificate},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewServer(o); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestGeneralizedTime(t *testing.T) {
	for in, want := range map[string]string{
		"20260102030405Z":           "2026-01-02T03:04:05Z",
		"20260102030405.5Z":         "2026-01-02T03:04:05.5Z",
		"20260102030405.123456789Z": "2026-01-02T03:04:05.123456789Z",
		"20260102030405,5Z":         "",
		"20260102030405":            "",
		"20260102030405+0100":       "",
		"20261302030405Z":           "",
		"":                          "",
		"20260102030405.0000000000000000000000000000Z": "",
	} {
		got, err := parseGeneralizedTime(in)
		if want == "" && err == nil {
			t.Errorf("%q is accepted as %v", in, got)
		}
		if want != "" && (err != nil || got.Format(time.RFC3339Nano) != want) {
			t.Errorf("%q is read as %v, %v", in, got, err)
		}
	}
}
