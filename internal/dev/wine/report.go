package wine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// report shows one line for each package, the output of what failed, and at the
// end the skipped tests with their reasons.
func report(from io.Reader, w io.Writer) error {
	output, failed := map[string][]string{}, map[string]bool{}
	var skipped []string
	dec := json.NewDecoder(from)
	for {
		var e event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("reading the events of go test: %w", err)
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			output[key] = append(output[key], e.Output)
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "skip":
			if e.Test != "" {
				skipped = append(skipped, fmt.Sprintf("%s: %s", key, reason(output[key])))
			}
		case "fail":
			failed[key] = true
			fmt.Fprintf(w, "FAIL %s (%.1fs)\n%s", key, e.Elapsed, strings.Join(output[key], ""))
		case "pass":
			if e.Test == "" {
				fmt.Fprintf(w, "ok   %s (%.1fs)\n", e.Package, e.Elapsed)
			}
		}
		if e.Action == "pass" || e.Action == "skip" || e.Action == "fail" {
			delete(output, key)
		}
	}
	slices.Sort(skipped)
	fmt.Fprintf(w, "%d tests failed, %d skipped\n", len(failed), len(skipped))
	for _, s := range skipped {
		fmt.Fprintf(w, "skip %s\n", s)
	}
	return nil
}

// reason is what a test said when it was skipped: a line with its file.
func reason(lines []string) string {
	for _, l := range lines {
		if file, why, ok := strings.Cut(strings.TrimSpace(l), ": "); ok && strings.Contains(file, "_test.go:") || strings.Contains(file, ".go:") {
			return why
		}
	}
	return "no reason is given"
}
