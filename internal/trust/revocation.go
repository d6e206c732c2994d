package trust

import (
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
)

// Revocation reads files with revocation lists (DER or PEM) and with OCSP responses (DER). Every one that cannot be read
// is reported. Status Usage.
func Revocation(crls, ocsp []string) (certchain.Revocation, error) {
	var r certchain.Revocation
	var bad [2]error
	r.CRLs, bad[0] = readAll("revocation list", crls, func(b []byte) error {
		_, err := certchain.ParseCRLs(b)
		return err
	})
	r.OCSP, bad[1] = readAll("OCSP response", ocsp, certchain.CheckOCSP)
	return r, errors.Join(bad[:]...)
}

func readAll(what string, names []string, check func([]byte) error) ([][]byte, error) {
	var out [][]byte
	var errs []error
	for _, name := range names {
		b, err := regular.Read(name, 0)
		if err == nil {
			if err = check(b); err != nil {
				err = fmt.Errorf("%s: %w", printable.Text(name), err)
			}
		}
		if err != nil {
			errs = append(errs, fault.New(fault.Usage, "reading %s: %w", what, err))
			continue
		}
		out = append(out, b)
	}
	return out, errors.Join(errs...)
}
