package cipolicy

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestSortsSort checks that every routine, also with its depth used up so that
// the heap takes over, gives a sorted permutation.
func TestSortsSort(t *testing.T) {
	routines := map[string]func(*sorter, int){
		"quicksort":         func(s *sorter, n int) { s.quick(0, n-1, 32) },
		"quicksort, heap":   func(s *sorter, n int) { s.quick(0, n-1, 1) },
		"introsort":         func(s *sorter, n int) { s.intro(0, n-1, 2*n) },
		"introsort, heap":   func(s *sorter, n int) { s.intro(0, n-1, 1) },
		"heap, from inside": func(s *sorter, n int) { s.heap(0, n-1) },
	}
	for name, sort := range routines {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(200) {
				r := rand.New(rand.NewPCG(seed, 0))
				n := r.IntN(80) + 2
				s := sorter{keys: make([]string, n), at: make([]int, n)}
				for i := range s.keys {
					s.keys[i], s.at[i] = fmt.Sprint(r.IntN(n)), i
				}
				sort(&s, n)
				sorted := slices.IsSortedFunc(s.at, func(a, b int) int { return strings.Compare(s.keys[a], s.keys[b]) })
				slices.Sort(s.at)
				for i, at := range s.at {
					if at != i {
						t.Fatalf("seed %d: not a permutation", seed)
					}
				}
				if !sorted {
					t.Fatalf("seed %d: not sorted", seed)
				}
			}
		})
	}
}

// TestTies pins what the routines do to two equal elements: the legacy quicksort
// exchanges them, the introspective sort does not.
func TestTies(t *testing.T) {
	for order, want := range map[Order][]int{Quicksort: {1, 0}, Introsort: {0, 1}, KeepOrder: {0, 1}} {
		if got := order.sorted([]string{"x", "x"}); !slices.Equal(got, want) {
			t.Errorf("%s: %v, wanted %v", order, got, want)
		}
	}
}

// TestSortKeys pins the comparison: kind, then texts without regard to case with
// an absent text first, then the hash.
func TestSortKeys(t *testing.T) {
	text := func(s string) FileRule { return FileRule{Kind: Allow, FileName: Some(s)} }
	ascending := []FileRule{
		{Kind: Deny, FileName: Some("z")},
		{Kind: Allow, Hash: []byte{1}},
		{Kind: Allow, Hash: []byte{1, 0}},
		{Kind: Allow, Hash: []byte{2}},
		{Kind: Allow, InternalName: Some("a")},
		text(""), text("*"), text("A.exe"), text("a_b"), text("a\u00E9"), text("a\U0001F512"), text("b"), text("ı"),
		{Kind: FileAttrib, FileName: Some("a")},
	}
	for i := 1; i < len(ascending); i++ {
		if a, b := ascending[i-1], ascending[i]; a.sortKey() >= b.sortKey() {
			t.Errorf("%+v is not before %+v", a, b)
		}
	}
	for _, pair := range [][2]FileRule{{text("Straße"), text("STRAßE")}, {text("É"), text("é")}, {text("abc"), text("ABC")}} {
		if pair[0].sortKey() != pair[1].sortKey() {
			t.Errorf("%q and %q differ", pair[0].FileName.Value, pair[1].FileName.Value)
		}
	}
}

// TestDocumentsWhatIsUnproved holds the documentation against Unproved.
func TestDocumentsWhatIsUnproved(t *testing.T) {
	docs := string(readFile(t, filepath.Join(formatstest.Root(t), "docs", "wdac.md")))
	for _, u := range Unproved() {
		if !strings.Contains(docs, "\n- "+u+"\n") {
			t.Errorf("docs/wdac.md does not name %q", u)
		}
	}
}

func TestTemplatesOfTheProject(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(formatstest.Root(t), "templates", "wdac", "*.xml"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ReadBytes(b)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if w := p.Validate(); len(w) > 0 {
			t.Errorf("%s: %v", f, w)
		}
	}
}
