package certchain_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
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
	const good, bad = certchain.VerdictTrusted, certchain.VerdictExplicitDistrust
	for name, c := range map[string]struct {
		limits certchain.Limits
		leaf   *node
		at     string
		want   certchain.Verdict
	}{
		"no limits":                          {certchain.Limits{}, young, "2026-01-01", good},
		"disabled, signed before":            {certchain.Limits{Disabled: day("2025-01-01")}, old, "2024-12-31", good},
		"disabled, signed on the day":        {certchain.Limits{Disabled: day("2025-01-01")}, old, "2025-01-01", bad},
		"disabled, signed later":             {certchain.Limits{Disabled: day("2025-01-01")}, old, "2026-01-01", bad},
		"to be disabled":                     {certchain.Limits{Disabled: day("2030-01-01")}, old, "2026-01-01", good},
		"not before, older certificate":      {certchain.Limits{NotBefore: day("2022-01-01")}, old, "2026-01-01", good},
		"not before, of that moment":         {certchain.Limits{NotBefore: day("2024-01-01")}, young, "2026-01-01", good},
		"not before, younger certificate":    {certchain.Limits{NotBefore: day("2022-01-01")}, young, "2026-01-01", bad},
		"both, old certificate, old stamp":   {certchain.Limits{Disabled: day("2025-01-01"), NotBefore: day("2022-01-01")}, old, "2024-01-01", good},
		"both, old certificate, new stamp":   {certchain.Limits{Disabled: day("2025-01-01"), NotBefore: day("2022-01-01")}, old, "2026-01-01", bad},
		"both, young certificate, old stamp": {certchain.Limits{Disabled: day("2025-01-01"), NotBefore: day("2022-01-01")}, young, "2024-06-01", bad},
	} {
		t.Run(name, func(t *testing.T) {
			pool := certchain.NewPool()
			pool.AddLimited(root.Certificate, c.limits)
			got := certchain.Build(t.Context(), c.leaf.Certificate, certchain.Options{Time: day(c.at), Anchors: pool, Intermediates: certs(mid)})[0]
			if got.Verdict() != c.want || !got.Anchored {
				t.Errorf("%v, want %v: %v", got.Verdict(), c.want, got.Problems)
			}
		})
	}
}

// TestLimitsStay: who adds the same root once more does not lift its limits.
func TestLimitsStay(t *testing.T) {
	root := grow(t, nil, "root", ca).Certificate
	early, late := certchain.Limits{Disabled: day("2020-01-01")}, certchain.Limits{Disabled: day("2021-01-01"), NotBefore: day("2019-01-01")}
	want := certchain.Limits{Disabled: day("2020-01-01"), NotBefore: day("2019-01-01")}
	for name, fill := range map[string]func(*certchain.Pool){
		"plain before": func(p *certchain.Pool) { p.Add(root); p.AddLimited(root, early); p.AddLimited(root, late) },
		"plain after":  func(p *certchain.Pool) { p.AddLimited(root, late); p.AddLimited(root, early); p.Add(root) },
		"none in limit": func(p *certchain.Pool) {
			p.AddLimited(root, late)
			p.AddLimited(root, certchain.Limits{})
			p.AddLimited(root, early)
		},
	} {
		pool := certchain.NewPool()
		fill(pool)
		if got := pool.Limits(root); got != want || pool.Len() != 1 {
			t.Errorf("%s: %+v, %d anchors", name, got, pool.Len())
		}
		roots := certchain.NewRoots(root)
		roots.Add(&certchain.Roots{CodeSigning: pool})
		if roots.CodeSigning.Limits(root) != want || roots.TimeStamping.Limits(root) != (certchain.Limits{}) {
			t.Errorf("%s: merged to %+v and %+v", name, roots.CodeSigning.Limits(root), roots.TimeStamping.Limits(root))
		}
	}
}
