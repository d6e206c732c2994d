package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// shelf is a folder of files with a catalog beside it.
type shelf struct {
	t        *testing.T
	dir, cat string
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	base := t.TempDir()
	s := &shelf{t, filepath.Join(base, "files"), filepath.Join(base, "files.cat")}
	s.put("a.txt", "a")
	s.put("sub/b.ps1", "b")
	return s
}

func (s *shelf) put(name, text string) {
	s.t.Helper()
	p := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) make(m Making) error {
	s.t.Helper()
	m.Now, m.Getenv = time.Now, func(string) string { return "" }
	return Make(context.Background(), console.Discard(), m)
}

func (s *shelf) sign(replace bool) error {
	s.t.Helper()
	id := formatstest.NewPKI(s.t).Leaf
	return Sign(context.Background(), console.Discard(), Signing{Files: args.Files{In: s.cat}, Replace: replace,
		Signer: args.Signer{Key: args.Key{Identity: "pem:" + id.KeyFile(s.t) + "," + id.CertFile(s.t), Chain: id.RootFile(s.t)}}})
}

func (s *shelf) check(k Checking) (string, error) {
	s.t.Helper()
	var out bytes.Buffer
	k.In, k.Dir = s.cat, s.dir
	k.Roots, k.Only, k.Allow = formatstest.NewPKI(s.t).Leaf.RootFile(s.t), true, "no-timestamp"
	err := Check(context.Background(), &out, k)
	return out.String(), err
}

func TestCatalogLife(t *testing.T) {
	s := newShelf(t)
	if err := s.make(Making{Dir: s.dir, Attributes: "OSAttr=2:10.0"}); err != nil {
		t.Fatal(err)
	}
	if out, err := s.check(Checking{}); fault.Status(err) != fault.Verification {
		t.Errorf("an unsigned catalog: %v\n%s", err, out)
	}
	if out, err := s.check(Checking{Unsigned: true}); err != nil || !strings.Contains(out, "2 files as listed") {
		t.Errorf("without looking at the signature: %v\n%s", err, out)
	}
	if err := s.sign(false); err != nil {
		t.Fatal(err)
	}
	if out, err := s.check(Checking{}); err != nil {
		t.Errorf("signed: %v\n%s", err, out)
	}
	if err := s.sign(false); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "-replace=true") {
		t.Errorf("signing twice: %v", err)
	}
	if err := s.sign(true); err != nil {
		t.Errorf("replacing: %v", err)
	}
	s.put("a.txt", "changed")
	s.put("new.txt", "new")
	if err := os.Remove(filepath.Join(s.dir, "sub", "b.ps1")); err != nil {
		t.Fatal(err)
	}
	out, err := s.check(Checking{})
	for _, want := range []string{"changed: a.txt\n", "extra: new.txt\n", "missing: sub/b.ps1\n", "0 files as listed, 1 changed, 1 missing, 1 extra"} {
		if fault.Status(err) != fault.Verification || !strings.Contains(out, want) {
			t.Errorf("%q is not in (%v)\n%s", want, err, out)
		}
	}
}

func TestCatalogList(t *testing.T) {
	s := newShelf(t)
	if err := s.make(Making{Dir: s.dir, Attributes: "OSAttr=2:10.0", Version: 1}); err != nil {
		t.Fatal(err)
	}
	var text, data bytes.Buffer
	if err := List(&text, s.cat, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"version 1, not signed, 2 entries", `OSAttr: "2:10.0"`, `FilePath: "sub\b.ps1"`, "86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	if err := List(&data, s.cat, true); err != nil {
		t.Fatal(err)
	}
	var got []listing
	if err := json.Unmarshal(data.Bytes(), &got); err != nil || len(got) != 1 || len(got[0].Members) != 2 {
		t.Errorf("%v\n%s", err, data.String())
	}
}

// TestCatalogFromDefinition: the definition that is written makes the same list again, and a second run does not list the first one's results.
func TestCatalogFromDefinition(t *testing.T) {
	s := newShelf(t)
	inside := filepath.Join(s.dir, "x.cat")
	for range 2 {
		if err := s.make(Making{Dir: s.dir, Out: inside}); err != nil {
			t.Fatal(err)
		}
	}
	var one, two bytes.Buffer
	if err := List(&one, inside, true); err != nil {
		t.Fatal(err)
	}
	if err := s.make(Making{CDF: filepath.Join(s.dir, "x.cdf"), Out: s.cat}); err != nil {
		t.Fatal(err)
	}
	if err := List(&two, s.cat, true); err != nil {
		t.Fatal(err)
	}
	var a, b []listing
	if json.Unmarshal(one.Bytes(), &a) != nil || json.Unmarshal(two.Bytes(), &b) != nil || a[0].ListID != b[0].ListID || len(a[0].Members) != 4 {
		t.Errorf("%s\n%s", one.String(), two.String())
	}
}

// TestCatalogDefinitionWarnings: what makecat loses without a word is said, with the line, and the catalog goes where makecat puts it.
func TestCatalogDefinitionWarnings(t *testing.T) {
	s := newShelf(t)
	s.put("x.cdf", "[CatalogHeader]\nName=named\n[CatalogFiles]\n<HASH>1=a.txt\n<HASH>1ATTR1=0x10010002:1.2.3:lost\n<HASH>1ATTR3=0x10010001:n:lost\n")
	var said bytes.Buffer
	err := Make(context.Background(), console.New(&said, console.Options{}), Making{CDF: filepath.Join(s.dir, "x.cdf"), Now: time.Now,
		Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"x.cdf: line 5: attribute 1.2.3", "x.cdf: line 6: <HASH>1ATTR3 is not read"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in %s", want, said.String())
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, "named.CAT")); err != nil {
		t.Error(err)
	}
}

func TestCatalogUsage(t *testing.T) {
	s := newShelf(t)
	for name, m := range map[string]Making{"nothing": {}, "both": {Dir: s.dir, CDF: "x.cdf"}, "attributes": {Dir: s.dir, Attributes: "x"}, "bad definition": {CDF: filepath.Join(s.dir, "a.txt")}} {
		if err := s.make(m); fault.Status(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.make(Making{Dir: s.dir, Version: 3}); err == nil {
		t.Error("version 3 is made")
	}
	if err := s.make(Making{Dir: s.dir, PathAttribute: "Path"}); err == nil {
		t.Error("path attribute Path is accepted")
	}
}
