package rfc3161

import (
	"bytes"
	"crypto"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestRequestIsOpenssls writes a request that openssl made again: same bytes.
func TestRequestIsOpenssls(t *testing.T) {
	for name, args := range map[string][]string{
		"plain": {"-sha256"}, "certificate": {"-sha512", "-cert"}, "no nonce": {"-sha384", "-no_nonce"}, "policy": {"-sha256", "-tspolicy", "1.2.3.4"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			data, query := filepath.Join(dir, "data"), filepath.Join(dir, "q.tsq")
			put(t, data, signature)
			formatstest.MustRun(t, "openssl", append([]string{"ts", "-query", "-data", data, "-out", query}, args...)...)
			want, err := os.ReadFile(query)
			if err != nil {
				t.Fatal(err)
			}
			q, err := ParseRequest(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := q.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) || !bytes.Equal(q.Imprint, digest(q.Hash, signature)) {
				t.Errorf("wrote %x\n instead of %x", got, want)
			}
		})
	}
}

func TestServerRefusesRequests(t *testing.T) {
	s := newServer(t, formatstest.NewPKI(t).TSA, nil)
	q, err := NewRequest(signature, crypto.SHA256, nil)
	if err != nil {
		t.Fatal(err)
	}
	good, err := q.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	q.Policy = []int{1, 2, 3}
	otherPolicy, err := q.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		request []byte
		want    Failure
	}{
		"nothing":      {nil, FailureBadDataFormat},
		"bytes after":  {append(bytes.Clone(good), 0), FailureBadDataFormat},
		"version 2":    {bytes.Replace(good, []byte{2, 1, 1}, []byte{2, 1, 2}, 1), FailureBadDataFormat},
		"unknown hash": {bytes.Replace(good, []byte{4, 2, 1}, []byte{4, 2, 9}, 1), FailureBadAlg},
		"short hash":   {bytes.Replace(good, []byte{4, 2, 1}, []byte{4, 2, 3}, 1), FailureBadDataFormat},
		"other policy": {otherPolicy, FailureUnacceptedPolicy},
		"extensions":   {withExtensions(good), FailureUnacceptedExtension},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := s.Respond(t.Context(), c.request)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParseResponse(answer)
			var se *StatusError
			if !errors.As(err, &se) || se.Status != StatusRejection || se.Failure != c.want || se.Temporary() {
				t.Errorf("error is %v", err)
			}
			path := filepath.Join(t.TempDir(), "r.tsr")
			put(t, path, answer)
			formatstest.MustRun(t, "openssl", "ts", "-reply", "-in", path, "-text") // openssl can read the refusal
		})
	}
}

// withExtensions puts an empty [0] at the end of a request.
func withExtensions(request []byte) []byte {
	out := append(bytes.Clone(request), 0xa0, 0)
	out[1] += 2
	return out
}

// TestResponses has the malformed answers that no fault of the server produces.
func TestResponses(t *testing.T) {
	for name, c := range map[string]struct {
		answer []byte
		status Status // of a StatusError, -1 for another error
	}{
		"empty":                 {[]byte{}, -1},
		"no status":             {[]byte{0x30, 0}, -1},
		"granted without token": {[]byte{0x30, 5, 0x30, 3, 2, 1, 0}, -1},
		"waiting":               {[]byte{0x30, 5, 0x30, 3, 2, 1, 3}, StatusWaiting},
		"rejected with a token": {[]byte{0x30, 7, 0x30, 3, 2, 1, 2, 0x30, 0}, -1},
		"unknown status":        {[]byte{0x30, 5, 0x30, 3, 2, 1, 9}, 9},
		"text is no text":       {[]byte{0x30, 9, 0x30, 7, 2, 1, 2, 0x30, 2, 2, 0}, -1},
		"empty failInfo":        {[]byte{0x30, 7, 0x30, 5, 2, 1, 2, 3, 0}, -1},
		"failInfo without bits": {[]byte{0x30, 8, 0x30, 6, 2, 1, 2, 3, 1, 0}, StatusRejection},
		"token is no token":     {[]byte{0x30, 7, 0x30, 3, 2, 1, 0, 0x30, 0}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseResponse(c.answer)
			var se *StatusError
			if errors.As(err, &se) != (c.status >= 0) || err == nil || se != nil && se.Status != c.status {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestForeignTextIsMadeHarmless(t *testing.T) {
	e := &StatusError{Status: StatusRejection, Failure: NoFailure, Text: "no\x1b[31m\nway\xff\u202e"}
	answer, err := marshalResponse(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ParseResponse(answer)
	if err == nil || bytes.ContainsAny([]byte(err.Error()), "\x1b\n\xff") {
		t.Errorf("error is %q", err)
	}
}
