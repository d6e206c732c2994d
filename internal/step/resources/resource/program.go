package resource

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/tc-hib/winres"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// ErrSigned is a program that carries an Authenticode signature already.
// Resources would break it.
var ErrSigned = errors.New("the program is signed already; resources must be put in before signing")

// maxResources bounds the existing resources that are loaded, in bytes.
const maxResources = 256 << 20

// Offsets of SizeOfInitializedData and of the fields before it, from the PE
// signature (PE format, "COFF File Header" and "Optional Header Standard
// Fields"; equal for PE32 and PE32+).
const initializedOffset = 4 + 20 + 8

// program is what has to be known of a program's layout.
type program struct {
	*peimage.Image
	resources *peimage.Section // nil: the program has none
}

// inspect judges whether resources can be put into the program without losing
// anything.
func inspect(src io.ReaderAt, size int64) (*program, error) {
	im, err := peimage.Parse(src, size)
	if err != nil {
		return nil, err
	}
	if im.HasSignature() || im.CertTable.Size > 0 {
		return nil, ErrSigned
	}
	if err := im.Check(); err != nil {
		return nil, err
	}
	if im.Overlay.Size > 0 {
		return nil, fmt.Errorf("%d bytes follow the last section (at byte %d), such as an installer's payload; they would be lost", im.Overlay.Size, im.Overlay.Offset)
	}
	rsrc, err := resourceSection(im)
	return &program{im, rsrc}, err
}

// resourceSection finds the section of the resources. It must be the last one:
// the section writer would otherwise displace what follows, and with it the
// addresses that the code holds.
func resourceSection(im *peimage.Image) (*peimage.Section, error) {
	if len(im.Directories) <= peimage.DirectoryResource {
		return nil, nil
	}
	dir := im.Directories[peimage.DirectoryResource]
	if dir.Address == 0 && dir.Size == 0 {
		return nil, nil
	}
	for i, s := range im.Sections {
		if s.VirtualAddress != dir.Address {
			continue
		}
		if i != len(im.Sections)-1 {
			return nil, fmt.Errorf("section %s follows the existing resources, which therefore cannot grow", im.Sections[i+1].Name)
		}
		if s.SizeOfRawData > maxResources {
			return nil, fmt.Errorf("the existing resources have %d bytes, more than %d", s.SizeOfRawData, maxResources)
		}
		return &im.Sections[i], nil
	}
	return nil, fmt.Errorf("the existing resources (at address %#x) have no section of their own", dir.Address)
}

// write copies the program with the resource section added or replaced, then
// puts right what the section writer leaves wrong: it counts a new section
// twice in SizeOfInitializedData.
func write(ctx context.Context, dst File, src io.ReaderAt, img *program, rs *winres.ResourceSet) (err error) {
	defer guard("writing the resources", &err)
	out := io.NewOffsetWriter(dst, 0)
	in := io.NewSectionReader(&cancelReader{ctx, src}, 0, img.Size)
	if err := rs.WriteToEXE(out, in); err != nil {
		return fmt.Errorf("writing the resources: %w", err)
	}
	size, err := out.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("writing the resources: %w", err)
	}
	made, err := peimage.Parse(dst, size)
	if err != nil {
		return fmt.Errorf("reading back the program: %w", err)
	}
	now, err := resourceSection(made)
	if err != nil || now == nil {
		return fmt.Errorf("reading back the program: the resources are missing (%v)", err)
	}
	if err := fixInitialized(dst, src, img, now.SizeOfRawData); err != nil {
		return err
	}
	return fixChecksum(ctx, dst, made)
}

func fixInitialized(dst io.WriterAt, src io.ReaderAt, img *program, now uint32) error {
	at := img.HeaderOffset + initializedOffset
	var b [4]byte
	if _, err := src.ReadAt(b[:], at); err != nil {
		return fmt.Errorf("reading SizeOfInitializedData: %w", err)
	}
	sum := binary.LittleEndian.Uint32(b[:]) + now
	if img.resources != nil {
		sum -= img.resources.SizeOfRawData
	}
	return putUint32(dst, at, sum)
}

// fixChecksum renews the checksum of a program that has one. Go's linker
// writes none.
func fixChecksum(ctx context.Context, dst File, made *peimage.Image) error {
	if made.CheckSum == 0 {
		return nil
	}
	d, err := made.Digest(ctx, dst, peimage.Request{Checksum: true})
	if err != nil {
		return fmt.Errorf("computing the checksum: %w", err)
	}
	return putUint32(dst, made.ChecksumOffset, d.Checksum)
}

func putUint32(dst io.WriterAt, at int64, v uint32) error {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	if _, err := dst.WriteAt(b[:], at); err != nil {
		return fmt.Errorf("writing the program's headers: %w", err)
	}
	return nil
}

// cancelReader ends a long copy when the context ends.
type cancelReader struct {
	ctx context.Context
	r   io.ReaderAt
}

func (c *cancelReader) ReadAt(p []byte, off int64) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.ReadAt(p, off)
}
