package catalog

import (
	"context"
	"crypto"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// large makes a catalog of n members from invented digests, with a path each, as a
// release of n files has.
func large(tb testing.TB, n int) *Catalog {
	tb.Helper()
	b, err := NewBuilder(Options{Time: testTime, KeepDuplicates: true})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		d := &Digests{Kind: KindPE, Hash: map[crypto.Hash][]byte{crypto.SHA256: scattered(i, 32), crypto.SHA1: scattered(i, 20)}}
		if err := b.Add(File{Name: fmt.Sprint(i), Digests: d, Attributes: []Attribute{Text("FilePath", fmt.Sprintf(`folder%d\file%d.exe`, i%100, i))}}); err != nil {
			tb.Fatal(err)
		}
	}
	c, err := b.Catalog()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// scattered is a digest that differs for every i and comes in no order.
func scattered(i, size int) []byte {
	d := make([]byte, size)
	binary.BigEndian.PutUint64(d, uint64(i)*0x9e3779b97f4a7c15)
	return d
}

// BenchmarkMembers makes, writes, signs, reads and searches catalogs; ns/member tells whether it is linear. For the memory of
// the whole process run it as
//
//	go test -run=NONE -bench=Members/100000 -benchtime=1x -c && command time -v ./catalog.test -test.run=NONE -test.bench=Members/100000 -test.benchtime=1x
func BenchmarkMembers(b *testing.B) {
	id := formatstest.NewPKI(b).Leaf
	for _, n := range []int{1000, 10000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cycle(b, n, id)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/member")
		})
	}
}

func cycle(b *testing.B, n int, id *formatstest.Identity) {
	der, err := Sign(context.Background(), marshal(b, large(b, n)), signer(id))
	if err != nil {
		b.Fatal(err)
	}
	s := NewSet()
	if err := s.Add("large", der); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, ok, err := s.Find(context.Background(), map[crypto.Hash][]byte{crypto.SHA256: scattered(i, 32)}); !ok || err != nil {
			b.Fatalf("member %d is not found: %v", i, err)
		}
	}
}

// TestMemoryPerMember: what a catalog keeps of each member is not much more than what
// is written of it. (100,000 members with all that Windows hashes of them and a path
// each are 35 MB in the file.)
func TestMemoryPerMember(t *testing.T) {
	const n = 5000
	c := large(t, n)
	size := len(marshal(t, c))
	kept := 0
	for _, m := range c.Members {
		kept += cap(m.ID) + cap(m.attributes) + 48 // two slice headers
	}
	if kept > size*3/2 {
		t.Errorf("%d bytes are kept for a file of %d", kept, size)
	}
}

// BenchmarkFiles catalogues the same small files as we do it and as Microsoft's makecat
// does it in the rig, reading included.
func BenchmarkFiles(b *testing.B) {
	const n = 1000
	dir := b.TempDir()
	def := &CDF{Name: "t.cat", Version: V2}
	for i := range n {
		name := fmt.Sprintf("f%d.txt", i)
		write(b, filepath.Join(dir, name), fmt.Appendf(nil, "file %d", i))
		def.Files = append(def.Files, CDFFile{Label: fmt.Sprintf("<HASH>%d", i), Path: name, Attributes: []Attribute{Text("File", name)}})
	}
	text, err := def.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	cdf := write(b, filepath.Join(dir, "t.cdf"), text)
	each := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/member")
	}
	b.Run("hallmark", func(b *testing.B) {
		for b.Loop() {
			c, err := def.Build(context.Background(), folder(dir), testTime, [16]byte{})
			if err != nil {
				b.Fatal(err)
			}
			marshal(b, c)
		}
		each(b)
	})
	b.Run("makecat", func(b *testing.B) {
		rig := formatstest.NewRig(b)
		b.ResetTimer()
		for b.Loop() {
			if out, err := rig.Makecat(cdf); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		}
		each(b)
	})
}
