package authenticode_test

import (
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// TestPoolsAreSeparate: a root of one purpose is worth nothing for the other.
func TestPoolsAreSeparate(t *testing.T) {
	v := newVfiles(t)
	b := v.stampedFile()
	both := v.roots()
	for name, c := range map[string]struct {
		roots   *certchain.Roots
		verdict authenticode.Verdict
	}{
		"each in its pool":      {both, authenticode.VerdictTrusted},
		"exchanged":             {&certchain.Roots{CodeSigning: both.TimeStamping, TimeStamping: both.CodeSigning}, authenticode.VerdictChaining},
		"no time stamping root": {&certchain.Roots{CodeSigning: both.CodeSigning}, authenticode.VerdictTimeStamp},
		"no code signing root":  {&certchain.Roots{TimeStamping: both.TimeStamping}, authenticode.VerdictChaining},
		"nobody":                {&certchain.Roots{}, authenticode.VerdictChaining},
		"built-in":              {nil, authenticode.VerdictChaining},
	} {
		t.Run(name, func(t *testing.T) {
			if r := verifyBytes(t, b, authenticode.VerifyOptions{Roots: c.roots}); r.Windows != c.verdict || r.Trusted != (c.verdict == 0) {
				t.Errorf("verdict is %v, want %v\n%s", r.Windows, c.verdict, r)
			}
		})
	}
}
