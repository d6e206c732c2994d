package catalog

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// world is a release whose programs are finished.
type world struct {
	*step.Run
	t       *testing.T
	signed  int   // how often the key was used
	stamped int   // how often the time server was asked
	down    error // what the time server answers
	out     bytes.Buffer
}

// counter counts signatures.
type counter struct {
	crypto.Signer
	n *int
}

func (c counter) Sign(rand io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	*c.n++
	return c.Signer.Sign(rand, digest, o)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p := formatstest.NewPKI(t)
	w := &world{t: t}
	root := t.TempDir()
	l, err := ledger.Open(filepath.Join(root, step.LedgerPath))
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	w.Run = &step.Run{Root: root, Ledger: l, Now: time.Now, Console: console.New(&w.out, console.Options{}), Spec: &spec.Spec{
		Sign:      &spec.Sign{Identity: "pem:key.pem,cert.pem", Digest: "sha256", Description: "Test"},
		Timestamp: &spec.Timestamp{Servers: []string{"http://tsa.invalid"}, Digest: "sha256"},
		Verify: &spec.Verify{OnlyTheseRoots: true, Roots: []string{p.Leaf.RootFile(t)}, TimestampRoots: []string{p.TSA.RootFile(t)},
			RequireTimestamp: &yes, Revocation: "off"},
		Catalog: &spec.Catalog{Name: "app", Version: 2, PathAttribute: "FilePath", Include: []string{"extra/**"}},
		Source:  spec.Source{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}}
	w.Run.Identity = func(context.Context) (*identity.Identity, error) {
		return &identity.Identity{Ref: "pem", Key: counter{p.Leaf.Key, &w.signed}, Certificate: p.Leaf.Certificate, Chain: p.Leaf.Chain, Root: p.Root}, nil
	}
	url := formatstest.OpensslTSA(t, p.TSA) + "/rfc3161"
	w.Run.Stamper = func(context.Context) (step.Stamper, error) { return &stamper{w, url}, nil }
	w.program("app_windows_amd64/app.exe", "amd64")
	w.program("app_windows_arm64/app.exe", "arm64")
	w.write("extra/install.ps1", "Write-Host hello")
	w.write("extra/conf/app.yaml", "a: 1")
	return w
}

type stamper struct {
	w   *world
	url string
}

func (s *stamper) Stamp(ctx context.Context, signature []byte) ([]byte, string, error) {
	s.w.stamped++
	if s.w.down != nil {
		return nil, "", s.w.down
	}
	c, err := rfc3161.NewClient([]string{s.url}, rfc3161.TrustRoots(formatstest.NewPKI(s.w.t).TSARoots()), rfc3161.ClientOptions{})
	if err != nil {
		return nil, "", err
	}
	st, err := c.Timestamp(ctx, signature, crypto.SHA256)
	if err != nil {
		return nil, "", err
	}
	return st.Raw, "openssl", nil
}

func (w *world) program(name, goarch string) {
	w.t.Helper()
	b, err := os.ReadFile(formatstest.GoProgram(w.t, goarch))
	if err != nil {
		w.t.Fatal(err)
	}
	path := step.ReleaseDir + "/" + name
	w.write(path, string(b))
	if err := w.Ledger.Put(ledger.Record{Step: "verify", Unit: name, Bound: map[string]pinned.Sum{path: pinned.SumOf(b)}}); err != nil {
		w.t.Fatal(err)
	}
	w.Ledger.SetArtifacts(append(w.Ledger.Artifacts(), ledger.Artifact{ID: "app", Name: "app.exe", GOOS: "windows", GOARCH: goarch}))
}

func (w *world) write(path, text string) {
	w.t.Helper()
	abs := w.Abs(path)
	if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(abs, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run() (step.Result, error) {
	w.t.Helper()
	units, err := Step().Units(context.Background(), w.Run)
	if err != nil {
		return step.Result{}, err
	}
	if len(units) != 1 {
		w.t.Fatalf("%d units", len(units))
	}
	for _, o := range units[0].Outputs {
		if err := os.MkdirAll(filepath.Dir(w.Abs(o)), 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
	res, err := units[0].Do(context.Background())
	if err != nil {
		return res, err
	}
	for _, o := range units[0].Outputs {
		b, err := os.ReadFile(w.Abs(o))
		if err != nil {
			w.t.Fatal(err)
		}
		res.Bound[o] = pinned.SumOf(b)
	}
	return res, w.Ledger.Put(ledger.Record{Step: "catalog", Unit: units[0].Name, Bound: res.Bound, Facts: res.Facts})
}

func (w *world) catalog() []byte {
	w.t.Helper()
	b, err := os.ReadFile(w.Abs("dist/catalog/app.cat"))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// TestRelease: everything shipped is listed, by name, signed and stamped, and osslsigncode finds the programs.
func TestRelease(t *testing.T) {
	w := newWorld(t)
	res, err := w.run()
	if err != nil {
		t.Fatal(err)
	}
	if res.Facts["files"] != "4" || res.Facts["verdict"] != "TRUSTED" || res.Facts["server"] != "openssl" || res.Facts["timestamp"] == "" || res.Facts["signer"] != "Hallmark Test Publisher" {
		t.Errorf("facts: %v", res.Facts)
	}
	c, err := catalog.Parse(w.catalog())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range c.Members {
		n, _ := m.Attribute("FilePath")
		names[n] = true
	}
	for _, n := range []string{`app_windows_amd64\app.exe`, `app_windows_arm64\app.exe`, `extra\install.ps1`, `extra\conf\app.yaml`} {
		if !names[n] {
			t.Errorf("%s is not listed: %v", n, names)
		}
	}
	p := formatstest.NewPKI(t)
	for _, f := range []string{"dist/release/app_windows_amd64/app.exe", "dist/release/app_windows_arm64/app.exe", "extra/install.ps1"} {
		if ok, out := formatstest.VerifyOsslCatalog(t, w.Abs("dist/catalog/app.cat"), w.Abs(f), p.Leaf.RootFile(t), p.TSA.RootFile(t)); !ok {
			t.Errorf("%s:\n%s", f, out)
		}
	}
	for _, f := range []string{"dist/catalog/app.cdf", "dist/evidence/catalog/app.cat.verify.txt", "dist/evidence/catalog/app.cat.verify.json", "dist/evidence/catalog/app.cat.files.json"} {
		if _, err := os.Stat(w.Abs(f)); err != nil {
			t.Error(err)
		}
	}
}

func TestCoverage(t *testing.T) {
	w := newWorld(t)
	if s, err := Coverage(w.Run); s != nil || err != nil {
		t.Errorf("before the catalog: %v %v", s, err)
	}
	w.write("extra/empty.txt", "")
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	s, err := Coverage(w.Run)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Files) != 4 || s.Files[0].Path != "dist/release/app_windows_amd64/app.exe" || s.Files[0].Kind != "PE" || len(s.Files[0].SHA256) != 64 {
		b, _ := json.Marshal(s)
		t.Errorf("%s", b)
	}
	if len(s.Empty) != 1 || s.Empty[0] != "extra/empty.txt" || !strings.Contains(w.out.String(), "extra/empty.txt is left out") {
		t.Errorf("empty files: %v\n%s", s.Empty, w.out.String())
	}
}

// TestReproducible: the same release gives the same list.
func TestReproducible(t *testing.T) {
	one, two := newWorld(t), newWorld(t)
	for _, w := range []*world{one, two} {
		if _, err := w.run(); err != nil {
			t.Fatal(err)
		}
	}
	a, err := catalog.Parse(one.catalog())
	if err != nil {
		t.Fatal(err)
	}
	b, err := catalog.Parse(two.catalog())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.SignedData.Content, b.SignedData.Content) {
		t.Error("the lists differ")
	}
	if !bytes.Equal(a.SignedData.Signers[0].Signature, b.SignedData.Signers[0].Signature) {
		t.Error("the signatures differ")
	}
}

// TestTimeServerDown: the next run goes on with the signature that was made.
func TestTimeServerDown(t *testing.T) {
	w := newWorld(t)
	w.down = errors.New("time server is down")
	if _, err := w.run(); !errors.Is(err, w.down) {
		t.Fatalf("%v", err)
	}
	if _, err := os.Stat(w.Abs("dist/catalog/app.cat")); err == nil {
		t.Error("an unstamped catalog lies in dist/catalog")
	}
	w.down = nil
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	if w.signed != 1 || w.stamped != 2 {
		t.Errorf("signed %d times, asked for %d stamps", w.signed, w.stamped)
	}
	w.write("extra/install.ps1", "changed")
	w.down = errors.New("down again")
	if _, err := w.run(); !errors.Is(err, w.down) || w.signed != 2 {
		t.Errorf("a changed list was not signed again: %v, %d", err, w.signed)
	}
}

// TestFailsClosed: nothing is written over what was good.
func TestFailsClosed(t *testing.T) {
	t.Run("publisher", func(t *testing.T) {
		w := newWorld(t)
		w.Spec.Verify.Publisher = "Somebody Else"
		if _, err := w.run(); fault.Status(err) != fault.Verification {
			t.Errorf("%v", err)
		}
		if _, err := os.Stat(w.Abs("dist/catalog/app.cat")); err == nil {
			t.Error("a catalog that was refused lies in dist/catalog")
		}
	})
	t.Run("damaged program", func(t *testing.T) {
		w := newWorld(t)
		w.write(step.ReleaseDir+"/app_windows_arm64/app.exe", "MZ"+strings.Repeat("\x00", 58)+"\x40\x00\x00\x00PE\x00\x00\x64\x86")
		if _, err := w.run(); err == nil || !strings.Contains(err.Error(), "app_windows_arm64/app.exe") {
			t.Errorf("%v", err)
		}
	})
	t.Run("changed while stamping", func(t *testing.T) {
		w := newWorld(t)
		real := w.Run.Stamper
		w.Run.Stamper = func(ctx context.Context) (step.Stamper, error) {
			w.write("extra/install.ps1", "Write-Host changed") // an editor saves the file meanwhile
			return real(ctx)
		}
		if _, err := w.run(); fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "extra/install.ps1") {
			t.Errorf("%v", err)
		}
	})
}

func TestInclude(t *testing.T) {
	for name, c := range map[string]struct {
		include []string
		before  func(*world)
		want    string
	}{
		"no match":      {[]string{"scripts/*.ps1"}, nil, "no file matches scripts/*.ps1"},
		"folder":        {[]string{"extra/conf"}, nil, "extra/conf is a folder"},
		"broken link":   {[]string{"extra/**"}, func(w *world) { w.link("nowhere", "extra/l") }, "is a broken link"},
		"link outside":  {[]string{"extra/**"}, func(w *world) { w.link(w.t.TempDir()+"/..", "extra/l"); w.outside() }, "outside of"},
		"two of a name": {[]string{"app_windows_amd64/app.exe"}, func(w *world) { w.write("app_windows_amd64/app.exe", "x") }, "are both listed as"},
	} {
		w := newWorld(t)
		w.Spec.Catalog.Include = c.include
		if c.before != nil {
			c.before(w)
		}
		if _, err := w.run(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := newWorld(t)
	w.link("install.ps1", "extra/link.ps1")
	if _, err := w.run(); err != nil || !strings.Contains(w.out.String(), "extra/link.ps1 is a link") {
		t.Errorf("link inside: %v\n%s", err, w.out.String())
	}
}

func (w *world) link(target, path string) {
	w.t.Helper()
	formatstest.Symlink(w.t, target, w.Abs(path))
}

// outside makes extra/l a link to a file outside of the project.
func (w *world) outside() {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Remove(w.Abs("extra/l")); err != nil {
		w.t.Fatal(err)
	}
	w.link(file, "extra/l")
}

func TestUnitBeforeTheBuild(t *testing.T) {
	w := newWorld(t)
	w.Ledger.SetArtifacts(nil)
	w.Spec.Build.Config = "goreleaser.yaml" // names no programs until it has run
	units, err := Step().Units(context.Background(), w.Run)
	if err != nil || len(units) != 0 {
		t.Errorf("%d units, %v", len(units), err)
	}
}
