package rfc3161

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// maxRequest bounds what the server reads; requests have about 60 bytes, legacy ones up to 1 KiB.
const maxRequest = 64 << 10

// ServerOptions configures the embedded server.
type ServerOptions struct {
	// Key, Certificate and Chain sign the tokens; the certificate needs the extended
	// key usage timeStamping, alone and critical.
	Key         crypto.Signer
	Certificate *x509.Certificate
	Chain       []*x509.Certificate
	// Hash of the token's own signature; 0 means SHA-256.
	Hash crypto.Hash
	// Policy of the tokens; nil means 2.25 with a number made for this project's test
	// tokens (ITU-T X.667). Requests for another are refused.
	Policy asn1.ObjectIdentifier
	// Accuracy that tokens state; 0 leaves it out. Less than microseconds is cut off.
	Accuracy time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Serial gives the serial numbers, which must never repeat; nil means 64 random
	// bits. It must be safe for concurrent use.
	Serial func() (*big.Int, error)
	// Fault makes the server misbehave, for tests: it is asked for every request, n
	// counting from 0. Nil means never.
	Fault func(n int) Fault
}

// defaultPolicy is below the UUID arc 2.25, where anyone may make object identifiers;
// its number is small enough for every parser.
func defaultPolicy() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 25, 316116, 1} }

// Server is a small time-stamp authority for RFC 3161 over HTTP and for the older
// Authenticode protocol, told apart by the content type. It answers on every path and
// is safe for concurrent use.
type Server struct {
	o     ServerOptions
	count atomic.Int64
}

// NewServer makes a server. A certificate that may not make time stamps, or a key that
// is not its own, is an error.
func NewServer(o ServerOptions) (*Server, error) {
	if o.Key == nil || o.Certificate == nil {
		return nil, errors.New("making time-stamp server: key and certificate are needed")
	}
	if p := CertificateProblems(o.Certificate); len(p) > 0 {
		return nil, fmt.Errorf("making time-stamp server: %w", &TokenError{Problems: p})
	}
	if pub, ok := o.Key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(o.Certificate.PublicKey) {
		return nil, fmt.Errorf("making time-stamp server: the key is not the one of %q", o.Certificate.Subject)
	}
	if o.Policy == nil {
		o.Policy = defaultPolicy()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Serial == nil {
		o.Serial = randomSerial
	}
	return &Server{o: o}, nil
}

func randomSerial() (*big.Int, error) {
	b := make([]byte, 8)
	_, err := rand.Read(b)
	return new(big.Int).SetBytes(b), err
}

// Requests returns how many requests have come in.
func (s *Server) Requests() int { return int(s.count.Load()) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.count.Add(1)) - 1
	var fault Fault
	if s.o.Fault != nil {
		fault = s.o.Fault(n)
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "time-stamp requests are sent by POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := readLimited(r.Body, maxRequest)
	if err != nil {
		http.Error(w, "request too large or incomplete", http.StatusBadRequest)
		return
	}
	if fault.serve(w, r) {
		return
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "application/timestamp-query" {
		s.serveRFC3161(r.Context(), w, body, fault)
		return
	}
	s.serveLegacy(r.Context(), w, body, fault)
}

func (s *Server) serveRFC3161(ctx context.Context, w http.ResponseWriter, body []byte, fault Fault) {
	answer, err := s.respond(ctx, body, fault)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(answer)
}

func (s *Server) serveLegacy(ctx context.Context, w http.ResponseWriter, body []byte, fault Fault) {
	signature, err := ParseLegacyRequest(body)
	if err != nil {
		http.Error(w, "neither an RFC 3161 request nor one of the older Authenticode protocol", http.StatusUnsupportedMediaType)
		return
	}
	answer, err := s.Countersign(ctx, fault.imprint(signature))
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(base64.StdEncoding.AppendEncode(nil, answer))
}

// Respond answers a TimeStampReq in DER with a TimeStampResp in DER. What the request
// does wrong is answered in the response; the error is a fault of the server.
func (s *Server) Respond(ctx context.Context, request []byte) ([]byte, error) {
	return s.respond(ctx, request, Fault{})
}

func (s *Server) respond(ctx context.Context, request []byte, fault Fault) ([]byte, error) {
	q, err := ParseRequest(request)
	var refused *StatusError
	if err == nil && q.Policy != nil && !q.Policy.Equal(s.o.Policy) {
		err = &StatusError{Status: StatusRejection, Failure: FailureUnacceptedPolicy, Text: fmt.Sprintf("only policy %v is served", s.o.Policy)}
	}
	if err == nil && fault.Kind == FaultReject {
		err = &StatusError{Status: StatusRejection, Failure: FailureBadRequest, Text: "refused for a test"}
	}
	if errors.As(err, &refused) {
		return marshalResponse(refused, nil)
	}
	if err != nil {
		return nil, err
	}
	token, err := s.token(ctx, q, fault)
	if err != nil {
		return nil, err
	}
	return marshalResponse(&StatusError{Status: StatusGranted, Failure: NoFailure}, token)
}

// token makes a TimeStampToken in DER.
func (s *Server) token(ctx context.Context, q *Request, fault Fault) ([]byte, error) {
	info, err := s.tstInfo(q, fault)
	if err != nil {
		return nil, err
	}
	ess, err := signingCertificateV2(s.o.Certificate)
	if err != nil {
		return nil, err
	}
	var content cryptobyte.Builder
	content.AddASN1OctetString(info)
	der, err := content.Bytes()
	if err != nil {
		return nil, err
	}
	attrs := cms.Attributes{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{ess}}}
	sd, err := cms.Sign(ctx, cms.ContentInfo{Type: cms.OIDTSTInfo, DER: der, Version: 3}, s.signer(), attrs)
	if err != nil {
		return nil, err
	}
	if !q.CertReq {
		sd.Certificates = nil // RFC 3161 section 2.4.1: none unless asked for
	}
	return sd.Marshal()
}

func (s *Server) signer() cms.Signer {
	return cms.Signer{Key: s.o.Key, Certificate: s.o.Certificate, Chain: s.o.Chain, Hash: s.o.Hash}
}

func (s *Server) tstInfo(q *Request, fault Fault) ([]byte, error) {
	serial, err := s.o.Serial()
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(s.o.Policy)
		addImprint(b, q.Hash, fault.imprint(q.Imprint))
		b.AddASN1BigInt(serial)
		b.AddASN1GeneralizedTime(fault.time(s.o.Now()).UTC().Truncate(time.Second))
		addAccuracy(b, s.o.Accuracy)
		if nonce := fault.nonce(q.Nonce); nonce != nil {
			b.AddASN1BigInt(nonce)
		}
	})
	return b.Bytes()
}

