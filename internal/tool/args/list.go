package args

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
)

// entries takes -in= apart. Lines of an @FILE may hold commas; empty lines and
// comments (#) are skipped.
func entries(in string) ([]string, error) {
	var out []string
	for _, p := range strings.Split(in, ",") {
		if p = strings.TrimSpace(p); p == "" {
			return nil, fault.New(fault.Usage, "-in: empty name in %q (stray comma?)", in)
		}
		name, isList := strings.CutPrefix(p, "@")
		if !isList {
			out = append(out, p)
			continue
		}
		lines, err := listFile(name)
		if err != nil {
			return nil, fault.New(fault.Usage, "-in: reading the list of files: %w", err)
		}
		if len(lines) == 0 {
			return nil, fault.New(fault.Usage, "-in: the list %s names no file", name)
		}
		out = append(out, lines...)
	}
	return out, nil
}

// listFile returns the lines of a file that mean something.
func listFile(name string) ([]string, error) {
	b, err := regular.Read(name, 0)
	if err != nil {
		return nil, err
	}
	text, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out, nil
}

// decode reads text as Windows writes it: UTF-8 with or without a byte order
// mark, or UTF-16 with one, which is what PowerShell 5 makes of "> list.txt".
func decode(b []byte) (string, error) {
	switch {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xFF\xFE")):
		return decode16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte("\xFE\xFF")):
		return decode16(b[2:], binary.BigEndian)
	}
	if bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) {
		return "", fmt.Errorf("not text in UTF-8 or UTF-16")
	}
	return string(b), nil
}

func decode16(b []byte, order binary.ByteOrder) (string, error) {
	if len(b)%2 != 0 {
		return "", fmt.Errorf("UTF-16 text with half a character at the end")
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units)), nil
}
