// Package trust puts together the roots by which releases and files are
// judged: the built-in ones, those of the system, those of Microsoft's root
// programme once they have been fetched, and those that the user names.
package trust

import (
	"cmp"
	"crypto/x509"
	"errors"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
)

// Options say which roots are trusted.
type Options struct {
	// CodeSigning and TimeStamping are files of certificates, PEM, DER or PKCS#7, for one purpose each; Both are for both.
	CodeSigning, TimeStamping, Both []string
	// Only trusts nothing but these files.
	Only bool
	// From says in reports where these files were named; "" is -roots.
	From string
	// TestRoot is the file with the root of the test identity, if it is trusted.
	TestRoot string
	// Store holds Microsoft's lists; the zero value is the user's own.
	Store Store
}

// What reports call the sources of roots.
const (
	fromBuiltin = "built in"
	fromSystem  = "the system's roots"
	fromFlag    = "-roots"
	fromTest    = "the test root of this project"
)

// Roots reads the roots. Every file that cannot be read is reported.
//
// The system's roots count for both purposes: the bundles of Linux and macOS do not say what a root is trusted for
// (and lack most roots that are for code signing alone). On Windows the store says it and is obeyed.
func Roots(o Options) (*certchain.Roots, error) {
	roots := certchain.NewRoots()
	if !o.Only {
		usual, err := Defaults(o.Store)
		if err != nil {
			return nil, err
		}
		roots.Add(usual)
	}
	const reading = "reading roots"
	code, err1 := Certificates(reading, o.CodeSigning)
	stamp, err2 := Certificates(reading, o.TimeStamping)
	both, err3 := Certificates(reading, o.Both)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	own := certchain.NewRoots(both...)
	own.CodeSigning.Add(code...)
	own.TimeStamping.Add(stamp...)
	own.Label(cmp.Or(o.From, fromFlag))
	roots.Add(own)
	if o.TestRoot == "" {
		return roots, nil
	}
	test, err := Certificates(reading, []string{o.TestRoot})
	if err != nil {
		return nil, err
	}
	own = certchain.NewRoots(test...)
	own.Label(fromTest)
	roots.Add(own)
	return roots, nil
}

// Defaults are the roots that are trusted where no others are named: built in, of the system, and those of Microsoft's
// list, if the store has it.
func Defaults(store Store) (*certchain.Roots, error) {
	roots, err := certchain.BuiltinRoots()
	if err != nil {
		return nil, err
	}
	roots.Label(fromBuiltin)
	system, err := System()
	if err != nil {
		return nil, err
	}
	system.Label(fromSystem)
	roots.Add(system)
	list, err := store.List()
	if err != nil || list == nil {
		return roots, err
	}
	more, err := list.Roots()
	if err != nil {
		return nil, store.wrong(err)
	}
	more.Label("Microsoft's list of " + list.Issued.Format(time.DateOnly))
	roots.Add(more)
	return roots, nil
}

// Certificates reads certificate files: PEM, DER or PKCS#7. Every file that cannot be read is reported, after what, such
// as "reading roots". Status Usage.
func Certificates(what string, names []string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	var errs []error
	for _, name := range names {
		b, err := regular.Read(name, 0)
		if err != nil {
			errs = append(errs, fault.New(fault.Usage, "%s: %w", what, err))
			continue
		}
		certs, err := certchain.ParseCertificates(b)
		if err != nil {
			errs = append(errs, fault.New(fault.Usage, "%s: %s: %v", what, name, err).Hint("the file must hold X.509 certificates as PEM, DER or PKCS#7"))
			continue
		}
		out = append(out, certs...)
	}
	return out, errors.Join(errs...)
}
