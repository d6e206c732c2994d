package step

import (
	"path"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Dist is the output folder, relative to the project.
const Dist = "dist"

// LedgerPath, SumsPath and the folders below are where things are, relative to
// the project and with slashes.
const (
	LedgerPath  = Dist + "/release.json"
	PackageDir  = Dist + "/package"
	SumsPath    = PackageDir + "/SHA256SUMS"
	BuildDir    = Dist + "/build"
	StageDir    = Dist + "/stage"
	ReleaseDir  = Dist + "/release"
	EvidenceDir = Dist + "/evidence"
	CatalogDir  = Dist + "/catalog"
	WDACDir     = Dist + "/wdac"
	PortalDir   = Dist + "/portal"
	StateDir    = ".hallmark"
)

// Ours are the folders of the project that hold what a release writes, relative
// to it.
func (r *Run) Ours() []string { return []string{Dist, StateDir} }

// Abs turns a path relative to the project into one for the operating system.
func (r *Run) Abs(p string) string {
	if filepath.IsAbs(p) {
		return filepath.FromSlash(p)
	}
	return filepath.Join(r.Root, filepath.FromSlash(p))
}

// Stamped is where the program with its resources is: the bytes that are
// signed. Without resources these are the bytes of the build.
func (r *Run) Stamped(a ledger.Artifact) string {
	if r.Spec.Resources == nil {
		return a.Path
	}
	return path.Join(StageDir, "resources", a.File())
}

// Signature is where the named step (sign, crosscert, timestamp) leaves the
// PKCS#7 signature of the program.
func (r *Run) Signature(stepName string, a ledger.Artifact) string {
	return path.Join(StageDir, stepName, a.File()+".p7s")
}

// SignatureBefore is the signature that the named step starts from, which is
// that of the nearest earlier step that is on; "" when the release is not
// signed. SignatureBefore("attach", a) is the finished one.
func (r *Run) SignatureBefore(stepName string, a ledger.Artifact) string {
	last := ""
	for _, s := range []struct {
		name string
		on   bool
	}{
		{"sign", Signs(r.Spec)},
		{"crosscert", CrossCertifies(r.Spec)},
		{"timestamp", Timestamps(r.Spec)},
	} {
		if s.name == stepName {
			break
		}
		if s.on {
			last = r.Signature(s.name, a)
		}
	}
	return last
}

// Released is where the finished program is.
func (r *Run) Released(a ledger.Artifact) string {
	return path.Join(ReleaseDir, a.File())
}

// Evidence is the path of a piece of evidence about the program, such as
// verify.txt.
func (r *Run) Evidence(a ledger.Artifact, kind string) string {
	return path.Join(EvidenceDir, a.File()+"."+kind)
}

// Signs, CrossCertifies and Timestamps tell which of the three steps that make
// up a signature are on.
func Signs(s *spec.Spec) bool { return s.Sign != nil }

func CrossCertifies(s *spec.Spec) bool {
	return s.Sign != nil && (len(s.Sign.AdditionalCerts) > 0 || s.Sign.RequirePathTo != "")
}

func Timestamps(s *spec.Spec) bool { return s.Sign != nil && s.Timestamp != nil }

// Slashed are paths of the spec as inputs of a unit.
func Slashed(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = filepath.ToSlash(p)
	}
	return out
}

// Relative is the opposite of Abs: a path as the ledger has it. One outside the
// project stays absolute.
func (r *Run) Relative(abs string) string {
	if rel, err := filepath.Rel(r.Root, abs); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(abs)
}
