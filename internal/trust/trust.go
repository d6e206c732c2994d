// Package trust puts together the roots by which releases and files are
// judged: the built-in ones, those of the system, those of Microsoft's root
// programme once they have been fetched, and those that the user names.
package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"

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
	// Fetched is the file that Update has written; it may be missing.
	Fetched string
}

// Roots reads the roots. Every file that cannot be read is reported.
//
// The system's roots count for both purposes: the bundles of Linux and macOS do not say what a root is trusted for
// (and lack most roots that are for code signing alone). On Windows the store says it and is obeyed.
func Roots(o Options) (*certchain.Roots, error) {
	roots := certchain.NewRoots()
	if !o.Only {
		usual, err := Defaults(o.Fetched)
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
	roots.CodeSigning.Add(append(code, both...)...)
	roots.TimeStamping.Add(append(stamp, both...)...)
	return roots, nil
}

// File is the name under which the fetched roots are kept in the state folder.
const File = "roots.json"

// Defaults are the roots that are trusted where nobody says otherwise: built in, of the system, and fetched from
// Microsoft's programme, if the file fetched exists.
func Defaults(fetched string) (*certchain.Roots, error) {
	roots, err := certchain.BuiltinRoots()
	if err != nil {
		return nil, err
	}
	system, err := System()
	if err != nil {
		return nil, err
	}
	roots.Add(system)
	list, err := ReadList(fetched)
	if errors.Is(err, os.ErrNotExist) {
		return roots, nil
	}
	if err != nil {
		return nil, err
	}
	more, err := list.Roots()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %v", fetched, err)
	}
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
