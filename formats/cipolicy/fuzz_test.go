package cipolicy

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// FuzzRead feeds the XML reader. What it accepts must write and read stably, and
// compile or say why not.
func FuzzRead(f *testing.F) {
	f.Add(readFile(f, fullPolicy))
	for _, file := range formatstest.CorpusFiles(f, "cip/templates/[AE]*.xml") {
		f.Add(readFile(f, file))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadBytes(b)
		if err != nil {
			return
		}
		text := p.XML()
		again, err := ReadBytes(text)
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, text)
		}
		if !bytes.Equal(again.XML(), text) {
			t.Fatalf("written differently the second time:\n%s", text)
		}
		compiled, err := Compile(p, CompileOptions{Format: maxFormat})
		if err != nil {
			return
		}
		d, err := Decompile(compiled, Quicksort)
		if err != nil {
			t.Fatalf("what was compiled is refused: %v\n%s", err, text)
		}
		if !d.Exact {
			t.Fatalf("decompiling loses something of\n%s", text)
		}
	})
}

// FuzzDecompile feeds the binary reader. What it accepts must encode to the same bytes.
func FuzzDecompile(f *testing.F) {
	for _, file := range formatstest.CorpusFiles(f, "cip/*/policy.cip") {
		f.Add(readFile(f, file))
	}
	for seed := range uint64(4) {
		b, err := Compile(generate(rand.New(rand.NewPCG(seed, 0)), 4, 9), CompileOptions{Format: 9})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decode(b)
		if err == nil && !bytes.Equal(c.encode(), b) {
			t.Fatal("encodes to other bytes")
		}
		d, err := Decompile(b, Quicksort)
		if err != nil {
			return
		}
		if _, err := ReadBytes(d.Policy.XML()); err != nil && len(d.Notes.Errors()) == 0 && d.Exact {
			t.Logf("not valid by the schema: %v", err)
		}
	})
}
