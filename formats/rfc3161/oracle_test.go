package rfc3161

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// opensslExchange has openssl make a request, our server answer it, and openssl judge the answer.
type opensslExchange struct{ dir, data, query, reply, root string }

func newExchange(t *testing.T, s *Server, root *x509.Certificate, args ...string) *opensslExchange {
	t.Helper()
	dir := t.TempDir()
	x := &opensslExchange{dir: dir, data: filepath.Join(dir, "data"), query: filepath.Join(dir, "q.tsq"),
		reply: filepath.Join(dir, "r.tsr"), root: formatstest.PEMFile(t, root)}
	put(t, x.data, signature)
	formatstest.MustRun(t, "openssl", append([]string{"ts", "-query", "-data", x.data, "-cert", "-out", x.query}, args...)...)
	request, err := os.ReadFile(x.query)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Respond(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	put(t, x.reply, answer)
	return x
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// verify asks openssl whether the reply answers the query.
func (x *opensslExchange) verify(t *testing.T) (bool, string) {
	t.Helper()
	out, err := formatstest.Run(t, "openssl", "ts", "-verify", "-queryfile", x.query, "-in", x.reply, "-CAfile", x.root)
	return err == nil && strings.Contains(out, "Verification: OK"), out
}

func TestOpensslAcceptsOurTokens(t *testing.T) {
	pki := formatstest.NewPKI(t)
	rsa := newServer(t, pki.TSA, func(o *ServerOptions) { o.Accuracy = 1500 * time.Millisecond })
	strong := newServer(t, pki.TSA, func(o *ServerOptions) { o.Hash = crypto.SHA512 })
	ec, ecRoot := ecdsaTSA(t)
	for name, c := range map[string]struct {
		server *Server
		root   *x509.Certificate
		args   []string
	}{
		"sha256":                {rsa, pki.TSARoot, []string{"-sha256"}},
		"sha384, signed sha512": {strong, pki.TSARoot, []string{"-sha384"}},
		"sha512":                {rsa, pki.TSARoot, []string{"-sha512"}},
		"no nonce":              {rsa, pki.TSARoot, []string{"-sha256", "-no_nonce"}},
		"policy":                {rsa, pki.TSARoot, []string{"-sha256", "-tspolicy", defaultPolicy().String()}},
		"ecdsa":                 {ec, ecRoot, []string{"-sha256"}},
	} {
		t.Run(name, func(t *testing.T) {
			if ok, out := newExchange(t, c.server, c.root, c.args...).verify(t); !ok {
				t.Errorf("openssl: %s", out)
			}
		})
	}
}

// TestOneByteWrong changes single bytes of a good answer where they are covered by a
// hash or a signature: openssl and we have to refuse the same ones.
func TestOneByteWrong(t *testing.T) {
	pki := formatstest.NewPKI(t)
	x := newExchange(t, newServer(t, pki.TSA, nil), pki.TSARoot, "-sha256")
	if ok, out := x.verify(t); !ok {
		t.Fatal(out)
	}
	answer, err := os.ReadFile(x.reply)
	if err != nil {
		t.Fatal(err)
	}
	query, err := os.ReadFile(x.query)
	if err != nil {
		t.Fatal(err)
	}
	q, err := ParseRequest(query)
	if err != nil {
		t.Fatal(err)
	}
	judge := func(b []byte) error {
		token, err := ParseResponse(b)
		if err != nil {
			return err
		}
		return token.Check(signature, CheckOptions{Request: q, Trust: TrustRoots(pki.TSARoots())})
	}
	if err := judge(answer); err != nil {
		t.Fatal(err)
	}
	token, err := ParseResponse(answer)
	if err != nil {
		t.Fatal(err)
	}
	si := token.SignedData.Signers[0]
	for name, part := range map[string][]byte{"imprint": token.Imprint, "content": token.SignedData.Content[4:],
		"attributes": si.RawSignedAttrs[4:], "signature": si.Signature, "certificate": pki.TSA.Certificate.RawTBSCertificate[8:]} {
		t.Run(name, func(t *testing.T) {
			at := strings.Index(string(answer), string(part))
			if at < 0 {
				t.Fatal("part not found")
			}
			for i := 0; i < len(part); i++ { // ours: every byte
				if judge(flipped(answer, at+i)) == nil {
					t.Errorf("byte %d of the %s changed, and the answer is accepted", i, name)
				}
			}
			for i := 0; i < len(part); i += len(part)/5 + 1 { // openssl: some, it is a process each
				put(t, x.reply, flipped(answer, at+i))
				if ok, _ := x.verify(t); ok {
					t.Errorf("openssl accepts byte %d of the %s changed", i, name)
				}
			}
		})
	}
}

func flipped(b []byte, at int) []byte {
	out := append([]byte(nil), b...)
	out[at] ^= 0x01
	return out
}

// TestWeAcceptOpensslTokens is the other direction, over HTTP.
func TestWeAcceptOpensslTokens(t *testing.T) {
	pki := formatstest.NewPKI(t)
	url := formatstest.OpensslTSA(t, pki.TSA)
	c := clientOf(t, []string{url + "/rfc3161"}, ClientOptions{})
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		stamp, err := c.Timestamp(t.Context(), signature, h)
		if err != nil {
			t.Fatalf("%v: %v", h, err)
		}
		if stamp.Server != url+"/rfc3161" || stamp.Token.Hash != h || stamp.Token.Accuracy != time.Second || !stamp.Token.Ordering || len(stamp.Attempts) != 1 {
			t.Errorf("%v: %+v", h, stamp.Token)
		}
		if err := stamp.Token.Check([]byte("something else"), CheckOptions{Trust: TrustRoots(pki.TSARoots())}); err == nil {
			t.Error("accepted for another signature")
		}
	}
	legacy := clientOf(t, []string{url + "/legacy"}, ClientOptions{})
	stamp, err := legacy.LegacyTimestamp(t.Context(), signature)
	if err != nil {
		t.Fatal(err)
	}
	if len(stamp.Certificates) == 0 || time.Since(stamp.Time) > time.Minute {
		t.Errorf("%d certificates, time %v", len(stamp.Certificates), stamp.Time)
	}
}

// TestOsslsigncode has osslsigncode sign a program and fetch the stamp from our server,
// in both protocols, and judge the result. Then it must refuse a stamp from a server
// that is not trusted for it.
func TestOsslsigncode(t *testing.T) {
	pki := formatstest.NewPKI(t)
	url := serve(t, newServer(t, pki.TSA, nil))
	stranger := serve(t, newServer(t, pki.StrangerTSA, nil))
	program := formatstest.GoProgram(t, "amd64")
	for name, c := range map[string]struct {
		args []string
		want bool
	}{
		"rfc3161":           {[]string{"-ts", url}, true},
		"rfc3161, sha512":   {[]string{"-ts", url, "-h", "sha512"}, true},
		"legacy":            {[]string{"-t", url}, true},
		"rfc3161, stranger": {[]string{"-ts", stranger}, false},
		"legacy, stranger":  {[]string{"-t", stranger}, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := formatstest.SignOssl(t, pki.Leaf, program, c.args...)
			ok, out := formatstest.VerifyOssl(t, file, pki.Leaf.RootFile(t), pki.TSA.RootFile(t))
			ok = ok && strings.Contains(out, "Timestamp Server Signature verification: ok")
			if ok != c.want {
				t.Errorf("osslsigncode says %v:\n%s", ok, out)
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := judgeStamp(t, firstSignature(b), pki); (err == nil) != c.want {
				t.Errorf("we say %v", err)
			}
		})
	}
}

// TestSigntool has Microsoft's signtool fetch stamps from our server, and Microsoft's
// wintrust judge them. A server that stamps something else must not get past both.
func TestSigntool(t *testing.T) {
	if testing.Short() {
		t.Skip("each signtool run takes seconds")
	}
	rig := formatstest.NewRig(t)
	pki := formatstest.NewPKI(t)
	url := serve(t, newServer(t, pki.TSA, nil))
	liar := serve(t, newServer(t, pki.TSA, func(o *ServerOptions) { o.Fault = func(int) Fault { return Fault{Kind: FaultImprint} } }))
	for name, c := range map[string]struct {
		args []string
		want bool
	}{
		"rfc3161":       {[]string{"/tr", url, "/td", "sha256"}, true},
		"legacy":        {[]string{"/t", url}, true},
		"rfc3161, liar": {[]string{"/tr", liar, "/td", "sha256"}, false},
		"legacy, liar":  {[]string{"/t", liar}, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := formatstest.GoProgram(t, "amd64")
			args := append([]string{"sign", "/f", pki.Leaf.LegacyPFXFile(t, "test"), "/p", "test", "/fd", "sha256"}, c.args...)
			out, err := rig.Signtool(append(args, file)...)
			v := rig.Verify(file)[0]
			stamped := err == nil && v.OK() && strings.Contains(strings.Join(v.Chains, "\n"), "countersigner 0.0: err=0x0")
			if stamped != c.want {
				t.Errorf("signtool: %v\n%s\nwintrust: %v", err, out, v)
			}
			if !c.want {
				return
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := judgeStamp(t, firstSignature(b), pki); err != nil {
				t.Errorf("we say %v", err)
			}
		})
	}
}

// judgeStamp checks whichever stamp a signature has.
func judgeStamp(t *testing.T, p7 []byte, pki *formatstest.PKI) error {
	t.Helper()
	sd, err := cms.Parse(p7)
	if err != nil {
		t.Fatal(err)
	}
	si := &sd.Signers[0]
	o := CheckOptions{Now: time.Now(), Trust: TrustRoots(pki.TSARoots())}
	if a, ok := si.UnsignedAttr(cms.OIDRFC3161Token); ok {
		token, err := ParseToken(a.Values[0])
		if err != nil {
			t.Fatal(err)
		}
		return token.Check(si.Signature, o)
	}
	a, ok := si.UnsignedAttr(cms.OIDCountersignature)
	if !ok {
		t.Fatal("no stamp")
	}
	counter, err := cms.ParseSignerInfo(a.Values[0])
	if err != nil {
		t.Fatal(err)
	}
	if p := LegacyProblems(counter, sd, si.Signature, o); len(p) > 0 {
		return &TokenError{Problems: p}
	}
	return nil
}

// ecdsaTSA makes a server with a P-256 key that is its own root.
func ecdsaTSA(t *testing.T) (*Server, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{cms.OIDEKUTimeStamping})
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: "EC TSA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: cms.OIDExtensionExtKeyUsage, Critical: true, Value: usage}}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(ServerOptions{Key: key, Certificate: cert})
	if err != nil {
		t.Fatal(err)
	}
	return s, cert
}
