package authenticode_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
)

func verifyBytes(t testing.TB, b []byte, o authenticode.VerifyOptions) *authenticode.Report {
	t.Helper()
	r, err := authenticode.Verify(context.Background(), bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// graveChecks lists the checks behind the findings that count, each once, in order.
func graveChecks(r *authenticode.Report) []authenticode.Check {
	var out []authenticode.Check
	for _, f := range r.Problems() {
		if f.Check != authenticode.CheckNoTimestamp && !slices.Contains(out, f.Check) {
			out = append(out, f.Check)
		}
	}
	return out
}

func TestVerifyTable(t *testing.T) {
	v := newVfiles(t)
	for _, c := range vcases() {
		t.Run(c.name, func(t *testing.T) {
			b := c.file(v)
			c.opts.Roots = v.roots()
			r := verifyBytes(t, b, c.opts)
			if r.Windows != c.windows {
				t.Errorf("verdict is %v, want %v\n%s", r.Windows, c.windows, r)
			}
			if got := graveChecks(r); !slices.Equal(got, c.finds) {
				t.Errorf("found %q, want %q\n%s", got, c.finds, r)
			}
			c.opts.Allow = append(c.finds, authenticode.CheckNoTimestamp)
			if r := verifyBytes(t, b, c.opts); r.Trusted != (c.windows == authenticode.VerdictTrusted && !refusesAnyway(r)) {
				t.Errorf("with everything allowed: trusted is %v\n%s", r.Trusted, r)
			}
		})
	}
}

// refusesAnyway reports whether something is left that cannot be allowed.
func refusesAnyway(r *authenticode.Report) bool {
	return slices.ContainsFunc(r.Problems(), func(f authenticode.Finding) bool { return f.Severity == authenticode.SeverityError })
}
