package rfc3161

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// countersigned returns the answer of a server of the older protocol.
func countersigned(t *testing.T, s *Server) *cms.SignedData {
	t.Helper()
	der, err := s.Countersign(t.Context(), signature)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := cms.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	return sd
}

// TestLegacyProblems has a case for every rule of a countersignature.
func TestLegacyProblems(t *testing.T) {
	pki := formatstest.NewPKI(t)
	sha1, err := cms.DigestAlgorithm(crypto.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	identity := func(id *formatstest.Identity) func(*Server) {
		return func(s *Server) { s.o.Key, s.o.Certificate, s.o.Chain = id.Key, id.Certificate, id.Chain }
	}
	for name, c := range map[string]struct {
		server func(*Server)
		edit   func(*cms.SignedData, *cms.SignerInfo)
		opts   func(*CheckOptions)
		want   []Rule
	}{
		"good":               {},
		"usage not critical": {server: identity(pki.LaxTSA), want: []Rule{RuleCritical}},
		"two usages":         {server: identity(pki.MixedTSA), want: []Rule{RuleUsage}},
		"stranger":           {server: identity(pki.StrangerTSA), want: []Rule{RuleChain}},
		"expired":            {server: identity(pki.ExpiredTSA), want: []Rule{RuleChain}},
		"yesterday":          {server: func(s *Server) { s.o.Now = fixedTime(time.Now().AddDate(0, 0, -1)) }, want: []Rule{RuleTime}},
		"signature":          {edit: func(_ *cms.SignedData, si *cms.SignerInfo) { si.Signature[3] ^= 1 }, want: []Rule{RuleSignature}},
		"no certificate":     {edit: func(sd *cms.SignedData, _ *cms.SignerInfo) { sd.Certificates = nil }, want: []Rule{RuleCertificate}},
		"certificate given": {edit: func(sd *cms.SignedData, _ *cms.SignerInfo) { sd.Certificates = nil },
			opts: func(o *CheckOptions) { o.Certificates = []*x509.Certificate{pki.Leaf.Certificate, pki.TSA.Certificate} }},
		"no time":   {edit: func(_ *cms.SignedData, si *cms.SignerInfo) { si.SignedAttrs.Remove(cms.OIDSigningTime) }, want: []Rule{RuleTime}},
		"no digest": {edit: func(_ *cms.SignedData, si *cms.SignerInfo) { si.SignedAttrs.Remove(cms.OIDMessageDigest) }, want: []Rule{RuleContent}},
		"other digest": {edit: func(_ *cms.SignedData, si *cms.SignerInfo) { si.SignedAttrs.Set(cms.OIDMessageDigest, []byte{4, 1, 9}) },
			want: []Rule{RuleImprint}},
		"SHA-1":        {edit: func(_ *cms.SignedData, si *cms.SignerInfo) { si.DigestAlgorithm = sha1 }, want: []Rule{RuleAlgorithm, RuleImprint, RuleSignature}},
		"unknown hash": {edit: func(_ *cms.SignedData, si *cms.SignerInfo) { si.DigestAlgorithm.Algorithm = cms.OIDData }, want: []Rule{RuleAlgorithm, RuleSignature}},
		"no attributes": {edit: func(_ *cms.SignedData, si *cms.SignerInfo) { si.SignedAttrs, si.RawSignedAttrs = nil, nil },
			want: []Rule{RuleTime, RuleSignature}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, pki.TSA, nil)
			if c.server != nil {
				c.server(s)
			}
			sd := countersigned(t, s)
			if c.edit != nil {
				c.edit(sd, &sd.Signers[0])
			}
			o := CheckOptions{Now: time.Now(), Trust: TrustRoots(pki.TSARoots())}
			if c.opts != nil {
				c.opts(&o)
			}
			problems := LegacyProblems(&sd.Signers[0], sd, signature, o)
			for _, w := range c.want {
				if !has(problems, w) {
					t.Errorf("rule %q is not reported", w)
				}
			}
			if len(problems) != len(c.want) {
				t.Errorf("%d problems instead of %d: %v", len(problems), len(c.want), problems)
			}
		})
	}
}

