package release

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/pipeline"
)

// project is a small module with a release.yaml, released inside the test
// process.
type project struct {
	t    *testing.T
	dir  string
	env  map[string]string
	out  bytes.Buffer
	spec string
	now  func() time.Time // nil is time.Now
}

// program is as small as a Go program gets, so that compiling takes no time.
const program = "package main\n\nvar version = \"dev\"\n\nfunc main() { println(version) }\n"

// newProject makes a module that is signed by the ordinary publisher of the
// test PKI and stamped by a server of the test's own.
func newProject(t *testing.T) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir(), env: map[string]string{"PFX_PASSWORD": "correct"}}
	p.write("go.mod", "module example.com/tiny\n\ngo 1.26.0\n")
	p.write("main.go", program)
	pki := formatstest.NewPKI(t)
	p.copy("id.pfx", pki.Leaf.PFXFile(t, "correct"))
	p.copy("root.pem", formatstest.PEMFile(t, pki.Root))
	p.copy("tsaroot.pem", formatstest.PEMFile(t, pki.TSARoot))
	p.setSpec(p.basic(p.stamps(nil)))
	return p
}

// stamps starts a time server that misbehaves as fault says.
func (p *project) stamps(fault func(n int) rfc3161.Fault) (url string) {
	p.t.Helper()
	tsa := formatstest.NewPKI(p.t).TSA
	h, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: tsa.Key, Certificate: tsa.Certificate, Chain: tsa.Chain, Fault: fault})
	if err != nil {
		p.t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	p.t.Cleanup(srv.Close)
	return srv.URL
}

func (p *project) basic(server string) string {
	return `version: 1
project:
  name: tiny
  version: 1.2.3
  company: Tiny Works
  description: Prints its version.
  url: https://tiny.example.com
build:
  builder: go
  binaries: [{main: .}]
  targets: [windows/amd64]
  variables: {main.version: version}
resources: {}
sign:
  identity: pkcs12:id.pfx
  password: env:PFX_PASSWORD
  description: Tiny
timestamp:
  servers: ["` + server + `"]
  attempts: 1
  request_timeout: 2s
  budget: 4s
verify:
  roots: [root.pem]
  timestamp_roots: [tsaroot.pem]
portal:
  detection: Trojan:Win32/Wacatac.B!ml
  definition_version: 1.457.164.0
  behaviour: Prints its version.
`
}

func (p *project) setSpec(text string) {
	p.spec = text
	p.write("release.yaml", text)
}

// edit replaces part of the spec, which has to be there.
func (p *project) edit(old, now string) {
	p.t.Helper()
	if !strings.Contains(p.spec, old) {
		p.t.Fatalf("the spec has no %q", old)
	}
	p.setSpec(strings.Replace(p.spec, old, now, 1))
}

func (p *project) write(name, text string) {
	p.t.Helper()
	path := p.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) copy(name, from string) {
	p.t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(name, string(b))
}

func (p *project) read(name string) string {
	p.t.Helper()
	b, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func (p *project) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func (p *project) options() Options {
	now := p.now
	if now == nil {
		now = time.Now
	}
	return Options{
		Root: p.dir, Getenv: func(k string) string { return p.env[k] },
		Console: console.New(&p.out, console.Options{Verbose: true}), Now: now,
	}
}

// release runs everything, or the named steps.
func (p *project) release(steps ...string) error {
	p.t.Helper()
	p.out.Reset()
	r, err := Open(context.Background(), p.options(), true)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Execute(context.Background(), steps...)
}

func (p *project) must(steps ...string) {
	p.t.Helper()
	if err := p.release(steps...); err != nil {
		p.t.Fatalf("%v\n%s", err, p.out.String())
	}
}

// plan describes what would run.
func (p *project) plan() []pipeline.StepState {
	p.t.Helper()
	r, err := Open(context.Background(), p.options(), false)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Close()
	states, err := pipeline.Plan(p.t.Context(), pipeline.Steps(), r.run)
	if err != nil {
		p.t.Fatal(err)
	}
	return states
}

// planned is mage plan.
func (p *project) planned() error {
	p.t.Helper()
	p.out.Reset()
	o := p.options()
	o.Planning = true
	r, err := Open(context.Background(), o, false)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Plan(context.Background())
}

// pending names the steps that the plan says will run.
func (p *project) pending() string {
	p.t.Helper()
	var names []string
	for _, s := range p.plan() {
		if s.Runs() {
			names = append(names, s.Step.Name)
		}
	}
	return strings.Join(names, " ")
}

const released = "dist/release/tiny_windows_amd64/tiny.exe"

// tree maps every file below dist to its content, times of verification left
// out.
func (p *project) tree() map[string]string {
	p.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(p.path("dist"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(p.dir, path)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// difference names the first file in which two trees differ.
func difference(a, b map[string]string) string {
	for name, text := range a {
		if other, ok := b[name]; !ok {
			return name + " is missing"
		} else if other != text {
			return fmt.Sprintf("%s differs", name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			return name + " is new"
		}
	}
	return ""
}
