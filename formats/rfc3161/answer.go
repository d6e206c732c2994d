package rfc3161

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// errTooBig is an answer over the size limit.
var errTooBig = errors.New("the answer is larger than allowed")

// readLimited reads at most limit bytes; more is an error wrapping errTooBig, and the rest stays unread.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w (%d bytes)", errTooBig, limit)
	}
	return b, err
}

// checkType compares the media type of an answer (RFC 3161 section 3.4). Servers of before the RFC's final text say
// timestamp-response.
func checkType(got, want string) error {
	if want == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(got)
	if err == nil && (media == want || media == "application/timestamp-response") {
		return nil
	}
	return fmt.Errorf("the answer has content type %q instead of %s (is a proxy answering?)", printable.Short(got, 80), want)
}

// firstLine shows the start of a plain-text error answer; HTML and binary data are left out.
func firstLine(body []byte, contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || media != "text/plain" {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	return printable.Short(strings.TrimSpace(line), 200)
}
