package authenticode_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// TestVerifyUnderLimits goes through Verify: the stamp's time counts, and the
// authority's root may have limits too.
func TestVerifyUnderLimits(t *testing.T) {
	v := newVfiles(t)
	stamp := time.Now().Add(-2 * time.Hour)
	file := v.read(v.sign(v.pki.Leaf, v.stamp(v.pki.TSA, stamp)...))
	between, before := stamp.Add(time.Hour), stamp.Add(-time.Hour)
	for name, c := range map[string]struct {
		code, tsa certchain.Limits
		file      []byte
		want      authenticode.Verdict
		says      string
	}{
		"none":                              {file: file, want: authenticode.VerdictTrusted},
		"disabled after the stamp":          {code: certchain.Limits{Disabled: between}, file: file, want: authenticode.VerdictTrusted},
		"disabled before the stamp":         {code: certchain.Limits{Disabled: before}, file: file, want: authenticode.VerdictExplicitDistrust, says: "is trusted for code signing up to"},
		"disabled, no stamp":                {code: certchain.Limits{Disabled: between}, file: v.good(), want: authenticode.VerdictExplicitDistrust, says: "a timestamp from before that day"},
		"authority disabled after":          {tsa: certchain.Limits{Disabled: between}, file: file, want: authenticode.VerdictTrusted},
		"authority disabled before":         {tsa: certchain.Limits{Disabled: before}, file: file, want: authenticode.VerdictTimeStamp, says: "is trusted for time stamping up to"},
		"certificate too young":             {code: certchain.Limits{NotBefore: time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)}, file: file, want: authenticode.VerdictExplicitDistrust, says: "was issued on"},
		"authority's certificate too young": {tsa: certchain.Limits{NotBefore: time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)}, file: file, want: authenticode.VerdictTimeStamp, says: "was issued on"},
	} {
		t.Run(name, func(t *testing.T) {
			roots := &certchain.Roots{CodeSigning: certchain.NewPool(), TimeStamping: certchain.NewPool()}
			roots.CodeSigning.AddLimited(v.pki.Root, c.code)
			roots.TimeStamping.AddLimited(v.pki.TSARoot, c.tsa)
			r := verifyBytes(t, c.file, authenticode.VerifyOptions{Roots: roots, Allow: authenticode.WindowsOnly()})
			if r.Windows != c.want || !strings.Contains(r.String(), c.says) {
				t.Errorf("want %v, %q:\n%s", c.want, c.says, r)
			}
		})
	}
}
