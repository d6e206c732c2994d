package cipolicy

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// pair is a policy and the binary that Microsoft's compiler made of it. The
// sort routine that each was compiled with is in the corpus' README.
type pair struct {
	xml, cip string
	order    Order
	anyOrder bool
}

var pairs = map[string]pair{
	"no ties":          {"cip/toolkit-applocker-path-hash/policy.xml", "cip/toolkit-applocker-path-hash/policy.cip", Quicksort, true},
	"ties, powershell": {"cip/toolkit-applocker-publishers/policy.patched.xml", "cip/toolkit-applocker-publishers/policy.cip", Quicksort, false},
	"ties, wizard":     {"cip/wdacme-28715b9/policy.patched.xml", "cip/wdacme-28715b9/policy.cip", Introsort, false},
}

var emptyRefs = regexp.MustCompile(`<FileRulesRef>\s*</FileRulesRef>`)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readPair reads the XML of a pair. One of them lists no rule in a FileRulesRef,
// which the schema forbids; the element has no meaning and is taken out.
func readPair(t testing.TB, p pair) *Policy {
	t.Helper()
	xml := readFile(t, formatstest.Corpus(t, p.xml))
	xml = emptyRefs.ReplaceAll(xml, nil)
	policy, err := ReadBytes(xml)
	if err != nil {
		t.Fatalf("reading %s: %v", p.xml, err)
	}
	return policy
}

func TestCompileMatchesMicrosoft(t *testing.T) {
	for name, p := range pairs {
		t.Run(name, func(t *testing.T) {
			policy := readPair(t, p)
			want := readFile(t, formatstest.Corpus(t, p.cip))
			for _, order := range []Order{Quicksort, Introsort} {
				got, err := Compile(policy, CompileOptions{Order: order})
				if err != nil {
					t.Fatal(err)
				}
				if same := bytes.Equal(got, want); same != (p.anyOrder || order == p.order) {
					t.Errorf("%s: identical = %v, first difference at 0x%X of 0x%X (got 0x%X)", order, same, firstDifference(got, want), len(want), len(got))
				}
			}
		})
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// TestReadsMicrosoftTemplates reads, writes and reads again what Microsoft
// published; nothing may be lost and the text must be stable.
func TestReadsMicrosoftTemplates(t *testing.T) {
	for _, file := range formatstest.CorpusFiles(t, "cip/templates/*.xml") {
		t.Run(strings.TrimSuffix(file[strings.LastIndexByte(file, '/')+1:], ".xml"), func(t *testing.T) {
			p, err := ReadBytes(readFile(t, file))
			if err != nil {
				t.Fatal(err)
			}
			written := p.XML()
			again, err := ReadBytes(written)
			if err != nil {
				t.Fatalf("reading what was written: %v", err)
			}
			if !bytes.Equal(again.XML(), written) {
				t.Error("the second writing differs from the first")
			}
			first, err := Compile(p, CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			second, err := Compile(again, CompileOptions{})
			if err != nil || !bytes.Equal(first, second) {
				t.Errorf("the policy compiles to other bytes after writing and reading (%v)", err)
			}
		})
	}
}
