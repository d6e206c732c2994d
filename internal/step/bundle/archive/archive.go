// Package archive writes zip archives whose bytes depend on nothing but the names
// and contents of the files in them and one time.
package archive

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"time"
)

// earliest is the first time that a zip archive can hold (the MS-DOS date of
// APPNOTE.TXT, section 4.4.6).
var earliest = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Writer writes one archive.
type Writer struct {
	z  *zip.Writer
	at time.Time
}

// New returns a writer of an archive whose files all have the time at.
func New(w io.Writer, at time.Time) *Writer {
	if at = at.UTC(); at.Before(earliest) {
		at = earliest
	}
	z := zip.NewWriter(w)
	// The level decides the bytes, so it is not left to the library's default.
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.DefaultCompression) })
	return &Writer{z, at}
}

// Add adds a file; name has slashes. A program may be executed where the archive
// is unpacked on a system that has such a mode.
func (w *Writer) Add(name string, program bool, r io.Reader) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: w.at}
	h.SetMode(0o644)
	if program {
		h.SetMode(0o755)
	}
	f, err := w.z.CreateHeader(h)
	if err != nil {
		return fmt.Errorf("adding %s to the archive: %w", name, err)
	}
	if _, err := io.Copy(f, r); err != nil {
		return fmt.Errorf("adding %s to the archive: %w", name, err)
	}
	return nil
}

// Close writes the archive's directory.
func (w *Writer) Close() error { return w.z.Close() }
