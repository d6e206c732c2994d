package wdac

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/inventory"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/catalog"
)

// TestCatalogHasToAgree: a file that the policy would allow and the catalog does not list fails the release.
func TestCatalogHasToAgree(t *testing.T) {
	root := t.TempDir()
	l, err := ledger.Open(filepath.Join(root, "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	w := &work{r: &step.Run{Root: root, Ledger: l, Spec: &spec.Spec{Catalog: &spec.Catalog{Name: "app"}}}}
	for _, n := range []string{"a.exe", "b.ps1", "empty.ps1"} {
		w.files = append(w.files, inventory.File{Name: n, Path: filepath.Join(root, n)})
	}
	if err := w.checkCatalog(); err != nil {
		t.Errorf("without a catalog: %v", err)
	}
	b, err := json.Marshal(catalog.Statement{Catalog: "dist/catalog/app.cat", Files: []catalog.Covered{{Path: "a.exe"}, {Path: "b.ps1"}}, Empty: []string{"empty.ps1"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "files.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Put(ledger.Record{Step: "catalog", Unit: "app.cat", Bound: map[string]pinned.Sum{"files.json": pinned.SumOf(b)}, Facts: map[string]string{"coverage": "files.json"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.checkCatalog(); err != nil {
		t.Errorf("all covered: %v", err)
	}
	w.files = append(w.files, inventory.File{Name: "c.dll", Path: filepath.Join(root, "c.dll")})
	if err := w.checkCatalog(); fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "c.dll is not in the catalog") {
		t.Errorf("one not covered: %v", err)
	}
}
