package step

import (
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// TestRoot is where the root of the test identity is exported to, as PEM
// (.pem) and DER (.cer), for other tools that are to trust it.
const TestRoot = Dist + "/test-root"

// UsesTestIdentity reports whether the release is signed by the throw-away
// identity.
func (r *Run) UsesTestIdentity() bool {
	return r.Spec.Sign != nil && r.Spec.Sign.Identity == identity.KindTest
}

// Roots are the trust anchors of this release: the usual ones unless the spec
// needs only its own, those of the spec, and the test root of a test release.
func (r *Run) Roots() (*certchain.Roots, error) {
	o := trust.Options{Store: r.Lists, From: "release.yaml"}
	if v := r.Spec.Verify; v != nil {
		o.Only = v.OnlyTheseRoots
		o.CodeSigning, o.TimeStamping = r.AbsAll(v.Roots), r.AbsAll(v.TimestampRoots)
	}
	if r.UsesTestIdentity() {
		o.TestRoot = r.Abs(TestRoot + ".pem")
	}
	return trust.Roots(o)
}

// Disallowed are the certificates that are not trusted in any case, as far as Microsoft's list
// of them has been fetched.
func (r *Run) Disallowed() (*certchain.Disallowed, error) {
	return r.Lists.Disallowed()
}

// RootFiles are the files of the project that Roots reads, as inputs of a unit.
// Microsoft's lists are not among them, see ListsID.
func (r *Run) RootFiles() []string {
	var files []string
	v := r.Spec.Verify
	if v != nil {
		files = append(Slashed(v.Roots), Slashed(v.TimestampRoots)...)
	}
	if r.UsesTestIdentity() {
		files = append(files, TestRoot+".pem")
	}
	return files
}

// ListsID tells one state of Microsoft's lists from another, for the settings of
// a unit that judges by them: they lie outside the project.
func (r *Run) ListsID() (string, error) { return r.Lists.ID() }

// AbsAll resolves paths against the project.
func (r *Run) AbsAll(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = r.Abs(p)
	}
	return out
}