func TestLegacyRequest(t *testing.T) {
	text, err := LegacyRequest(signature)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := append(bytes.Join([][]byte{text[:64], text[64:]}, []byte("\r\n")), 0) // as Microsoft's client sends it
	for name, in := range map[string][]byte{"plain": text, "lines and NUL": wrapped} {
		if got, err := ParseLegacyRequest(in); err != nil || !bytes.Equal(got, signature) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	der, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	encode := func(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }
	for name, in := range map[string][]byte{
		"empty":           nil,
		"not base64":      []byte("***"),
		"bytes after":     encode(append(bytes.Clone(der), 0)),
		"another request": encode(bytes.Replace(der, []byte{0x82, 0x37, 3, 2, 1}, []byte{0x82, 0x37, 3, 2, 2}, 1)),
		"another content": encode(bytes.Replace(der, []byte{0x0d, 1, 7, 1}, []byte{0x0d, 1, 7, 2}, 1)),
	} {
		if _, err := ParseLegacyRequest(in); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestSigningTime(t *testing.T) {
	want := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, c := range map[string]struct {
		values [][]byte
		ok     bool
	}{
		"UTCTime":         {[][]byte{append([]byte{0x17, 13}, "260203040506Z"...)}, true},
		"GeneralizedTime": {[][]byte{append([]byte{0x18, 15}, "20260203040506Z"...)}, true},
		"two values":      {[][]byte{append([]byte{0x17, 13}, "260203040506Z"...), append([]byte{0x17, 13}, "260203040506Z"...)}, false},
		"no value":        {nil, false},
		"malformed":       {[][]byte{append([]byte{0x17, 13}, "261303040506Z"...)}, false},
		"an integer":      {[][]byte{{2, 1, 0}}, false},
	} {
		si := &cms.SignerInfo{SignedAttrs: cms.Attributes{{Type: cms.OIDSigningTime, Values: c.values}}}
		if got, err := SigningTime(si); (err == nil) != c.ok || c.ok && !got.Equal(want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestAccuracy(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want time.Duration // -1: an error
	}{
		"nothing":        {[]byte{0x30, 0}, 0},
		"all":            {[]byte{0x30, 9, 2, 1, 1, 0x80, 1, 2, 0x81, 1, 3}, time.Second + 2*time.Millisecond + 3*time.Microsecond},
		"micros":         {[]byte{0x30, 3, 0x81, 1, 3}, 3 * time.Microsecond},
		"negative":       {[]byte{0x30, 3, 2, 1, 0xff}, -1},
		"1000 millis":    {[]byte{0x30, 4, 0x80, 2, 3, 0xe8}, -1},
		"centuries":      {[]byte{0x30, 6, 2, 4, 0x7f, 0xff, 0xff, 0xff}, -1},
		"wrong order":    {[]byte{0x30, 6, 0x81, 1, 3, 0x80, 1, 2}, -1},
		"not a SEQUENCE": {[]byte{2, 1, 0}, -1},
	} {
		in := cryptobyte.String(c.in)
		got, err := readAccuracy(&in)
		if (err != nil) != (c.want < 0) || err == nil && got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if c.want < 0 {
			continue
		}
		var b cryptobyte.Builder // what the server writes reads back
		addAccuracy(&b, c.want)
		out, err := b.Bytes()
		if err != nil || c.want > 0 && !bytes.Equal(out, c.in) {
			t.Errorf("%s: written as %x, %v", name, out, err)
		}
	}
}

func TestIntegers(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"one":             {[]byte{2, 1, 1}, "1"},
		"leading zeros":   {[]byte{2, 3, 0, 0, 1}, "1"},
		"negative":        {[]byte{2, 1, 0xfe}, "-2"},
		"long":            {append([]byte{2, 20}, bytes.Repeat([]byte{0x11}, 20)...), "97433442488726861213578988847752201310395502865"},
		"empty":           {[]byte{2, 0}, ""},
		"too long":        {append([]byte{2, 65}, make([]byte, 65)...), ""},
		"not an integer":  {[]byte{4, 1, 1}, ""},
		"beyond the end":  {[]byte{2, 5, 1}, ""},
		"nothing":         {nil, ""},
		"of wrong tag":    {[]byte{uint8(cbasn1.ENUM), 1, 1}, ""},
		"a minimal zero":  {[]byte{2, 1, 0}, "0"},
		"padded negative": {[]byte{2, 2, 0xff, 0xfe}, "-2"},
	} {
		in := cryptobyte.String(c.in)
		got, err := readInteger(&in)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
