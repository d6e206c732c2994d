package file

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// TestStripParts takes parts out of signatures and leaves them good.
func TestStripParts(t *testing.T) {
	b := newBench(t)
	s := b.signing("a.exe")
	s.Servers = b.server
	b.sign(s)
	s.Existing, s.Servers, s.Digest = "append", "", "sha384"
	b.sign(s)
	strip := func(only string, index int) error {
		return Strip(t.Context(), b.console(), Stripping{Files: args.Files{In: b.path("a.exe")}, Only: only, Index: index})
	}
	count := func(want int) {
		t.Helper()
		var out bytes.Buffer
		if err := Inspect(t.Context(), &out, b.path("a.exe"), true); err != nil || strings.Count(out.String(), `"SpcStatementType"`) != want {
			t.Errorf("%v; want %d signatures in\n%s", err, want, out.String())
		}
	}
	count(2)
	usage(t, strip("nested", 2), "no signature 2")
	usage(t, strip("", 1), "-only=nested")
	usage(t, strip("everything", 0), "certs, nested, unsigned")
	usage(t, Strip(t.Context(), b.console(), Stripping{Files: args.Files{In: b.path("a.exe")}, Only: "certs", Checksum: "zero"}), "-checksum")
	if err := strip("nested", 1); err != nil {
		t.Fatal(err)
	}
	count(1)
	b.accepted("a.exe", true)
	if err := strip("unsigned", 0); err != nil {
		t.Fatal(err)
	}
	b.accepted("a.exe", false)
	before := b.read("a.exe")
	if err := strip("certs", 0); err != nil || len(b.read("a.exe")) >= len(before) {
		t.Errorf("no certificate was taken out: %v", err)
	}
}
