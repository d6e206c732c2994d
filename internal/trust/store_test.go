package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// TestStoreIsJudgedAtEachLoad changes one file of a good store in every way that
// would bring trust or take distrust away.
func TestStoreIsJudgedAtEachLoad(t *testing.T) {
	p := newPublisher(t)
	p.list(10, oidRootList, time.Time{})
	other := newPublisher(t)
	other.list(99, oidRootList, time.Time{})
	evil, _ := certificate(t, "evil", nil, nil, true)
	for name, c := range map[string]struct {
		file   string
		change func([]byte) []byte
		says   string
	}{
		"another signer's roots":      {rootsFile, func([]byte) []byte { return other.files["/authroot.stl"] }, "signature of the"},
		"another signer's disallowed": {disallowedFile, func([]byte) []byte { return other.files["/disallowedcert.stl"] }, "signature of the"},
		"roots as disallowed":         {disallowedFile, func([]byte) []byte { return p.files["/authroot.stl"] }, "not a list of disallowed certificates"},
		"a byte of the list": {rootsFile, func(b []byte) []byte {
			sum := sha256.Sum256(p.listed[0].Raw)
			b[bytes.Index(b, sum[:])] ^= 1
			return b
		}, "message digest"},
		"cut":                  {rootsFile, func(b []byte) []byte { return b[:len(b)/2] }, "reading root list"},
		"empty":                {disallowedFile, func([]byte) []byte { return nil }, "reading list of disallowed"},
		"no certificates":      {certificatesFile, func([]byte) []byte { return nil }, "is missing"},
		"another certificate":  {certificatesFile, func(b []byte) []byte { return swap(b, evil.Raw) }, "is missing"},
		"one certificate more": {certificatesFile, func(b []byte) []byte { return append(b, swap(nil, evil.Raw)...) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := p.update(dir); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, c.file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			id, err := p.store(dir).ID()
			if err != nil || id == "" {
				t.Fatalf("%q, %v", id, err)
			}
			if err := os.WriteFile(path, c.change(b), 0o600); err != nil {
				t.Fatal(err)
			}
			if now, err := p.store(dir).ID(); now == id || err != nil {
				t.Errorf("the change is not seen: %v", err)
			}
			roots, err := Defaults(p.store(dir))
			if err == nil {
				_, err = p.store(dir).Disallowed()
			}
			if c.says == "" {
				if err != nil || roots.CodeSigning.Contains(evil) {
					t.Errorf("a certificate that no list names: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error is %v, want %q", err, c.says)
			}
		})
	}
}

// swap puts a certificate into the place of the first one.
func swap(b, der []byte) []byte {
	_, rest := pem.Decode(b)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), rest...)
}

// TestStoreOutlivesItsSigner: a list stays genuine when its signer's certificate ends.
func TestStoreOutlivesItsSigner(t *testing.T) {
	p := newPublisher(t)
	p.list(10, oidRootList, time.Time{})
	dir := t.TempDir()
	if _, err := p.update(dir); err != nil {
		t.Fatal(err)
	}
	anchors, err := p.store(dir).anchors()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseList(p.files["/authroot.stl"], anchors, time.Now().Add(48*time.Hour)); err == nil {
		t.Fatal("the signer does not end")
	}
	if l, err := p.store(dir).List(); err != nil || len(l.CodeSigning) == 0 {
		t.Error(err)
	}
}

// TestFirstListIsRecent: where there is nothing to compare with, age counts.
func TestFirstListIsRecent(t *testing.T) {
	p := newPublisher(t)
	p.list(10, oidRootList, time.Time{})
	u := Updater{Now: func() time.Time { return time.Now().Add(maxFirstAge - time.Minute) }}
	if err := u.recent(time.Now()); err != nil {
		t.Error(err)
	}
	u.Now = func() time.Time { return time.Now().Add(maxFirstAge + time.Minute) }
	if err := u.recent(time.Now()); fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "180 days") {
		t.Error(err)
	}
	// In full: a list of last year, whose signer is still valid.
	old := newPublisher(t)
	old.issued = time.Now().Add(-maxFirstAge - time.Hour)
	old.list(1, oidRootList, time.Time{})
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := old.update(dir); fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "must not be older") {
		t.Errorf("first list: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
}

// TestSources: an anchor knows where it comes from, the first source first.
func TestSources(t *testing.T) {
	p := newPublisher(t)
	p.list(10, oidRootList, time.Time{})
	dir := t.TempDir()
	if _, err := p.update(dir); err != nil {
		t.Fatal(err)
	}
	own, _ := certificate(t, "own", nil, nil, true)
	file := filepath.Join(dir, "own.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	roots, err := Roots(Options{Store: p.store(dir), Both: []string{file}, TestRoot: file})
	if err != nil {
		t.Fatal(err)
	}
	builtin, err := certchain.BuiltinRoots()
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]string{
		"built in": roots.CodeSigning.Source(builtin.CodeSigning.Certificates()[0]),
		"-roots":   roots.TimeStamping.Source(own),
		"Microsoft's list of " + time.Now().UTC().Format(time.DateOnly): roots.CodeSigning.Source(p.listed[0]),
		"": roots.TimeStamping.Source(p.root),
	} {
		if c != want {
			t.Errorf("source is %q, want %q", c, want)
		}
	}
}

// TestFolderOfTheUser: the variable decides, and must hold an absolute path.
func TestFolderOfTheUser(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(ConfigVariable, dir)
	if got := (Store{}).Path(); got != filepath.Join(dir, "roots") {
		t.Error(got)
	}
	t.Setenv(ConfigVariable, "relative")
	if _, err := (Store{}).List(); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Error(err)
	}
}
