package authenticode_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func TestJudgeAdditional(t *testing.T) {
	p := formatstest.NewPKI(t)
	kernel := *p.CrossRoot
	kernel.Issuer.CommonName = "Microsoft Code Verification Root"
	oldHash := *p.CrossRoot
	oldHash.SignatureAlgorithm = x509.SHA1WithRSA
	anchors := certchain.NewPool(p.Root, p.UntrustedRoot)
	sum := func(c *x509.Certificate) string { return fmt.Sprintf("% X", sha1.Sum(c.Raw)) }
	cases := map[string]struct {
		extra    []*x509.Certificate
		now      time.Time
		root     string
		errors   []string // texts that the errors hold
		warnings []string
		paths    int
	}{
		"nothing":                        {paths: 1},
		"the cross-certificate":          {extra: []*x509.Certificate{p.CrossRoot}, paths: 2},
		"the intermediate again":         {extra: []*x509.Certificate{p.Intermediate}, paths: 1},
		"a leaf":                         {extra: []*x509.Certificate{p.Second.Certificate}, errors: []string{"not the certificate of a CA", "no path"}, paths: 1},
		"an authority of something else": {extra: []*x509.Certificate{p.TSARoot}, warnings: []string{"self-signed"}, paths: 1},
		"the root":                       {extra: []*x509.Certificate{p.Root}, warnings: []string{"self-signed"}, paths: 1},
		"expired":                        {extra: []*x509.Certificate{p.CrossRoot}, now: p.CrossRoot.NotAfter.AddDate(0, 0, 1), errors: []string{"expired"}, paths: 2},
		"not valid yet":                  {extra: []*x509.Certificate{p.CrossRoot}, now: p.CrossRoot.NotBefore.AddDate(0, 0, -1), errors: []string{"valid from"}, paths: 2},
		"a kernel cross-certificate":     {extra: []*x509.Certificate{&kernel}, errors: []string{"Microsoft Code Verification Root"}, paths: 2},
		"signed with SHA-1":              {extra: []*x509.Certificate{&oldHash}, warnings: []string{"SHA"}, paths: 2},
		"path to the root":               {root: sum(p.Root), paths: 1},
		"path to the other root":         {extra: []*x509.Certificate{p.CrossRoot}, root: strings.ToLower(sum(p.UntrustedRoot)), paths: 2},
		"no path to the other root":      {root: fmt.Sprintf("%x", sha256.Sum256(p.UntrustedRoot.Raw)), errors: []string{"no embedded path"}, paths: 1},
		"not a thumbprint":               {root: "abc", errors: []string{"not a SHA-1 or SHA-256 thumbprint"}, paths: 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := authenticode.JudgeAdditional(c.extra, authenticode.AdditionalOptions{
				Leaf: p.Leaf.Certificate, Embedded: p.Leaf.Chain, Time: c.now, Anchors: anchors, RequirePathTo: c.root})
			wantFindings(t, r, authenticode.SeverityError, c.errors)
			wantFindings(t, r, authenticode.SeverityWarning, c.warnings)
			if (r.Err() != nil) != (len(c.errors) > 0) {
				t.Errorf("Err is %v", r.Err())
			}
			if len(r.Paths) != c.paths {
				t.Errorf("%d paths, want %d: %v", len(r.Paths), c.paths, r.Paths)
			}
		})
	}
}

func wantFindings(t *testing.T, r *authenticode.AdditionalReport, s authenticode.Severity, texts []string) {
	t.Helper()
	var got []string
	for _, f := range r.Findings {
		if f.Severity == s {
			got = append(got, f.Message)
		}
	}
	if len(got) != len(texts) {
		t.Errorf("%s: %q, want %d", s, got, len(texts))
		return
	}
	for i, text := range texts {
		if !strings.Contains(got[i], text) {
			t.Errorf("%s: %q, want one with %q", s, got[i], text)
		}
	}
}

func TestPathsNameTheirAnchors(t *testing.T) {
	p := formatstest.NewPKI(t)
	r := authenticode.JudgeAdditional([]*x509.Certificate{p.CrossRoot}, authenticode.AdditionalOptions{
		Leaf: p.Leaf.Certificate, Embedded: p.Leaf.Chain, Anchors: certchain.NewPool(p.Root)})
	var lines []string
	for _, path := range r.Paths {
		lines = append(lines, path.String())
	}
	all := strings.Join(lines, "\n")
	known := fmt.Sprintf("[%s, SHA-1 %x]", p.Root.Subject.CommonName, sha1.Sum(p.Root.Raw))
	unknown := "[" + p.UntrustedRoot.Subject.CommonName + "]"
	if !strings.Contains(all, known) || !strings.Contains(all, unknown) {
		t.Errorf("paths are\n%s\nwant one to %s and one to %s", all, known, unknown)
	}
}
