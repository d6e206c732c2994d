package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// TestMaskEncoded: a secret is found in every form that a program would print.
func TestMaskEncoded(t *testing.T) {
	pw := "Pw<S3cr3t>&\"q\\z é"
	quoted, err := json.Marshal(pw)
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]string{
		"plain":        pw,
		"JSON, HTML":   string(quoted),
		"JSON":         `"Pw<S3cr3t>&\"q\\z é"`,
		"query":        url.QueryEscape(pw),
		"path":         url.PathEscape(pw),
		"base64":       base64.StdEncoding.EncodeToString([]byte(pw)),
		"base64 URL":   base64.RawURLEncoding.EncodeToString([]byte(pw)),
		"basic auth":   base64.StdEncoding.EncodeToString([]byte("a:" + pw)),
		"basic auth 2": base64.StdEncoding.EncodeToString([]byte("ab:" + pw)),
		"hex":          hex.EncodeToString([]byte(pw)),
		"HEX":          strings.ToUpper(hex.EncodeToString([]byte(pw))),
	} {
		got := MaskText("before "+form+" after", []byte(pw))
		if !strings.Contains(got, Mask) || strings.Contains(got, "S3cr3t") || strings.Contains(got, form) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
