package rfc3161

import (
	"bytes"
	"crypto"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// inBER writes DER with indefinite lengths, and OCTET STRINGs in pieces.
func inBER(der []byte) []byte {
	var out []byte
	in := cryptobyte.String(der)
	for !in.Empty() {
		var el, body cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1Element(&el, &tag) {
			return append(out, in...)
		}
		whole := el
		if !el.ReadAnyASN1(&body, &tag) {
			panic("an element that was read cannot be read")
		}
		switch {
		case tag&0x20 != 0:
			out = append(append(append(out, byte(tag), 0x80), inBER(body)...), 0, 0)
		case tag == cbasn1.OCTET_STRING && len(body) > 1:
			out = append(out, 0x24, 0x80)
			for _, piece := range [][]byte{body[:len(body)/2], body[len(body)/2:]} {
				var b cryptobyte.Builder
				b.AddASN1OctetString(piece)
				out = append(out, b.BytesOrPanic()...)
			}
			out = append(out, 0, 0)
		default:
			out = append(out, whole...)
		}
	}
	return out
}

// response is an answer of the server in DER, and its token.
func response(t *testing.T) (answer []byte, token *Token) {
	t.Helper()
	token, _ = stamped(t, newServer(t, formatstest.NewPKI(t).TSA, nil), []byte("data"), crypto.SHA256)
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(0) })
		b.AddBytes(token.Raw)
	})
	return b.BytesOrPanic(), token
}

func TestResponseInBER(t *testing.T) {
	der, token := response(t)
	ber := inBER(der)
	// Only the outermost, or only the status, in an indefinite length.
	outer := append(append([]byte{0x30, 0x80}, der[4:]...), 0, 0)
	status := bytes.Replace(der, []byte{0x30, 3, 2, 1, 0}, []byte{0x30, 0x80, 2, 1, 0, 0, 0}, 1)
	status[3] += 2
	for name, b := range map[string][]byte{
		"DER": der, "BER": ber, "outer": outer, "status": status,
		"DER and CR LF": append(bytes.Clone(der), "\r\n"...), "DER and zeros": append(bytes.Clone(der), make([]byte, 700)...), "BER and LF": append(bytes.Clone(ber), '\n'),
	} {
		got, err := ParseResponse(b)
		if err != nil || !bytes.Equal(got.Raw, token.Raw) {
			t.Errorf("%s: %v, or another token", name, err)
		}
	}
	for want, b := range map[string][]byte{
		"3 bytes follow the TimeStampResp":          append(bytes.Clone(der), "abc"...),
		"4 bytes follow the TimeStampResp":          append(bytes.Clone(ber), "\nabc"...),
		"cut off or damaged":                        ber[:len(ber)-2],
		"is cut off or damaged (100 bytes)":         der[:100],
		"a web page or XML":                         []byte("\r\n<!doctype html>"),
		"the answer is empty":                       []byte("\r\n"),
		`the answer is text: "no more credits"`:     []byte("no more credits\n"),
		"the answer begins with 02 01 05":           {2, 1, 5},
		"no PKIStatusInfo":                          {0x30, 3, 2, 1, 5},
		"granted, but there is no token (RFC 3161 ": {0x30, 0x80, 0x30, 0x80, 2, 1, 0, 0, 0, 0, 0},
	} {
		if _, err := ParseResponse(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

// TestClientTakesBER stamps through a server that answers in BER; what it
// keeps is DER.
func TestClientTakesBER(t *testing.T) {
	pki := formatstest.NewPKI(t)
	h := newServer(t, pki.TSA, nil)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(inBER(rec.Body.Bytes()))
	}))
	defer srv.Close()
	c, err := NewClient([]string{srv.URL}, TrustRoots(pki.TSARoots()), ClientOptions{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Timestamp(t.Context(), []byte("data"), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseToken(s.Raw); err != nil || again.SignedData.BER {
		t.Errorf("what was kept is not DER: %v", err)
	}
}
