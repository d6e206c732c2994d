package catalog

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestMakecatCabinets: cabinets of every shape are hashed as Microsoft's SIP hashes them.
func TestMakecatCabinets(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	text := "[CatalogHeader]\nName=t.cat\nPageHashes=true\n" + v2Header + "[CatalogFiles]\n"
	for name, shape := range formatstest.CabinetShapes {
		write(t, filepath.Join(dir, name), shape.Bytes())
		text += "<HASH>" + name + "=" + name + "\n<HASH>" + name + cabSIP + "\n"
	}
	compareWithMakecat(t, rig, dir, text)
}

// TestMakecatDamagedCabinets: with one byte changed, or cut off, a cabinet is refused
// exactly when makecat refuses it, and hashes the same otherwise.
func TestMakecatDamagedCabinets(t *testing.T) {
	if testing.Short() {
		t.Skip("runs makecat for each")
	}
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(5, 6))
	refusals := 0
	for name, shape := range formatstest.CabinetShapes {
		for i := range 2 {
			b := shape.Bytes()
			if n := random.IntN(len(b)); i == 0 {
				b = b[:n+1]
			} else {
				b[n%80%len(b)] ^= 1 << random.IntN(8)
			}
			write(t, filepath.Join(dir, "x.cab"), b)
			if agree(t, rig, dir, "t", "[CatalogHeader]\r\nName=t.cat\r\n[CatalogFiles]\r\n<HASH>1=x.cab\r\n<HASH>1"+cabSIP+"\r\n") {
				refusals++
			}
			if t.Failed() {
				t.Fatalf("%s: %x", name, b)
			}
		}
	}
	if refusals == 0 {
		t.Error("makecat refused none")
	}
}
