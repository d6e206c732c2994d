package wdac

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step/wdac/policy"
)

// TestScriptsOfTheCatalog ships a script, which a supplemental policy allows by hash.
func TestScriptsOfTheCatalog(t *testing.T) {
	w := newWorld(t)
	w.Spec.Catalog = &spec.Catalog{Name: "app", Include: []string{"extra/**"}}
	w.write("extra/install.ps1", []byte("Write-Host hello"))
	w.write("extra/readme.txt", []byte("text"))
	p := w.must()
	if len(p.FileRules) != 3 {
		t.Errorf("%d rules, wanted one attribute and two hashes", len(p.FileRules))
	}
	var coverage []policy.Coverage
	if err := json.Unmarshal(w.read("dist/evidence/wdac/coverage.json"), &coverage); err != nil {
		t.Fatal(err)
	}
	if len(coverage) != 2 || coverage[0].Level != "FilePublisher" || coverage[1].Level != "Hash" || len(coverage[1].AllowedBy) == 0 {
		t.Errorf("%+v", coverage)
	}
}

// TestScriptsThroughTheCatalog allows a script by the signature of the catalog, where the level is one of signers.
func TestScriptsThroughTheCatalog(t *testing.T) {
	w := newWorld(t)
	w.Spec.Catalog, w.Spec.WDAC.Level, w.Spec.WDAC.Fallback = &spec.Catalog{Name: "app", Include: []string{"extra/**"}}, "Publisher", []string{}
	w.write("extra/install.ps1", []byte("Write-Host hello"))
	if _, err := w.run(); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Fatalf("without a catalog: %v", err)
	}
	script := w.read("extra/install.ps1")
	b, err := catalog.NewBuilder(catalog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AddFile(context.Background(), "extra/install.ps1", bytes.NewReader(script), int64(len(script))); err != nil {
		t.Fatal(err)
	}
	c, err := b.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	der, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	id := formatstest.NewPKI(t).Leaf
	signed, err := catalog.Sign(context.Background(), der, catalog.SignOptions{SignOptions: authenticode.SignOptions{Signer: cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}}})
	if err != nil {
		t.Fatal(err)
	}
	w.write("dist/catalog/app.cat", signed)
	w.write("files.json", []byte(`{"catalog":"dist/catalog/app.cat","files":[{"path":"dist/release/app_windows_amd64/app.exe"},{"path":"extra/install.ps1"}]}`))
	if err := w.Ledger.Put(ledger.Record{Step: "catalog", Unit: "app.cat", Facts: map[string]string{"catalog": "dist/catalog/app.cat", "coverage": "files.json"}}); err != nil {
		t.Fatal(err)
	}
	p := w.must()
	if len(p.Signers) != 1 || len(p.FileRules) != 0 {
		t.Errorf("%d signers and %d rules, wanted the one signer of program and catalog", len(p.Signers), len(p.FileRules))
	}
	if !strings.Contains(string(w.read("dist/wdac/README.md")), "allowed through the catalog `app.cat`") {
		t.Error("the README does not say that the catalog is needed")
	}
	w.write("dist/catalog/app.cat", der)
	if _, err := w.run(); fault.Status(err) != fault.Verification {
		t.Errorf("an unsigned catalog: %v", err)
	}
}
