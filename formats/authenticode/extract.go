package authenticode

import (
	"errors"
	"io"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// ErrUnsigned: the file has no signature.
var ErrUnsigned = errors.New("the file is not signed")

// Extract returns the PKCS#7 blob (DER, without padding) of the PE file in src, all
// nested signatures in it. The error is ErrUnsigned for a file without one.
func Extract(src io.ReaderAt, size int64) (PKCS7, error) {
	s, err := openSigned(src, size)
	if err != nil {
		return nil, err
	}
	return s.pkcs7, nil
}

// unsigned is ErrUnsigned, inside a *StaleError where half an entry is left of a table.
func unsigned(im *peimage.Image) error {
	if stale := im.Stale(); stale != nil {
		return &StaleError{stale, ErrUnsigned}
	}
	return ErrUnsigned
}

func openSigned(src io.ReaderAt, size int64) (*subject, error) {
	s, err := openSubject(src, size, ExistingAppend)
	switch {
	case err != nil:
		return nil, err
	case !s.image.HasSignature():
		return nil, unsigned(s.image)
	case s.damaged != nil:
		return nil, s.damaged
	}
	return s, nil
}
