package authenticode

import (
	"context"
	"io"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Update writes the PE file in src to dst with its signatures changed, for example
// by [PKCS7.AddCertificates], and CheckSum put right. dst starts empty. Further
// entries of the certificate table stay as they are. It returns the new block.
func Update(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, change func(PKCS7) (PKCS7, error)) (PKCS7, error) {
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

// Timestamp is [Update] with [PKCS7.SetToken]: it attaches an RFC 3161 token to the
// signature with the given index of a signed file. Get the token with an
// rfc3161.Client for the [PKCS7.SignatureValue].
func Timestamp(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, index int, token []byte) (PKCS7, error) {
	return Update(ctx, src, size, dst, func(p PKCS7) (PKCS7, error) { return p.SetToken(index, token) })
}
