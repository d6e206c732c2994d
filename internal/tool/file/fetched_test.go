package file

import (
	"bytes"
	"context"
	"crypto/sha1"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
	"github.com/hallmark-dev/hallmark/internal/trust"
	"github.com/hallmark-dev/hallmark/internal/trust/trusttest"
)

// TestVerifyWithFetchedLists: what roots:update has fetched decides, also where -only leaves its roots aside.
func TestVerifyWithFetchedLists(t *testing.T) {
	p := formatstest.NewPKI(t)
	root, leaf := p.Leaf.RootFile(t), sha1.Sum(p.Leaf.Certificate.Raw)
	exe := filepath.Join(t.TempDir(), "a.exe")
	if err := Sign(context.Background(), console.Discard(), Signing{Files: args.Files{In: formatstest.GoProgram(t, "amd64"), Out: exe},
		Signer: args.Signer{Key: args.Key{Identity: "pem:" + p.Leaf.KeyFile(t) + "," + p.Leaf.CertFile(t), Chain: root}}}); err != nil {
		t.Fatal(err)
	}
	other := [][]byte{make([]byte, 20)}
	limited := trusttest.Store{Disallowed: other, Roots: []trusttest.Root{{Certificate: p.Root, Disabled: time.Now().Add(-time.Hour)}}}
	for name, c := range map[string]struct {
		list   trusttest.Store
		v      args.Verification
		status int
		says   string
	}{
		"not listed":          {trusttest.Store{Disallowed: other}, args.Verification{Roots: root, Only: true}, 0, "root from:   -roots"},
		"no list":             {trusttest.Store{}, args.Verification{Roots: root, Only: true}, 0, "list of disallowed certificates is not at hand"},
		"publisher listed":    {trusttest.Store{Disallowed: [][]byte{leaf[:]}}, args.Verification{Roots: root, Only: true}, fault.Verification, "TRUST_E_EXPLICIT_DISTRUST"},
		"root listed":         {trusttest.Store{Disallowed: other, Roots: []trusttest.Root{{Certificate: p.Root}}}, args.Verification{}, 0, "root from:   Microsoft's list of " + time.Now().UTC().Format(time.DateOnly)},
		"root disabled":       {limited, args.Verification{}, fault.Verification, "is trusted for code signing up to"},
		"root disabled, only": {limited, args.Verification{Roots: root, Only: true}, 0, "result:      trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.v.Lists = trust.Store{Dir: dir, Anchors: trusttest.Write(t, dir, c.list)}
			c.v.In, c.v.Allow = exe, "no-timestamp"
			var out bytes.Buffer
			err := Verify(context.Background(), console.Discard(), &out, c.v)
			got := 0
			if err != nil {
				got = fault.Status(err)
			}
			if got != c.status || !strings.Contains(out.String(), c.says) {
				t.Errorf("status %d, want %d and %q: %v\n%s", got, c.status, c.says, err, out.String())
			}
		})
	}
}

// TestPlantedTrust: what lies beside the file, or in the working folder, makes
// nothing trusted, and a store that was tampered with is an error.
func TestPlantedTrust(t *testing.T) {
	p := formatstest.NewPKI(t)
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv(trust.ConfigVariable, t.TempDir())
	if err := Sign(context.Background(), console.Discard(), Signing{Files: args.Files{In: formatstest.GoProgram(t, "amd64"), Out: "a.exe"},
		Signer: args.Signer{Key: args.Key{Identity: "pem:" + p.Leaf.KeyFile(t) + "," + p.Leaf.CertFile(t), Chain: p.Leaf.RootFile(t)}}}); err != nil {
		t.Fatal(err)
	}
	lists := trusttest.Store{Roots: []trusttest.Root{{Certificate: p.Root}}}
	for _, folder := range []string{".", ".hallmark", ".hallmark/roots", "hallmark/roots", "roots"} {
		trusttest.Write(t, folder, lists)
	}
	if err := os.WriteFile(".hallmark/roots.json", []byte(`{"sequence":"ffffffff","code_signing":["AAAA"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func() (string, error) {
		var out bytes.Buffer
		err := Verify(context.Background(), console.Discard(), &out, args.Verification{In: "a.exe", Allow: "no-timestamp"})
		return out.String(), err
	}
	if out, err := verify(); fault.Status(err) != fault.Verification || !strings.Contains(out, "CERT_E_CHAINING") {
		t.Errorf("lists in the working folder: %v\n%s", err, out)
	}
	// Lists in the right folder which Microsoft has not signed.
	trusttest.Write(t, trust.Store{}.Path(), lists)
	if out, err := verify(); err == nil || !strings.Contains(err.Error(), "the lists in") || strings.Contains(out, "result:      trusted") {
		t.Errorf("lists of another signer: %v\n%s", err, out)
	}
}
