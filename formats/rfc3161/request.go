package rfc3161

import (
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// nonceBytes is the size of a nonce: RFC 3161 section 2.4.1 asks for 64 bits.
const nonceBytes = 8

// Request is a TimeStampReq (RFC 3161 section 2.4.1), version 1.
type Request struct {
	// Hash and Imprint: the message imprint is Hash over the data to be stamped.
	Hash    crypto.Hash
	Imprint []byte
	// Policy that the server shall apply; nil leaves it to the server.
	Policy asn1.ObjectIdentifier
	// Nonce that the server has to give back; nil means none.
	Nonce *big.Int
	// CertReq asks for the server's certificate in the token; Authenticode needs it.
	CertReq bool
}

// NewRequest makes a request for a stamp over data, which is hashed here, with a nonce
// read from random (nil means crypto/rand) and the certificate asked for.
func NewRequest(data []byte, hash crypto.Hash, random io.Reader) (*Request, error) {
	if _, err := cms.DigestOID(hash); err != nil {
		return nil, fmt.Errorf("making time-stamp request: %w", err)
	}
	if random == nil {
		random = rand.Reader
	}
	nonce := make([]byte, nonceBytes)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("making time-stamp request: reading a nonce: %w", err)
	}
	return &Request{Hash: hash, Imprint: digest(hash, data), Nonce: new(big.Int).SetBytes(nonce), CertReq: true}, nil
}

func digest(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// Marshal writes the request in DER.
func (q *Request) Marshal() ([]byte, error) {
	if len(q.Imprint) != q.Hash.Size() {
		return nil, fmt.Errorf("writing time-stamp request: an imprint of %d bytes for %v", len(q.Imprint), q.Hash)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addImprint(b, q.Hash, q.Imprint)
		if q.Policy != nil {
			b.AddASN1ObjectIdentifier(q.Policy)
		}
		if q.Nonce != nil {
			b.AddASN1BigInt(q.Nonce)
		}
		if q.CertReq { // DEFAULT FALSE is not written in DER
			b.AddASN1Boolean(true)
		}
	})
	out, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing time-stamp request: %w", err)
	}
	return out, nil
}

// addImprint writes a MessageImprint: AlgorithmIdentifier with NULL parameters, and the hash.
func addImprint(b *cryptobyte.Builder, h crypto.Hash, imprint []byte) {
	oid, err := cms.DigestOID(h)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			b.AddASN1NULL()
		})
		b.AddASN1OctetString(imprint)
	})
}

// ParseRequest reads a TimeStampReq. Extensions are refused, as section 2.4.1 asks of a
// server that knows none. The error is a *StatusError with the failure that a server
// answers.
func ParseRequest(b []byte) (*Request, error) {
	bad := func(what string) (*Request, error) {
		return nil, &StatusError{Status: StatusRejection, Failure: FailureBadDataFormat, Text: "time-stamp request: " + what}
	}
	in := cryptobyte.String(b)
	var seq cryptobyte.String
	var version int
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
		return bad("not exactly one SEQUENCE")
	}
	if !seq.ReadASN1Integer(&version) || version != 1 {
		return bad("version is not 1")
	}
	q := &Request{}
	hash, imprint, err := readImprint(&seq)
	if errors.Is(err, cms.ErrUnsupportedAlgorithm) {
		return nil, &StatusError{Status: StatusRejection, Failure: FailureBadAlg, Text: err.Error()}
	}
	if err != nil {
		return bad(err.Error())
	}
	q.Hash, q.Imprint = hash, imprint
	if seq.PeekASN1Tag(cbasn1.OBJECT_IDENTIFIER) && !seq.ReadASN1ObjectIdentifier(&q.Policy) {
		return bad("malformed reqPolicy")
	}
	if seq.PeekASN1Tag(cbasn1.INTEGER) {
		q.Nonce = new(big.Int)
		if !seq.ReadASN1Integer(q.Nonce) {
			return bad("malformed nonce")
		}
	}
	if seq.PeekASN1Tag(cbasn1.BOOLEAN) && !seq.ReadASN1Boolean(&q.CertReq) {
		return bad("malformed certReq")
	}
	if seq.Empty() {
		return q, nil
	}
	if seq.PeekASN1Tag(cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return nil, &StatusError{Status: StatusRejection, Failure: FailureUnacceptedExtension, Text: "extensions are not supported"}
	}
	return bad("unexpected bytes after certReq")
}

// readImprint reads a MessageImprint and checks that its length is the hash's.
func readImprint(in *cryptobyte.String) (crypto.Hash, []byte, error) {
	var seq, alg cryptobyte.String
	var oid asn1.ObjectIdentifier
	var imprint []byte
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) ||
		!seq.ReadASN1Bytes(&imprint, cbasn1.OCTET_STRING) || !seq.Empty() {
		return 0, nil, errors.New("malformed messageImprint")
	}
	if !alg.Empty() && !alg.SkipASN1(cbasn1.NULL) || !alg.Empty() {
		return 0, nil, errors.New("messageImprint's hash algorithm has parameters")
	}
	h, err := cms.HashOf(oid)
	if err != nil {
		return 0, nil, fmt.Errorf("messageImprint: %w", err)
	}
	if len(imprint) != h.Size() {
		return 0, nil, fmt.Errorf("messageImprint has %d bytes, %v has %d", len(imprint), h, h.Size())
	}
	return h, imprint, nil
}