// addAccuracy writes Accuracy { seconds, [0] millis, [1] micros }; parts that are zero
// are left out.
func addAccuracy(b *cryptobyte.Builder, d time.Duration) {
	if d < time.Microsecond {
		return
	}
	sec, milli, micro := int64(d/time.Second), int64(d/time.Millisecond)%1000, int64(d/time.Microsecond)%1000
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if sec > 0 {
			b.AddASN1Int64(sec)
		}
		if milli > 0 {
			b.AddASN1Int64WithTag(milli, cbasn1.Tag(0).ContextSpecific())
		}
		if micro > 0 {
			b.AddASN1Int64WithTag(micro, cbasn1.Tag(1).ContextSpecific())
		}
	})
}

func marshalResponse(st *StatusError, token []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(int64(st.Status))
			if st.Text != "" {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(st.Text)) })
				})
			}
			if st.Failure != NoFailure {
				bits, unused := failureBits(st.Failure)
				b.AddASN1(cbasn1.BIT_STRING, func(b *cryptobyte.Builder) { b.AddUint8(unused); b.AddBytes(bits) })
			}
		})
		b.AddBytes(token)
	})
	return b.Bytes()
}

// failureBits writes one bit as a named-bit list, which ends with the last bit set
// (X.690 section 11.2.2).
func failureBits(f Failure) (bits []byte, unused uint8) {
	bits = make([]byte, int(f)/8+1)
	bits[int(f)/8] = 0x80 >> (int(f) % 8)
	return bits, uint8(7 - int(f)%8)
}

// Countersign makes the answer of the older Authenticode protocol: a SignedData in DER
// over the signature octets with signingTime, whose SignerInfo becomes the
// countersignature.
func (s *Server) Countersign(ctx context.Context, signature []byte) ([]byte, error) {
	var content, when cryptobyte.Builder
	content.AddASN1OctetString(signature)
	when.AddASN1UTCTime(s.o.Now().UTC())
	der, err := content.Bytes()
	if err != nil {
		return nil, err
	}
	whenDER, err := when.Bytes()
	if err != nil {
		return nil, err
	}
	attrs := cms.Attributes{{Type: cms.OIDSigningTime, Values: [][]byte{whenDER}}}
	sd, err := cms.Sign(ctx, cms.ContentInfo{Type: cms.OIDData, DER: der}, s.signer(), attrs)
	if err != nil {
		return nil, err
	}
	return sd.Marshal()
}
