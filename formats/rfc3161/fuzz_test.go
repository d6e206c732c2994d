package rfc3161

import (
	"bytes"
	"crypto"
	"math/big"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// seedAnswers are a granted and a refused response of the embedded server.
func seedAnswers(f *testing.F) [][]byte {
	pki := formatstest.NewPKI(f)
	s := newServer(f, pki.TSA, func(o *ServerOptions) {
		o.Now, o.Serial, o.Accuracy = fixedTime(time.Unix(1.8e9, 0)), counter(), time.Second
	})
	q := &Request{Hash: crypto.SHA256, Imprint: digest(crypto.SHA256, signature), Nonce: big.NewInt(77), CertReq: true}
	good, err := q.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	var out [][]byte
	for _, request := range [][]byte{good, {0x30, 0x00}} {
		answer, err := s.Respond(f.Context(), request)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, answer)
	}
	return out
}

// FuzzParseToken: tokens of strangers neither panic nor pass the check for a signature
// they were not made for.
func FuzzParseToken(f *testing.F) {
	for _, file := range realFiles(f) {
		for i := range file.sd.Signers {
			if a, ok := file.sd.Signers[i].UnsignedAttr(cms.OIDRFC3161Token); ok {
				f.Add(a.Values[0])
			}
		}
	}
	if token, err := ParseResponse(seedAnswers(f)[0]); err == nil {
		f.Add(token.Raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		token, err := ParseToken(b)
		if err != nil {
			return
		}
		if err := token.Check([]byte("fuzz"), CheckOptions{AllowWeak: true, Trust: TrustAny}); err == nil {
			t.Error("a token for something that nobody stamped")
		}
		again, err := ParseToken(token.Raw)
		if err != nil {
			t.Fatalf("Raw does not parse: %v", err)
		}
		if !again.GenTime.Equal(token.GenTime) || again.Serial.Cmp(token.Serial) != 0 || !bytes.Equal(again.Imprint, token.Imprint) {
			t.Error("Raw says something else")
		}
	})
}

// FuzzParseResponse: an answer gives either a token or an error.
func FuzzParseResponse(f *testing.F) {
	for _, b := range seedAnswers(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		token, err := ParseResponse(b)
		if (token == nil) == (err == nil) {
			t.Errorf("token %v, error %v", token, err)
		}
	})
}

// FuzzParseRequest covers what the server reads: both protocols.
func FuzzParseRequest(f *testing.F) {
	q := &Request{Hash: crypto.SHA384, Imprint: digest(crypto.SHA384, signature), Policy: defaultPolicy(), Nonce: big.NewInt(-3), CertReq: true}
	good, err := q.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	legacy, err := LegacyRequest(signature)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(legacy)
	f.Fuzz(func(t *testing.T, b []byte) {
		if sig, err := ParseLegacyRequest(b); err == nil && len(sig) > len(b) {
			t.Error("more comes out than goes in")
		}
		q, err := ParseRequest(b)
		if err != nil {
			return
		}
		der, err := q.Marshal()
		if err != nil {
			t.Fatalf("a parsed request cannot be written: %v", err)
		}
		again, err := ParseRequest(der)
		if err != nil || again.Hash != q.Hash || !bytes.Equal(again.Imprint, q.Imprint) || again.CertReq != q.CertReq {
			t.Errorf("another request after writing: %v", err)
		}
	})
}
