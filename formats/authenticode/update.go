package authenticode

import (
	"context"
	"io"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Update writes the PE file in src to dst with its PKCS#7 blob changed, for example by SetToken or AddCertificatesTo, and CheckSum put right. Further
// entries of the certificate table stay as they are. It returns the new blob.
func Update(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, change func(p7 []byte) ([]byte, error)) ([]byte, error) {
	s, err := openSigned(src, size)
	if err != nil {
		return nil, err
	}
	p7, err := change(s.pkcs7)
	if err != nil {
		return nil, err
	}
	out, err := newOutput(dst)
	if err != nil {
		return nil, err
	}
	if err := s.read(ctx, peimage.Request{Checksum: true}, out); err != nil {
		return nil, err
	}
	_, err = s.write(ctx, out, p7, s.others)
	return p7, err
}

// Timestamp is Update with SetToken: it attaches an RFC 3161 token to the signature with the given index of a signed file.
func Timestamp(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, index int, token []byte) ([]byte, error) {
	return Update(ctx, src, size, dst, func(p7 []byte) ([]byte, error) { return SetToken(p7, index, token) })
}
