package peimage_test

import (
	"bytes"
	"crypto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestAsSigntool has Microsoft's signtool sign every layout with page hashes and
// compares what it wrote.
func TestAsSigntool(t *testing.T) {
	if testing.Short() {
		t.Skip("signs with signtool")
	}
	rig := formatstest.NewRig(t)
	pfx := formatstest.NewPKI(t).Leaf.LegacyPFXFile(t, "test")
	cases := variants(t)
	for _, name := range []string{"relic/WindowsFormsApplication1.exe", "relic/ClassLibrary1.dll", "jsign/wineyes.exe"} {
		cases[name] = read(t, formatstest.Corpus(t, name))
	}
	dir := t.TempDir()
	args := []string{"sign", "/f", pfx, "/p", "test", "/fd", "sha256", "/ph"}
	paths := map[string]string{}
	for name, b := range cases {
		paths[name] = filepath.Join(dir, strings.NewReplacer(" ", "_", "/", "_").Replace(name)+".exe")
		if err := os.WriteFile(paths[name], b, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, paths[name])
	}
	if out, err := rig.Signtool(args...); err != nil {
		t.Fatalf("signtool: %v\n%s", err, out)
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) { compareWithSigntool(t, cases[name], read(t, path)) })
	}
}

func compareWithSigntool(t *testing.T, unsigned, signed []byte) {
	im := parse(t, signed)
	if err := im.Check(); err != nil {
		t.Fatal(err)
	}
	m := memory(signed)
	p7, err := im.Certificates[0].Data(&m)
	if err != nil {
		t.Fatal(err)
	}
	e := readEmbedded(t, p7)
	q := peimage.Request{Authentihash: []crypto.Hash{crypto.SHA256}, PageHashes: []crypto.Hash{crypto.SHA256}, Checksum: true}
	for from, b := range map[string][]byte{"unsigned": unsigned, "signed": signed} {
		d := digest(t, b, q)
		if !bytes.Equal(d.Authentihash[e.hash], e.digest) {
			t.Errorf("%s: Authentihash %x, signtool's %x", from, d.Authentihash[e.hash], e.digest)
		}
		if got := d.PageHashes[crypto.SHA256]; !bytes.Equal(got, e.pageHashes) {
			t.Errorf("%s: page hashes differ: %s", from, diffPages(got, e.pageHashes))
		}
		if from == "signed" && d.Checksum != im.CheckSum {
			t.Errorf("checksum %08x, signtool's %08x", d.Checksum, im.CheckSum)
		}
	}
	if sameTable := sign(t, unsigned, signed[im.CertTable.Offset:]); !bytes.Equal(sameTable, signed) {
		t.Error("with signtool's own certificate table our file differs from signtool's")
	}
}

// diffPages tells the first record that differs: offset in our and in the other table.
func diffPages(a, b []byte) string {
	const record = 4 + 32
	for i := 0; i*record < max(len(a), len(b)); i++ {
		ra, rb := recordAt(a, i*record), recordAt(b, i*record)
		if !bytes.Equal(ra, rb) {
			return strings.Join([]string{"record", hex(ra), "instead of", hex(rb)}, " ")
		}
	}
	return "lengths differ"
}
