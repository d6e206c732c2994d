package authenticode_test

import (
	"bufio"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/formatstest/mutate"
)

// differentialFiles is how many files are compared; HALLMARK_DIFFERENTIAL asks for another number.
const differentialFiles = 2000

// malformedSignature is TRUST_E_MALFORMED_SIGNATURE, which wintrust answers for one signature in some ten thousand, by its value.
const malformedSignature = 0x80096011

// TestDifferential changes programs, signatures and timestamps in thousands of ways and asks Microsoft's wintrust.dll and us whether Windows trusts the file. Where
// the two answers part, testdata/differential.golden has a row that says why; there is none for a file that Windows refuses and we trust, unless the refusing part
// of the rig is not Windows'. Which HRESULT a refused file gets is not compared here but by TestTableAsWindows.
func TestDifferential(t *testing.T) {
	if testing.Short() {
		t.Skip("needs wine")
	}
	rig := formatstest.NewRig(t)
	count, seed := differentialFiles, uint64(1)
	if s := os.Getenv("HALLMARK_DIFFERENTIAL"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatalf("HALLMARK_DIFFERENTIAL=%s: not a number of files", s)
		}
		seed = rand.Uint64()
		t.Logf("seed %d", seed)
	}
	d := newDiffer(t)
	rows := readDifferences(t)
	var bad, mild int
	for files := d.sample(seed, count); len(files) > 0; {
		batch := files[:min(200, len(files))]
		files = files[len(batch):]
		b, m := d.compare(rig, rows, batch)
		bad, mild = bad+b, mild+m
	}
	t.Logf("%d files: %d that Windows refuses and we trust, %d the other way round, all in differential.golden", count, bad, mild)
}

// sample takes count files; of the small groups all, of the large ones some at random, and with another seed again if there are not enough.
func (d *differ) sample(seed uint64, count int) []mutate.Variant {
	rng := rand.New(rand.NewPCG(seed, 2))
	files := append(d.stamps(), d.nested()...)
	for more := uint64(0); len(files) < count; more++ {
		rest := d.programs(seed + more)
		if more == 0 {
			rest = append(rest, d.messages()...)
		}
		rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		files = append(files, rest[:min(len(rest), count-len(files))]...)
	}
	return files[:min(count, len(files))]
}

// compare judges a batch by both and reports what no row explains.
func (d *differ) compare(rig *formatstest.Rig, rows []difference, batch []mutate.Variant) (bad, mild int) {
	dir := d.t.TempDir()
	paths := make([]string, len(batch))
	for i, f := range batch {
		paths[i] = filepath.Join(dir, fmt.Sprintf("%d.exe", i))
		if err := os.WriteFile(paths[i], f.Data, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	for i, theirs := range rig.VerifyAny(paths...) {
		if theirs.Crashed {
			continue // of the rig's own verifier, which says nothing
		}
		ours := verifyBytes(d.t, batch[i].Data, authenticode.VerifyOptions{Roots: d.v.roots(), AsWindows: true})
		if ours.Trusted != (ours.Windows == authenticode.VerdictTrusted) {
			d.t.Errorf("%s (%s): the result is not Windows' answer:\n%s", batch[i].Class, batch[i].Detail, ours)
		}
		if ours.Trusted == theirs.OK() {
			continue
		}
		if theirs.HRESULT == malformedSignature {
			batch[i].Class += " malformed"
		}
		if ours.Trusted {
			bad++
		} else {
			mild++
		}
		if !slices.ContainsFunc(rows, func(r difference) bool { return r.explains(ours.Trusted, batch[i].Class) }) {
			d.t.Errorf("%s (%s): we say %v, Microsoft %v", batch[i].Class, batch[i].Detail, ours.Windows, theirs)
		}
	}
	return bad, mild
}

// difference is a row of differential.golden: who trusts, the class with * for anything, and on the next line why.
type difference struct {
	we    bool
	class string
}

func (r difference) explains(we bool, class string) bool {
	if r.we != we {
		return false
	}
	parts := strings.Split(r.class, "*")
	if !strings.HasPrefix(class, parts[0]) {
		return false
	}
	for i, p := range parts[1:] {
		at := strings.Index(class, p)
		if i == len(parts)-2 {
			return strings.HasSuffix(class, p)
		}
		if at < 0 {
			return false
		}
		class = class[at+len(p):]
	}
	return class == r.class
}

func readDifferences(t *testing.T) []difference {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "differential.golden"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []difference
	reasons := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		who, class, ok := strings.Cut(sc.Text(), ": ")
		switch {
		case strings.HasPrefix(sc.Text(), "    "):
			reasons++
		case ok && (who == "we trust" || who == "Windows trusts"):
			out = append(out, difference{who == "we trust", class})
		case sc.Text() != "" && !strings.HasPrefix(sc.Text(), "#"):
			t.Errorf("differential.golden: %q is no row", sc.Text())
		}
	}
	if cmp.Compare(reasons, len(out)) != 0 {
		t.Errorf("differential.golden has %d rows and %d reasons", len(out), reasons)
	}
	return out
}
