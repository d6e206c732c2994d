package wine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const module = "github.com/hallmark-dev/hallmark/"

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// report shows one line for each package, the output of what failed, and at the
// end how many tests were skipped for which reason.
func report(from io.Reader, w io.Writer) error {
	r := results{w: w, output: map[string][]string{}, skipped: map[string][]string{}}
	dec := json.NewDecoder(from)
	for {
		var e event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("reading the events of go test: %w", err)
		}
		r.add(e)
	}
	r.summary()
	return nil
}

type results struct {
	w              io.Writer
	output         map[string][]string // of tests that run
	skipped        map[string][]string // tests by reason
	passed, failed int
}

func (r *results) add(e event) {
	key := strings.TrimPrefix(e.Package, module) + " " + e.Test
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
		return
	case "build-output":
		fmt.Fprint(r.w, e.Output)
		return
	case "skip":
		if e.Test != "" {
			why := reason(r.output[key])
			r.skipped[why] = append(r.skipped[why], key)
		}
	case "fail":
		r.failed++
		fmt.Fprintf(r.w, "FAIL %s (%.1fs)\n%s", key, e.Elapsed, strings.Join(r.output[key], ""))
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(r.w, "ok   %s (%.1fs)\n", e.Package, e.Elapsed)
		} else {
			r.passed++
		}
	default:
		return
	}
	delete(r.output, key)
}

// summary names the skipped tests where they are few.
func (r *results) summary() {
	fmt.Fprintf(r.w, "%d tests passed, %d failed; skipped:\n", r.passed, r.failed)
	for _, why := range slices.Sorted(maps.Keys(r.skipped)) {
		tests := r.skipped[why]
		names := strings.Join(tests[:min(len(tests), 3)], ", ")
		if len(tests) > 3 {
			names += ", …"
		}
		fmt.Fprintf(r.w, "%5d  %s (%s)\n", len(tests), why, names)
	}
}

// reason is what a test said when it was skipped: a line with its file.
func reason(lines []string) string {
	for _, l := range lines {
		if file, why, ok := strings.Cut(strings.TrimSpace(l), ": "); ok && strings.Contains(file, ".go:") {
			return why
		}
	}
	return "no reason is given"
}
