package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/pipeline"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// full is a release with every step but crosscert.
func full(t *testing.T) *project {
	p := newProject(t)
	p.setSpec(p.spec + `catalog:
  name: tiny
  include: ["extra/**"]
wdac:
  template: audit
  name: Tiny
  level: FilePublisher
  fallback: [Hash]
`)
	p.write("extra/install.ps1", "Write-Host hello")
	return p
}

// interfering runs a release in which something happens before or after the
// units of one step.
func (p *project) interfering(name string, before, after func()) error {
	p.t.Helper()
	p.out.Reset()
	r, err := Open(context.Background(), p.options(), true)
	if err != nil {
		return err
	}
	defer r.Close()
	steps := pipeline.Steps()
	i := slices.IndexFunc(steps, func(s step.Step) bool { return s.Name == name })
	units := steps[i].Units
	steps[i].Units = func(ctx context.Context, r *step.Run) ([]step.Unit, error) {
		us, err := units(ctx, r)
		for i := range us {
			do := us[i].Do
			us[i].Do = func(ctx context.Context) (step.Result, error) {
				before()
				res, err := do(ctx)
				after()
				return res, err
			}
		}
		return us, err
	}
	_, err = pipeline.Execute(context.Background(), steps, r.run)
	return errors.Join(err, r.run.Ledger.Save())
}

// later are the files that steps from attach on write.
func (p *project) forget(dirs ...string) {
	p.t.Helper()
	for _, d := range dirs {
		if err := os.RemoveAll(p.path(d)); err != nil {
			p.t.Fatal(err)
		}
	}
}

// tamperings change a file that lies there, each in another way.
func (p *project) tamperings(file, signedOther string) map[string]func() {
	must := func(err error) {
		if err != nil {
			p.t.Error(err)
		}
	}
	return map[string]func(){
		"one byte": func() {
			f, err := os.OpenFile(p.path(file), os.O_RDWR, 0)
			must(err)
			b := make([]byte, 1)
			_, err = f.ReadAt(b, 12)
			must(err)
			b[0] ^= 1
			_, err = f.WriteAt(b, 12)
			must(err)
			must(f.Close())
		},
		"empty":   func() { must(os.Truncate(p.path(file), 0)) },
		"cut":     func() { must(os.Truncate(p.path(file), 512)) },
		"removed": func() { must(os.Remove(p.path(file))) },
		"another": func() { p.write(file, signedOther) },
		"with a tail": func() {
			f, err := os.OpenFile(p.path(file), os.O_WRONLY|os.O_APPEND, 0)
			must(err)
			_, err = f.WriteString("12345678")
			must(err)
			must(f.Close())
		},
	}
}

// TestChangedBetweenSteps changes a file before or after each step that reads
// it. The release fails, names the file, and leaves no SHA256SUMS; the next run
// makes it good again.
func TestChangedBetweenSteps(t *testing.T) {
	p := full(t)
	p.must()
	// The same program, well signed by the same publisher, of an earlier release.
	other := newProject(t)
	other.edit("version: 1.2.3", "version: 1.2.2")
	other.must()
	earlier := other.read(released)
	for _, c := range []struct{ file, step, when string }{
		{"dist/build/tiny_windows_amd64/tiny.exe", "resources", "before"},
		{"dist/stage/resources/tiny_windows_amd64/tiny.exe", "attach", "before"},
		{released, "attach", "after"},
		{released, "verify", "before"},
		{released, "verify", "after"},
		{released, "catalog", "before"},
		{released, "catalog", "after"},
		{released, "wdac", "before"},
		{released, "wdac", "after"},
		{released, "portal", "before"},
		{released, "portal", "after"},
		{released, "sums", "before"},
		{"extra/install.ps1", "catalog", "after"},
		{"extra/install.ps1", "wdac", "before"},
		{"dist/catalog/tiny.cat", "wdac", "before"},
		{"dist/catalog/tiny.cat", "sums", "before"},
		{"dist/wdac/Tiny.xml", "portal", "before"},
		{"dist/catalog/tiny.cat", "catalog", "after"},
		{"dist/wdac/deploy.ps1", "wdac", "after"},
		{"dist/wdac/deploy.ps1", "sums", "before"},
		{"dist/evidence/tiny_windows_amd64/tiny.exe.verify.txt", "portal", "before"},
	} {
		for how, tamper := range p.tamperings(c.file, earlier) {
			t.Run(fmt.Sprintf("%s %s %s %s", c.file, how, c.when, c.step), func(t *testing.T) {
				p.write("extra/install.ps1", "Write-Host hello")
				p.forget("dist/evidence", "dist/catalog", "dist/wdac", "dist/portal", "dist/package", "dist/release")
				if strings.HasPrefix(c.file, "dist/build") || strings.HasPrefix(c.file, "dist/stage") {
					p.forget("dist/stage/resources")
				}
				nothing := func() {}
				before, after := tamper, nothing
				if c.when == "after" {
					before, after = nothing, tamper
				}
				err := p.interfering(c.step, before, after)
				name := c.file
				if c.step == "verify" && c.when == "before" { // its answer is about the file as it is
					name = "verify: tiny.exe windows/amd64"
				}
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("the release ends with %v\n%s", err, p.out.String())
				}
				if _, err := os.Stat(p.path("dist/package/SHA256SUMS")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("SHA256SUMS: %v", err)
				}
				if how == "one byte" && fault.Status(err) != fault.Verification {
					t.Errorf("exit status %d: %v", fault.Status(err), err)
				}
			})
		}
	}
	p.write("extra/install.ps1", "Write-Host hello")
	p.must()
}
