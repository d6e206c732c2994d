package file

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"
)

// A file that was signed while the time server was down gets its timestamp, not another signature.
func TestSkipStampsWhatIsNotStamped(t *testing.T) {
	b := newBench(t)
	s := b.signing("a.exe")
	b.sign(s)
	s.Existing, s.Servers = "skip", b.server
	b.sign(s)
	b.accepted("a.exe", true)
	if !strings.Contains(b.out.String(), "signed by this identity already, stamped by "+b.server) {
		t.Errorf("said was\n%s", b.out.String())
	}
	stamped := b.read("a.exe")
	b.sign(s)
	if b.read("a.exe") != stamped {
		t.Error("it was stamped again")
	}
	s.Out = b.path("copy.exe")
	b.sign(s)
	if b.read("copy.exe") != stamped {
		t.Error("the copy of a skipped file is another one")
	}
}

// TestAppendKeepsFurtherEntries: as without a timestamp, what else lies in the certificate table stays.
func TestAppendKeepsFurtherEntries(t *testing.T) {
	// A WIN_CERTIFICATE of 13 bytes, revision 1.0, type 1 (X.509), padded to 16.
	entry := []byte{13, 0, 0, 0, 0, 1, 1, 0, 'h', 'e', 'l', 'l', 'o', 0, 0, 0}
	for _, server := range []bool{false, true} {
		b := newBench(t)
		s := b.signing("a.exe")
		s.Existing, s.PageHashes = "append", true
		if server {
			s.Servers = b.server
		}
		b.sign(s) // nothing is there to append to
		b.accepted("a.exe", server)
		file := append([]byte(b.read("a.exe")), entry...)
		// The size of the certificate table in the optional header of PE32+ (PE Format, "Optional Header Data Directories").
		size := file[binary.LittleEndian.Uint32(file[0x3c:])+24+112+4*8+4:]
		binary.LittleEndian.PutUint32(size, binary.LittleEndian.Uint32(size)+uint32(len(entry)))
		if err := os.WriteFile(b.path("a.exe"), file, 0o644); err != nil {
			t.Fatal(err)
		}
		s.PageHashes = false
		b.sign(s)
		if !bytes.HasSuffix([]byte(b.read("a.exe")), entry) {
			t.Errorf("with a time server %v: the other entry is gone", server)
		}
		var report bytes.Buffer
		if err := Inspect(t.Context(), &report, b.path("a.exe"), false); err != nil || !strings.Contains(report.String(), "signature 1 (nested") {
			t.Errorf("nothing was appended: %v\n%s", err, report.String())
		}
	}
}
