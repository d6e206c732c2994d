package step

import (
	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// TestRoot is where the root of the test identity is exported to, as PEM
// (.pem) and DER (.cer), for other tools that are to trust it.
const TestRoot = Dist + "/test-root"

// UsesTestIdentity tells whether the release is signed by the throw-away
// identity.
func (r *Run) UsesTestIdentity() bool {
	return r.Spec.Sign != nil && r.Spec.Sign.Identity == identity.KindTest
}

// Roots are the trust anchors of this release: the usual ones unless the spec
// wants only its own, those of the spec, and the test root of a test release.
func (r *Run) Roots() (*authenticode.Roots, error) {
	o := trust.Options{Fetched: r.Abs(StateDir + "/" + trust.File)}
	if v := r.Spec.Verify; v != nil {
		o.Only = v.OnlyTheseRoots
		o.CodeSigning, o.TimeStamping = r.absAll(v.Roots), r.absAll(v.TimestampRoots)
	}
	if r.UsesTestIdentity() {
		o.Both = []string{r.Abs(TestRoot + ".pem")}
	}
	return trust.Roots(o)
}

func (r *Run) absAll(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = r.Abs(p)
	}
	return out
}
