package bench

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// table collects the results.
type table struct {
	machine string
	rows    []row
	notes   []string
}

// row is one line: a figure of ours, of another party, their ratio, and the bar
// that the figure or the ratio is held against.
type row struct {
	what, ours, other, ratio, bar string
	ok                            *bool // nil where there is no bar
}

func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// add adds a figure without anything to compare with; bar 0 is none.
func (t *table) add(what string, ours, bar float64, unit func(float64) string) {
	r := row{what: what, ours: unit(ours)}
	if bar > 0 {
		ok := ours <= bar
		r.bar, r.ok = "≤ "+unit(bar), &ok
	}
	t.rows = append(t.rows, r)
}

// compare adds figures of the runs of two commands, ours and another one's, by
// its name; bar 0 is none.
func (t *table) compare(what string, ours, other []float64, bar float64, name string, unit func(float64) string) {
	r := row{what: what, ours: unit(median(ours))}
	if len(other) > 0 {
		q := ratio(ours, other)
		r.other, r.ratio = name+" "+unit(median(other)), fmt.Sprintf("%.2f", q)
		if bar > 0 {
			ok := q <= bar
			r.bar, r.ok = fmt.Sprintf("≤ %.2f", bar), &ok
		}
	}
	t.rows = append(t.rows, r)
}

// String is the table as text.
func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", t.machine)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tours\tother\tratio\tbar\t")
	for _, r := range t.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.ours, r.other, r.ratio, r.bar, verdict(r.ok))
	}
	w.Flush()
	for _, n := range t.notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	return b.String()
}

func verdict(ok *bool) string {
	switch {
	case ok == nil:
		return ""
	case *ok:
		return "ok"
	}
	return "over"
}

// duration writes nanoseconds.
func duration(ns float64) string {
	switch d := time.Duration(ns); {
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	case d < 10*time.Second:
		return fmt.Sprintf("%.0f ms", ns/1e6)
	}
	return fmt.Sprintf("%.1f s", ns/1e9)
}

// size writes bytes.
func size(n float64) string {
	if n < 100<<20 {
		return fmt.Sprintf("%.1f MiB", n/(1<<20))
	}
	return fmt.Sprintf("%.0f MiB", n/(1<<20))
}
