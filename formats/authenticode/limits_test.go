package authenticode_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
)

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

// TestRootLimits judges leaves of 2020 and 2024 at different times below a root with limits.
func TestRootLimits(t *testing.T) {
	long := func(from string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = day(from), day("2040-01-01") }
	}
	root := grow(t, nil, "limited root", also(ca, long("2010-01-01")))
	mid := grow(t, root, "mid", also(ca, long("2010-01-01")))
	old, young := grow(t, mid, "old", also(signing, long("2020-01-01"))), grow(t, mid, "young", also(signing, long("2024-01-01")))
	const good, bad = authenticode.VerdictTrusted, authenticode.VerdictExplicitDistrust
	for name, c := range map[string]struct {
		limits authenticode.Limits
		leaf   *node
		at     string
		want   authenticode.Verdict
	}{
		"no limits":                          {authenticode.Limits{}, young, "2026-01-01", good},
		"disabled, signed before":            {authenticode.Limits{Disabled: day("2025-01-01")}, old, "2024-12-31", good},
		"disabled, signed on the day":        {authenticode.Limits{Disabled: day("2025-01-01")}, old, "2025-01-01", bad},
		"disabled, signed later":             {authenticode.Limits{Disabled: day("2025-01-01")}, old, "2026-01-01", bad},
		"to be disabled":                     {authenticode.Limits{Disabled: day("2030-01-01")}, old, "2026-01-01", good},
		"not before, older certificate":      {authenticode.Limits{NotBefore: day("2022-01-01")}, old, "2026-01-01", good},
		"not before, of that moment":         {authenticode.Limits{NotBefore: day("2024-01-01")}, young, "2026-01-01", good},
		"not before, younger certificate":    {authenticode.Limits{NotBefore: day("2022-01-01")}, young, "2026-01-01", bad},
		"both, old certificate, old stamp":   {authenticode.Limits{Disabled: day("2025-01-01"), NotBefore: day("2022-01-01")}, old, "2024-01-01", good},
		"both, old certificate, new stamp":   {authenticode.Limits{Disabled: day("2025-01-01"), NotBefore: day("2022-01-01")}, old, "2026-01-01", bad},
		"both, young certificate, old stamp": {authenticode.Limits{Disabled: day("2025-01-01"), NotBefore: day("2022-01-01")}, young, "2024-06-01", bad},
	} {
		t.Run(name, func(t *testing.T) {
			pool := authenticode.NewPool()
			pool.AddLimited(root.Certificate, c.limits)
			got := authenticode.BuildChains(c.leaf.Certificate, authenticode.ChainOptions{Time: day(c.at), Anchors: pool, Intermediates: certs(mid)})[0]
			if got.Verdict() != c.want || !got.Anchored {
				t.Errorf("%v, want %v: %v", got.Verdict(), c.want, got.Problems)
			}
		})
	}
}

// TestLimitsStay: who adds the same root once more does not lift its limits.
func TestLimitsStay(t *testing.T) {
	root := grow(t, nil, "root", ca).Certificate
	early, late := authenticode.Limits{Disabled: day("2020-01-01")}, authenticode.Limits{Disabled: day("2021-01-01"), NotBefore: day("2019-01-01")}
	want := authenticode.Limits{Disabled: day("2020-01-01"), NotBefore: day("2019-01-01")}
	for name, fill := range map[string]func(*authenticode.Pool){
		"plain before": func(p *authenticode.Pool) { p.Add(root); p.AddLimited(root, early); p.AddLimited(root, late) },
		"plain after":  func(p *authenticode.Pool) { p.AddLimited(root, late); p.AddLimited(root, early); p.Add(root) },
		"none in limit": func(p *authenticode.Pool) {
			p.AddLimited(root, late)
			p.AddLimited(root, authenticode.Limits{})
			p.AddLimited(root, early)
		},
	} {
		pool := authenticode.NewPool()
		fill(pool)
		if got := pool.Limits(root); got != want || pool.Len() != 1 {
			t.Errorf("%s: %+v, %d anchors", name, got, pool.Len())
		}
		roots := authenticode.NewRoots(root)
		roots.Add(&authenticode.Roots{CodeSigning: pool})
		if roots.CodeSigning.Limits(root) != want || roots.TimeStamping.Limits(root) != (authenticode.Limits{}) {
			t.Errorf("%s: merged to %+v and %+v", name, roots.CodeSigning.Limits(root), roots.TimeStamping.Limits(root))
		}
	}
}

// TestVerifyUnderLimits goes through Verify: the stamp's time counts, and the authority's root may have limits too.
func TestVerifyUnderLimits(t *testing.T) {
	v := newVfiles(t)
	stamp := time.Now().Add(-2 * time.Hour)
	file := v.read(v.sign(v.pki.Leaf, v.stamp(v.pki.TSA, stamp)...))
	between, before := stamp.Add(time.Hour), stamp.Add(-time.Hour)
	for name, c := range map[string]struct {
		code, tsa authenticode.Limits
		file      []byte
		want      authenticode.Verdict
		says      string
	}{
		"none":                              {file: file, want: authenticode.VerdictTrusted},
		"disabled after the stamp":          {code: authenticode.Limits{Disabled: between}, file: file, want: authenticode.VerdictTrusted},
		"disabled before the stamp":         {code: authenticode.Limits{Disabled: before}, file: file, want: authenticode.VerdictExplicitDistrust, says: "is trusted for code signing up to"},
		"disabled, no stamp":                {code: authenticode.Limits{Disabled: between}, file: v.good(), want: authenticode.VerdictExplicitDistrust, says: "a timestamp from before that day"},
		"authority disabled after":          {tsa: authenticode.Limits{Disabled: between}, file: file, want: authenticode.VerdictTrusted},
		"authority disabled before":         {tsa: authenticode.Limits{Disabled: before}, file: file, want: authenticode.VerdictTimeStamp, says: "is trusted for time stamping up to"},
		"certificate too young":             {code: authenticode.Limits{NotBefore: day("2010-01-01")}, file: file, want: authenticode.VerdictExplicitDistrust, says: "was issued on"},
		"authority's certificate too young": {tsa: authenticode.Limits{NotBefore: day("2010-01-01")}, file: file, want: authenticode.VerdictTimeStamp, says: "was issued on"},
	} {
		t.Run(name, func(t *testing.T) {
			roots := &authenticode.Roots{CodeSigning: authenticode.NewPool(), TimeStamping: authenticode.NewPool()}
			roots.CodeSigning.AddLimited(v.pki.Root, c.code)
			roots.TimeStamping.AddLimited(v.pki.TSARoot, c.tsa)
			r := verifyBytes(t, c.file, authenticode.VerifyOptions{Roots: roots, Allow: authenticode.WindowsOnly()})
			if r.Windows != c.want || !strings.Contains(r.String(), c.says) {
				t.Errorf("want %v, %q:\n%s", c.want, c.says, r)
			}
		})
	}
}
