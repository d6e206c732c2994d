package peimage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// linked has mingw link a program of many small sections with the given
// alignments in file and memory.
func linked(t testing.TB, file, memory int, options ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	var source strings.Builder
	source.WriteString("void __stdcall ExitProcess(unsigned);\n")
	for i := range 60 {
		fmt.Fprintf(&source, "__attribute__((section(\".s%d\"))) int v%d[%d] = {%d};\n", i, i, 1+i*13%400, i)
	}
	source.WriteString("void start(void) { ExitProcess(7); }\n")
	in, out := filepath.Join(dir, "x.c"), filepath.Join(dir, "x.exe")
	if err := os.WriteFile(in, []byte(source.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-nostdlib", "-Wl,-e,start", fmt.Sprintf("-Wl,--file-alignment,%d", file), fmt.Sprintf("-Wl,--section-alignment,%d", memory), "-o", out, in, "-lkernel32"}
	args = append(args, options...)
	if text, err := formatstest.Run(t, "x86_64-w64-mingw32-gcc", args...); err != nil {
		t.Fatalf("mingw: %v\n%s", err, text)
	}
	return read(t, out)
}

// TestLowAlignmentAsSigntool: where several sections share a page, pages run
// on over them, as signtool has it.
func TestLowAlignmentAsSigntool(t *testing.T) {
	if testing.Short() {
		t.Skip("signs with signtool")
	}
	rig := formatstest.NewRig(t)
	pfx := formatstest.NewPKI(t).Leaf.LegacyPFXFile(t, "test")
	for _, a := range [][2]int{{32, 32}, {64, 64}, {512, 512}, {1024, 1024}, {512, 4096}, {4096, 4096}, {512, 8192}, {512, 2048}, {512, 1024}, {1024, 2048}, {512, -2048}, {512, -1024}, {1024, -2048}} {
		name, options := "", []string(nil)
		if a[1] < 0 {
			// Two sections lie far from the one before them, so that pages of memory are between.
			a[1], name = -a[1], ", with holes"
			options = []string{"-Wl,--image-base=0x140000000", fmt.Sprintf("-Wl,--section-start=.s40=0x%x", 0x140100000+3*a[1])}
		}
		t.Run(fmt.Sprintf("%d in the file, %d in memory%s", a[0], a[1], name), func(t *testing.T) {
			unsigned := linked(t, a[0], a[1], options...)
			path := filepath.Join(t.TempDir(), "x.exe")
			if err := os.WriteFile(path, unsigned, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := rig.Signtool("sign", "/f", pfx, "/p", "test", "/fd", "sha256", "/ph", path); err != nil {
				t.Fatalf("signtool: %v\n%s", err, out)
			}
			compareWithSigntool(t, unsigned, read(t, path))
		})
	}
}
