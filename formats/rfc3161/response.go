package rfc3161

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Status is a PKIStatus (RFC 3161 section 2.4.2).
type Status int

// The statuses; a token comes with the first two only.
const (
	StatusGranted                Status = 0
	StatusGrantedWithMods        Status = 1
	StatusRejection              Status = 2
	StatusWaiting                Status = 3
	StatusRevocationWarning      Status = 4
	StatusRevocationNotification Status = 5
)

func (s Status) String() string {
	names := [...]string{"granted", "granted with modifications", "rejection", "waiting", "revocation warning", "revocation notification"}
	if s >= 0 && int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("unknown status %d", int(s))
}

// Failure is a bit of PKIFailureInfo (RFC 3161 section 2.4.2); -1 is none.
type Failure int

// The failures that RFC 3161 names, by bit number.
const (
	NoFailure                  Failure = -1
	FailureBadAlg              Failure = 0
	FailureBadRequest          Failure = 2
	FailureBadDataFormat       Failure = 5
	FailureTimeNotAvailable    Failure = 14
	FailureUnacceptedPolicy    Failure = 15
	FailureUnacceptedExtension Failure = 16
	FailureAddInfoNotAvailable Failure = 17
	FailureSystemFailure       Failure = 25
)

func (f Failure) String() string {
	switch f {
	case NoFailure:
		return "none"
	case FailureBadAlg:
		return "badAlg: hash algorithm not supported"
	case FailureBadRequest:
		return "badRequest: transaction not permitted"
	case FailureBadDataFormat:
		return "badDataFormat: request malformed"
	case FailureTimeNotAvailable:
		return "timeNotAvailable: the server has no time source"
	case FailureUnacceptedPolicy:
		return "unacceptedPolicy: policy not supported"
	case FailureUnacceptedExtension:
		return "unacceptedExtension: extension not supported"
	case FailureAddInfoNotAvailable:
		return "addInfoNotAvailable: additional information not available"
	case FailureSystemFailure:
		return "systemFailure: the server has a fault"
	}
	return fmt.Sprintf("failure bit %d", int(f))
}

// StatusError is a server's answer that it makes no token.
type StatusError struct {
	Status  Status
	Failure Failure
	// Text is what the server said in words; it may be empty. Control characters are taken out.
	Text string
}

func (e *StatusError) Error() string {
	s := "the server answered " + e.Status.String()
	if e.Failure != NoFailure {
		s += " (" + e.Failure.String() + ")"
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Temporary says whether asking the same server again may help.
func (e *StatusError) Temporary() bool {
	return e.Status == StatusWaiting || e.Failure == FailureTimeNotAvailable || e.Failure == FailureSystemFailure
}

// ParseResponse reads a TimeStampResp (RFC 3161 section 2.4.2), in DER or BER, and returns its token, parsed but not checked.
// A response without a token is a *StatusError; everything else that is wrong is another error.
func ParseResponse(b []byte) (*Token, error) {
	resp, info, err := readResponse(b)
	if err != nil {
		return nil, fmt.Errorf("reading time-stamp response: %w", err)
	}
	status, err := readStatus(info)
	if err != nil {
		return nil, err
	}
	granted := status.Status == StatusGranted || status.Status == StatusGrantedWithMods
	switch {
	case !granted && !resp.Empty():
		return nil, fmt.Errorf("reading time-stamp response: a token although the status is %v (RFC 3161 section 2.4.2)", status.Status)
	case !granted:
		return nil, status
	case resp.Empty():
		return nil, errors.New("reading time-stamp response: granted, but there is no token (RFC 3161 section 2.4.2)")
	}
	return ParseToken(resp)
}

// readResponse returns what follows the PKIStatusInfo, and its content. A response in BER,
// such as one of indefinite lengths, is converted, although RFC 3161 section 3.4 wants
// DER. White space and zero bytes after it are passed over.
func readResponse(b []byte) (rest, info cryptobyte.String, err error) {
	whole, after := b, []byte(nil)
	in := cryptobyte.String(b)
	if !in.ReadASN1(&rest, cbasn1.SEQUENCE) || !rest.ReadASN1(&info, cbasn1.SEQUENCE) {
		if whole, after, err = cms.CutDER(b); err != nil || whole[0] != 0x30 {
			return nil, nil, fmt.Errorf("it is not a TimeStampResp: %s", describe(b))
		}
		in = whole
		if !in.ReadASN1(&rest, cbasn1.SEQUENCE) || !rest.ReadASN1(&info, cbasn1.SEQUENCE) {
			return nil, nil, errors.New("no PKIStatusInfo")
		}
	} else {
		after = in
	}
	if len(bytes.Trim(after, "\x00 \t\r\n")) > 0 {
		return nil, nil, fmt.Errorf("%d bytes follow the TimeStampResp, from offset %d on", len(after), len(b)-len(after))
	}
	return rest, info, nil
}

// describe says what an answer is instead.
func describe(b []byte) string {
	text := bytes.TrimSpace(b)
	switch {
	case len(text) == 0:
		return "the answer is empty"
	case text[0] == '<':
		return "the answer is a web page or XML"
	case b[0] == 0x30:
		return fmt.Sprintf("the answer begins like one and is cut off or damaged (%d bytes)", len(b))
	case !bytes.ContainsFunc(text[:min(len(text), 40)], func(r rune) bool { return r > '~' || r < ' ' && r != '\n' && r != '\r' && r != '\t' }):
		return fmt.Sprintf("the answer is text: %q", text[:min(len(text), 40)])
	}
	return fmt.Sprintf("the answer begins with % x", b[:min(len(b), 8)])
}

func readStatus(info cryptobyte.String) (*StatusError, error) {
	e := &StatusError{Failure: NoFailure}
	var n int
	if !info.ReadASN1Integer(&n) {
		return nil, errors.New("reading time-stamp response: malformed PKIStatus")
	}
	e.Status = Status(n)
	if info.PeekASN1Tag(cbasn1.SEQUENCE) {
		var texts cryptobyte.String
		if !info.ReadASN1(&texts, cbasn1.SEQUENCE) {
			return nil, errors.New("reading time-stamp response: malformed statusString")
		}
		var all []string
		for !texts.Empty() {
			var text cryptobyte.String
			if !texts.ReadASN1(&text, cbasn1.UTF8String) {
				return nil, errors.New("reading time-stamp response: malformed statusString")
			}
			all = append(all, string(text))
		}
		e.Text = printable.Short(strings.Join(all, "; "), 500)
	}
	if info.PeekASN1Tag(cbasn1.BIT_STRING) {
		var bits cryptobyte.String
		if !info.ReadASN1(&bits, cbasn1.BIT_STRING) || len(bits) == 0 {
			return nil, errors.New("reading time-stamp response: malformed failInfo")
		}
		e.Failure = firstBit(bits[1:])
	}
	if !info.Empty() {
		return nil, errors.New("reading time-stamp response: unexpected bytes in PKIStatusInfo")
	}
	return e, nil
}

// firstBit returns the number of the first bit set, counted from the most significant one (X.690 section 8.6.2).
func firstBit(b []byte) Failure {
	for i := range len(b) * 8 {
		if b[i/8]&(0x80>>(i%8)) != 0 {
			return Failure(i)
		}
	}
	return NoFailure
}
