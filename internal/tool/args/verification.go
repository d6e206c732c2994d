package args

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/fetch"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/regular"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Verification says how files are judged.
type Verification struct {
	In string
	// Roots and TimestampRoots are comma-separated lists of certificate
	// files, trusted beside the usual roots, or instead of them with Only.
	Roots, TimestampRoots string
	Only                  bool
	// Lists are Microsoft's; the zero value is the user's store.
	Lists trust.Store
	// Catalogs is a comma-separated list of catalogs for files without a
	// signature of their own.
	Catalogs string
	// CRLs and OCSP are comma-separated lists of files with revocation lists
	// and OCSP responses; Online asks the addresses in the certificates.
	CRLs, OCSP string
	Online     bool
	// Publisher, Class, Thumbprints and EKUs (both comma-separated lists) say
	// what the first signature's certificate has to be; see
	// authenticode.Require.
	Publisher, Class, Thumbprints, EKUs string
	// Policy is what is asked of a signature: authenticode (or empty) for what
	// Windows wants of any program, kernel for what it wants of a driver too,
	// firmware for what UEFI firmware does without.
	Policy string
	// Strict makes count what Windows lets pass; Allow is a comma-separated
	// list of checks that only warn all the same.
	Strict bool
	Allow  string
	// HashOnly compares digests and leaves trust aside.
	HashOnly bool
	// JSON prints the reports as JSON instead of text.
	JSON bool
}

// Options reads the flags and what they name.
func (v Verification) Options() (authenticode.VerifyOptions, error) {
	o := authenticode.VerifyOptions{HashOnly: v.HashOnly, AsWindows: !v.Strict, Firmware: v.Policy == "firmware"}
	var err error
	if o.LoadRoots, err = v.loadRoots(); err != nil {
		return o, err
	}
	if o.Allow, err = allowed(v.Allow); err != nil {
		return o, err
	}
	if o.Require, err = v.require(); err != nil {
		return o, err
	}
	if o.Kernel, err = v.kernel(); err != nil {
		return o, err
	}
	if o.Disallowed, err = v.Lists.Disallowed(); err != nil {
		return o, err
	}
	if o.Revocation, err = v.revocation(); err != nil {
		return o, err
	}
	if v.Online {
		o.Fetcher = fetch.New(filepath.Join(".hallmark", "fetched"))
	}
	o.Catalogs, err = v.catalogs()
	return o, err
}

// kernel is the policy on drivers, if it is asked for.
func (v Verification) kernel() (*certchain.KernelRoots, error) {
	kernel, err := Choice("policy", v.Policy, map[string]bool{"": false, "authenticode": false, "kernel": true, "firmware": false})
	if err != nil || !kernel {
		return nil, err
	}
	if v.HashOnly {
		return nil, fault.New(fault.Usage, "-hashonly ignores the signer, so -policy=kernel has no effect with it").Hint("leave -hashonly out")
	}
	return certchain.BuiltinKernelRoots()
}

// require is the policy on the publisher. What could never be met is refused:
// it is mistyped.
func (v Verification) require() (q authenticode.Require, err error) {
	if v.HashOnly && (v.Publisher+v.Class+v.Thumbprints+v.EKUs+v.CRLs+v.OCSP != "" || v.Online) {
		return q, fault.New(fault.Usage, "-hashonly ignores the signer, so -publisher, -class, -thumbprint, -eku, -crl, -ocsp and -online have no effect with it").
			Hint("leave -hashonly out")
	}
	if v.Publisher != "" {
		q.Publishers = []string{v.Publisher}
	}
	if v.Class != "" {
		if q.Classes, err = authenticode.ClassesNamed(v.Class); err != nil {
			return q, fault.New(fault.Usage, "-class: %w", err)
		}
	}
	for _, t := range List(v.Thumbprints) {
		b, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(t))
		if err != nil || len(b) != sha1.Size && len(b) != sha256.Size {
			return q, fault.New(fault.Usage, "-thumbprint: %q is not a thumbprint", t).Hint("a SHA-1 or SHA-256 in hexadecimal, as file:inspect prints it")
		}
		q.Thumbprints = append(q.Thumbprints, t)
	}
	for _, e := range List(v.EKUs) {
		if !dotted.MatchString(e) {
			return q, fault.New(fault.Usage, "-eku: %q is not an object identifier", e).Hint("dotted numbers, such as 1.3.6.1.5.5.7.3.3")
		}
		q.EKUs = append(q.EKUs, e)
	}
	return q, nil
}

