package catalog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// damages are bytes of a program's headers that are changed, by their offset from the
// PE signature, and what becomes of it without and with page hashes. They are made on a
// PE32 program of four sections without signature.
var damages = map[string]struct {
	at       int64
	value    byte
	ok, okPH bool
}{
	"none":                         {0x16, 0x0f, true, true}, // a characteristic
	"machine":                      {0x04, 0x4d, true, false},
	"ARM":                          {0x04, 0xc0, true, true},
	"size of the optional header":  {0x14, 0xe4, false, false},
	"section alignment":            {0x3b, 0xff, false, false},
	"file alignment":               {0x3d, 0x03, false, false},
	"file above section alignment": {0x3e, 0x10, false, false},
	"headers beyond the file":      {0x57, 0x01, false, false},
	"few directories":              {0x74, 0x04, true, true},
	"no directories":               {0x74, 0x00, true, true},
	"table of no bytes":            {0x9a, 0x01, true, true},
	"table nowhere":                {0x9d, 0x10, true, true},
	"section beyond the file":      {0xf8 + 0x13, 0x01, false, false},
	"section in the headers":       {0xf8 + 0x15, 0x01, false, false},
}

// TestMakecatPrograms: programs with odd headers are refused exactly when makecat
// refuses them, and hash the same otherwise. The kind is said, as the rig does not look
// into a file for it.
func TestMakecatPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("runs makecat for each")
	}
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	for name, d := range damages {
		write(t, filepath.Join(dir, "x.exe"), damaged(t, d.at, d.value))
		for _, pages := range []bool{false, true} {
			text := fmt.Sprintf("[CatalogHeader]\r\nName=t.cat\r\nPageHashes=%v\r\n[CatalogFiles]\r\n<HASH>1=x.exe\r\n<HASH>1ALTSIPID=%s\r\n", pages, kindGUIDs[KindPE])
			refused := agree(t, rig, dir, "t", text)
			if want := d.ok && !pages || d.okPH && pages; refused == want {
				t.Errorf("%s, page hashes %v: makecat refuses: %v", name, pages, refused)
			}
		}
	}
}

// TestProgramRefuses: the same, as far as it can be told without makecat.
func TestProgramRefuses(t *testing.T) {
	for name, d := range damages {
		b := damaged(t, d.at, d.value)
		for _, pages := range []bool{false, true} {
			_, err := Digest(context.Background(), bytes.NewReader(b), int64(len(b)), DigestOptions{PageHashes: pages, Kind: KindPE})
			var pe *peimage.FormatError
			if want := d.ok && !pages || d.okPH && pages; want != (err == nil) || err != nil && !errors.As(err, &pe) {
				t.Errorf("%s, page hashes %v: %v", name, pages, err)
			}
		}
	}
}

func damaged(t testing.TB, at int64, value byte) []byte {
	t.Helper()
	b := read(t, formatstest.Corpus(t, "jsign/wineyes.exe"))
	b[int64(binary.LittleEndian.Uint32(b[60:]))+at] = value
	return b
}
