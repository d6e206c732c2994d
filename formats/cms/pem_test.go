package cms

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestPEMBlocks(t *testing.T) {
	one := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("first")}))
	two := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("second")}))
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for name, text := range map[string]string{
		"as they should be":        one + two,
		"text around them":         "subject=CN = a\n" + one + "\n# the next\n" + two + "the end\n",
		"Windows line breaks":      crlf(one + two),
		"byte order mark":          "\xEF\xBB\xBF" + one + two,
		"both":                     "\xEF\xBB\xBF" + crlf(one+two),
		"UTF-16":                   utf16Text(one+two, false),
		"UTF-16, big endian":       utf16Text(crlf(one+two), true),
		"no line break between":    strings.TrimSuffix(one, "\n") + two,
		"no line break at the end": one + strings.TrimSuffix(two, "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			blocks, err := PEMBlocks([]byte(text))
			if err != nil || len(blocks) != 2 || string(blocks[0].Bytes) != "first" || string(blocks[1].Bytes) != "second" {
				t.Errorf("%d blocks, %v", len(blocks), err)
			}
		})
	}
	for name, text := range map[string]string{
		"cut off":             one + two[:len(two)-8],
		"damaged first":       strings.Replace(one, "\n", "\n!!!!\n", 1) + two,
		"end of another kind": strings.Replace(one, "END CERT", "END KEY", 1) + two,
	} {
		t.Run(name, func(t *testing.T) {
			if blocks, err := PEMBlocks([]byte(text)); err == nil {
				t.Errorf("%d blocks and no error", len(blocks))
			}
		})
	}
	for name, b := range map[string][]byte{"nothing": nil, "DER": {0x30, 0x03, 0x02, 0x01, 0x01}, "half a unit": {0xFF, 0xFE, '-'}} {
		if blocks, err := PEMBlocks(b); err != nil || len(blocks) != 0 {
			t.Errorf("%s: %d blocks, %v", name, len(blocks), err)
		}
	}
}

func utf16Text(s string, big bool) string {
	var b bytes.Buffer
	for _, u := range append([]uint16{0xFEFF}, utf16.Encode([]rune(s))...) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

func FuzzPEMBlocks(f *testing.F) {
	f.Add([]byte("-----BEGIN X-----\nAAAA\n-----END X-----\n"))
	f.Add([]byte(utf16Text("-----BEGIN X-----\nAAAA\n-----END X----------BEGIN Y-----\n", false)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if blocks, err := PEMBlocks(b); err != nil && blocks != nil {
			t.Error("blocks and an error")
		}
	})
}
