package rules

import (
	"context"
	"crypto"
	_ "crypto/sha1" // part of every policy
	_ "crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/formats/peimage/resource"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// subsystemNative is IMAGE_SUBSYSTEM_NATIVE (PE Format, "Windows Subsystem").
const subsystemNative = 1

var hashes = []crypto.Hash{crypto.SHA1, crypto.SHA256}

// Inspect finds out what App Control sees of the file of size bytes in r. The
// file is read once, in pieces. Path is what the result says.
func Inspect(ctx context.Context, path string, r io.ReaderAt, size int64) (File, error) {
	f := File{Path: path, Size: size}
	im, err := peimage.Parse(r, size)
	var format *peimage.FormatError
	switch {
	case err == nil:
		err = f.pe(ctx, im, r)
	case errors.As(err, &format):
		err = f.flat(ctx, r)
	}
	if err != nil {
		return File{}, err
	}
	return f, nil
}

// InspectFile is Inspect for a file on disk.
func InspectFile(ctx context.Context, name, path string) (File, error) {
	r, err := os.Open(name)
	if err != nil {
		return File{}, err
	}
	defer r.Close()
	st, err := r.Stat()
	if err != nil {
		return File{}, err
	}
	if !st.Mode().IsRegular() {
		return File{}, fmt.Errorf("%s is not a regular file", printable.Text(name))
	}
	return Inspect(ctx, path, r, st.Size())
}

func (f *File) pe(ctx context.Context, im *peimage.Image, r io.ReaderAt) error {
	d, err := im.Digest(ctx, r, peimage.Request{Authentihash: hashes, FirstPage: hashes})
	var format *peimage.FormatError
	if errors.As(err, &format) {
		// Windows hashes what it cannot lay out as a PE byte by byte.
		f.Notes = append(f.Notes, "not laid out as a PE: "+err.Error())
		return f.flat(ctx, r)
	}
	if err != nil {
		return err
	}
	f.PE, f.Native = true, im.Subsystem == subsystemNative
	f.SHA1, f.SHA256 = d.Authentihash[crypto.SHA1], d.Authentihash[crypto.SHA256]
	f.PageSHA1, f.PageSHA256 = d.FirstPage[crypto.SHA1], d.FirstPage[crypto.SHA256]
	f.version(im, r)
	return f.signatures(ctx, im, r)
}

func (f *File) version(im *peimage.Image, r io.ReaderAt) {
	v, err := resource.ReadVersion(im, r)
	if err != nil {
		f.Notes = append(f.Notes, "version resource: "+err.Error())
		return
	}
	if v == nil {
		return
	}
	f.FileVersion = cipolicy.NewVersion(v.File[0], v.File[1], v.File[2], v.File[3]).String()
	texts := v.First()
	f.OriginalFilename, f.InternalName = texts["OriginalFilename"], texts["InternalName"]
	f.FileDescription, f.ProductName = texts["FileDescription"], texts["ProductName"]
}

// flat hashes all bytes of the file.
func (f *File) flat(ctx context.Context, r io.ReaderAt) error {
	sums := []hash.Hash{crypto.SHA1.New(), crypto.SHA256.New()}
	src := io.NewSectionReader(r, 0, f.Size)
	buf := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.Read(buf)
		for _, s := range sums {
			s.Write(buf[:n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	f.SHA1, f.SHA256 = sums[0].Sum(nil), sums[1].Sum(nil)
	return nil
}
