// Package pinned reads files that others could change meanwhile. Every byte
// that a pinned file gives was hashed when it was opened, so that what a reader
// says of the file, and the SHA-256 of the file, are about the same bytes.
package pinned

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/regular"
)

// blockSize is how much of a file is hashed, and checked, at a time.
const blockSize = 256 << 10

// ErrChanged is the kind of error of a file that changed while it was read.
var ErrChanged = errors.New("the file changed while it was read")

// Sum tells files apart: two files of one Sum are the same bytes.
type Sum struct {
	// Size in bytes.
	Size int64 `json:"size"`
	// SHA256 in lower-case hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// SumOf is the Sum of some bytes.
func SumOf(b []byte) Sum {
	h := sha256.Sum256(b)
	return Sum{int64(len(b)), hex.EncodeToString(h[:])}
}

// File is an open file. It is safe for use by several goroutines.
type File struct {
	f      *os.File
	sum    Sum
	blocks [][sha256.Size]byte

	mu   sync.Mutex
	last int64  // number of the block in buf, -1 without one
	buf  []byte // checked
}

// Open opens the regular file at path and hashes it. Opening anything else,
// such as a named pipe, is an error.
func Open(path string) (*File, error) {
	f, st, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	p := &File{f: f, last: -1}
	if err := p.hash(st.Size()); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", printable.Text(path), err)
	}
	return p, nil
}

func (p *File) hash(size int64) error {
	whole := sha256.New()
	p.blocks = make([][sha256.Size]byte, 0, size/blockSize+1)
	buf := make([]byte, min(size+1, blockSize))
	for {
		n, err := io.ReadFull(p.f, buf)
		if n > 0 {
			p.sum.Size += int64(n)
			whole.Write(buf[:n])
			p.blocks = append(p.blocks, sha256.Sum256(buf[:n]))
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if p.sum.Size != size {
		return ErrChanged
	}
	p.sum.SHA256 = hex.EncodeToString(whole.Sum(nil))
	return nil
}

// Sum of the bytes that the file gives.
func (p *File) Sum() Sum { return p.sum }

// Size in bytes.
func (p *File) Size() int64 { return p.sum.Size }

// Close closes the file.
func (p *File) Close() error { return p.f.Close() }

// ReadAt reads bytes, and only those that were hashed: others are ErrChanged.
func (p *File) ReadAt(b []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, fmt.Errorf("reading at offset %d", offset)
	}
	done := 0
	for done < len(b) {
		if offset >= p.sum.Size {
			return done, io.EOF
		}
		n, err := p.readBlock(b[done:], offset)
		done += n
		offset += int64(n)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// readBlock copies from the block that holds offset.
func (p *File) readBlock(b []byte, offset int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := offset / blockSize; n != p.last {
		if err := p.load(n); err != nil {
			return 0, err
		}
	}
	return copy(b, p.buf[offset%blockSize:]), nil
}

// load reads block n into the buffer and checks it there.
func (p *File) load(n int64) error {
	p.last = -1
	size := min(blockSize, p.sum.Size-n*blockSize)
	if p.buf == nil {
		p.buf = make([]byte, min(blockSize, p.sum.Size))
	}
	p.buf = p.buf[:size]
	if got, err := p.f.ReadAt(p.buf, n*blockSize); got < len(p.buf) {
		if err == nil || err == io.EOF {
			return ErrChanged
		}
		return err
	}
	if sha256.Sum256(p.buf) != p.blocks[n] {
		return ErrChanged
	}
	p.last = n
	return nil
}

// Unchanged is ErrChanged if path no longer leads to the open file f, or the
// file was written since before was asked. It is for those who read a file
// once, and cannot afford to hash it for the sake of its being left alone.
func Unchanged(path string, f *os.File, before os.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrChanged, err)
	}
	if !os.SameFile(before, there) || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) {
		return ErrChanged
	}
	return nil
}
