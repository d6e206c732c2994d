package cipolicy

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestCompileDecompileCompile is the property that a decompiled policy compiles
// to the bytes that it came from, for every format version and sort routine, and
// whatever the number of rules that compare equal.
func TestCompileDecompileCompile(t *testing.T) {
	for _, format := range []int{7, 8, 9, 10, 11} {
		for _, order := range []Order{Quicksort, Introsort, KeepOrder} {
			t.Run(fmt.Sprintf("format %d, %s", format, order), func(t *testing.T) {
				for seed := range uint64(30) {
					r := rand.New(rand.NewPCG(seed, uint64(format)))
					checkRoundTrip(t, generate(r, r.IntN(60), format), CompileOptions{Format: format, Order: order})
				}
			})
		}
	}
}

func checkRoundTrip(t *testing.T, p *Policy, o CompileOptions) {
	t.Helper()
	first, err := Compile(p, o)
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	d, err := Decompile(first, o.Order)
	if err != nil {
		t.Fatalf("decompiling: %v", err)
	}
	if !d.Exact || d.Order != o.Order || d.Format != o.Format {
		t.Fatalf("exact %v, order %v, format %d; wanted %v, %d", d.Exact, d.Order, d.Format, o.Order, o.Format)
	}
	again, err := ReadBytes(d.Policy.XML())
	if err != nil {
		t.Fatalf("reading the decompiled policy: %v", err)
	}
	second, err := Compile(again, o)
	if err != nil {
		t.Fatalf("compiling again: %v", err)
	}
	if !bytes.Equal(first, second) {
		t.Fatalf("first difference at 0x%X of 0x%X", firstDifference(first, second), len(first))
	}
}

// TestDecompileMicrosoft decompiles what Microsoft compiled; compiling gives it
// back, and a second decompilation gives the same text.
func TestDecompileMicrosoft(t *testing.T) {
	for name, p := range pairs {
		t.Run(name, func(t *testing.T) {
			want := readFile(t, formatstest.Corpus(t, p.cip))
			for _, order := range []Order{Quicksort, Introsort} {
				d, err := Decompile(want, order)
				if err != nil {
					t.Fatal(err)
				}
				if !d.Exact || d.Order != order {
					t.Errorf("%s: exact %v with %s", order, d.Exact, d.Order)
				}
				policy, err := ReadBytes(d.Policy.XML())
				if err != nil {
					t.Fatal(err)
				}
				got, err := Compile(policy, CompileOptions{Format: d.Format, Order: order})
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: compiling gives other bytes (%v)", order, err)
				}
			}
		})
	}
}

// TestOlderFormats covers the versions that only Windows' own old policies have.
func TestOlderFormats(t *testing.T) {
	for format := minFormat; format < DefaultFormat; format++ {
		p := &Policy{TypeID: Some(SinglePolicyType), PlatformID: PlatformWindows, Options: []Option{{Name: OptionUnsigned}},
			FileRules: []FileRule{{Kind: Deny, ID: "ID_DENY_A", FileName: Some("x.exe")}}}
		checkRoundTrip(t, p, CompileOptions{Format: format})
	}
}

// TestUnsortedBinary decompiles a policy whose rules are in an order that no sort
// routine gives.
func TestUnsortedBinary(t *testing.T) {
	p := minimal()
	p.FileRules = []FileRule{{Kind: Allow, ID: "ID_ALLOW_A", FileName: Some("z")}, {Kind: Deny, ID: "ID_DENY_A", FileName: Some("a")}}
	b, err := Compile(p, CompileOptions{Order: KeepOrder})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Decompile(b, Quicksort)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Exact || d.Order != KeepOrder {
		t.Errorf("exact %v, order %v; wanted the order kept", d.Exact, d.Order)
	}
}

// minimal is a valid policy without rules.
func minimal() *Policy {
	id := Some(MustGUID("{11111111-2222-3333-4444-555555555555}"))
	return &Policy{Type: BasePolicy, PlatformID: PlatformWindows, PolicyID: id, BasePolicyID: id, Options: []Option{{Name: OptionUnsigned}}}
}

func TestWriteReadLosesNothing(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := generate(r, r.IntN(40), 9)
		text := p.XML()
		again, err := ReadBytes(text)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got := again.XML(); !bytes.Equal(got, text) {
			t.Fatalf("seed %d: differs at byte %d", seed, firstDifference(got, text))
		}
	}
}
