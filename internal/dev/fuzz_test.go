package dev

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func TestFuzzTargetsAreFound(t *testing.T) {
	found, err := fuzzTargets(formatstest.Root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]string{{"./formats/cms", "FuzzParse"}, {"./formats/cipolicy", "FuzzDecode"}} {
		if !slices.Contains(found, want) && !slices.ContainsFunc(found, func(f [2]string) bool { return f[0] == want[0] }) {
			t.Errorf("%v is not among %v", want, found)
		}
	}
	if len(found) < 20 {
		t.Errorf("only %d fuzz targets found", len(found))
	}
}

// TestFuzzFindsAFault: a target that panics on some input fails the run.
func TestFuzzFindsAFault(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles with instrumentation")
	}
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"go.mod": "module example.com/faulty\n\ngo 1.26.0\n",
		"x_test.go": "package faulty\n\nimport \"testing\"\n\nfunc FuzzX(f *testing.F) {\n\tf.Add([]byte(\"ab\"))\n\tf.Fuzz(func(t *testing.T, b []byte) {\n" +
			"\t\tif len(b) > 2 {\n\t\t\tpanic(\"found\")\n\t\t}\n\t})\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(".", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Fuzz(context.Background(), io.Discard, 20*time.Second); err == nil || !strings.Contains(err.Error(), "FuzzX") {
		t.Errorf("got %v", err)
	}
}