var dotted = regexp.MustCompile(`^[0-2](\.(0|[1-9][0-9]*))+$`)

// revocation reads what is at hand. Who gives or asks for something wants an
// answer: an unknown status is then an error.
func (v Verification) revocation() (certchain.Revocation, error) {
	r, err := trust.Revocation(List(v.CRLs), List(v.OCSP))
	r.Need = v.Online || len(r.CRLs)+len(r.OCSP) > 0
	return r, err
}

func (v Verification) catalogs() (authenticode.Catalogs, error) {
	files := List(v.Catalogs)
	if len(files) == 0 {
		return nil, nil
	}
	set := catalog.NewSet()
	var errs []error
	for _, f := range files {
		b, err := regular.Read(f, 0)
		if err == nil {
			err = set.Add(f, b) // names the catalog
		}
		if err != nil {
			errs = append(errs, fault.New(fault.Usage, "reading a catalog: %w", err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return set, nil
}

// allowed reads the checks that only warn; windows stands for all that Windows
// does not make.
func allowed(names string) ([]authenticode.Check, error) {
	known := authenticode.WindowsOnly()
	var out []authenticode.Check
	for _, name := range List(names) {
		switch c := authenticode.Check(name); {
		case name == "windows":
			out = append(out, known...)
		case slices.Contains(known, c):
			out = append(out, c)
		default:
			return nil, fault.New(fault.Usage, "-allow: %q is not a check that can be allowed", name).
				Hint("windows for all of them, or some of %v", known)
		}
	}
	return out, nil
}

// loadRoots begins to read the trust anchors, which takes as long as hashing ten
// megabytes. What is wrong with the user's own is said at once.
func (v Verification) loadRoots() (func() (*certchain.Roots, error), error) {
	t := Trusted{v.Roots, v.TimestampRoots, v.Only, v.Lists}
	if t.Only || t.Roots+t.TimestampRoots != "" {
		own := t
		own.Only = true
		if _, err := own.Open(); err != nil {
			return nil, err
		}
	}
	load := sync.OnceValues(t.Open)
	go load()
	return load, nil
}

// Refuse turns a report that is not good in every respect into an error.
func Refuse(report *authenticode.Report) error {
	if report.Trusted {
		return nil
	}
	var why []string
	for _, f := range report.Problems() {
		why = append(why, f.String())
	}
	if len(why) == 0 {
		why = append(why, "not trusted")
	}
	err := fault.New(fault.Verification, "refused (Windows: %s %s): %s", report.Windows, report.Windows.Code(), strings.Join(why, "; "))
	if nameTestRoot(report) {
		err.Hint("%s", testRootHint)
	}
	return err
}

const testRootHint = "signed by the test identity, whose root is made anew on each machine and trusted by none: -roots=dist/test-root.pem trusts it here"

// nameTestRoot says in the report what would make a signature of the test
// identity good, and whether it is one.
func nameTestRoot(report *authenticode.Report) bool {
	found := false
	for _, s := range report.Signatures {
		if s.Signer == nil || !strings.HasPrefix(s.Signer.IssuerName, identity.TestName+" (") {
			continue
		}
		for i := range s.Findings {
			if v := s.Findings[i].Verdict; v == authenticode.VerdictUntrustedRoot || v == authenticode.VerdictChaining {
				s.Findings[i].Hint, found = testRootHint, true
			}
		}
	}
	return found
}
