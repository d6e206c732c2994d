package args

import (
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
	"github.com/hallmark-dev/hallmark/internal/text"
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
	lines, err := text.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", printable.Text(name), err)
	}
	var out []string
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out, nil
}
