package file

import (
	"bytes"
	"os"
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

// TestStale: each command says the same of a file that was changed without its
// certificate table, and how to go on.
func TestStale(t *testing.T) {
	b := newBench(t)
	b.sign(b.signing("a.exe"))
	stale := b.read("a.exe") + "appended"
	restore := func() {
		if err := os.WriteFile(b.path("a.exe"), []byte(stale), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	restore()
	files := args.Files{In: b.path("a.exe")}
	for name, err := range map[string]error{
		"sign":    Sign(t.Context(), b.console(), b.signing("a.exe")),
		"strip":   Strip(t.Context(), b.console(), Stripping{Files: files}),
		"tag":     Tag(t.Context(), b.console(), Tagging{Files: files, Value: "x"}),
		"unseal":  Unseal(t.Context(), b.console(), files),
		"extract": Extract(t.Context(), b.console(), files, false),
	} {
		if err == nil || !strings.Contains(err.Error(), "8 bytes follow it") || !strings.Contains(err.Error(), "file:strip -repair") || b.read("a.exe") != stale {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := b.signing("a.exe")
	s.Existing, s.Servers = "repair", b.server
	b.sign(s)
	b.accepted("a.exe", true)
	restore()
	if err := Strip(t.Context(), b.console(), Stripping{Files: files, Repair: true}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.out.String(), "dropped the certificate table directory (address 0x"); n != 2 {
		t.Errorf("what was dropped is said %d times:\n%s", n, b.out.String())
	}
	usage(t, Strip(t.Context(), b.console(), Stripping{Files: files, Repair: true, Only: "certs"}), "-repair does not go with -only")
	b.sign(b.signing("a.exe"))
	b.accepted("a.exe", false)
}
