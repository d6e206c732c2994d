package authenticode

import (
	"errors"
	"io"
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

func openSigned(src io.ReaderAt, size int64) (*subject, error) {
	s, err := openSubject(src, size)
	switch {
	case err != nil:
		return nil, err
	case !s.image.HasSignature():
		return nil, ErrUnsigned
	case s.damaged != nil:
		return nil, s.damaged
	}
	return s, nil
}
