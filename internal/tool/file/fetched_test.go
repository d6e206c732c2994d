package file

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// fetched makes a working folder in which roots:update has left l, and goes there.
func fetched(t *testing.T, l trust.List) {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(".hallmark", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(args.FetchedRoots(), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyWithFetchedLists: what roots:update has fetched decides, also where -only leaves its roots aside.
func TestVerifyWithFetchedLists(t *testing.T) {
	p := formatstest.NewPKI(t)
	root, leaf := p.Leaf.RootFile(t), sha1.Sum(p.Leaf.Certificate.Raw)
	exe := filepath.Join(t.TempDir(), "a.exe")
	if err := Sign(context.Background(), console.Discard(), Signing{Files: args.Files{In: formatstest.GoProgram(t, "amd64"), Out: exe},
		Signer: args.Signer{Key: args.Key{Identity: "pem:" + p.Leaf.KeyFile(t) + "," + p.Leaf.CertFile(t), Chain: root}}}); err != nil {
		t.Fatal(err)
	}
	condemned := &trust.DisallowedList{Sequence: "1", Thumbprints: []string{hex.EncodeToString(leaf[:])}}
	other := &trust.DisallowedList{Sequence: "1", Thumbprints: []string{strings.Repeat("00", 20)}}
	limited := trust.List{Disallowed: other, CodeSigningLimited: []trust.LimitedRoot{{Certificate: p.Root.Raw, Limits: certchain.Limits{Disabled: time.Now().Add(-time.Hour)}}}}
	for name, c := range map[string]struct {
		list   trust.List
		v      args.Verification
		status int
		says   string
	}{
		"not listed":          {trust.List{Disallowed: other}, args.Verification{Roots: root, Only: true}, 0, "result:      trusted"},
		"no list":             {trust.List{}, args.Verification{Roots: root, Only: true}, 0, "list of disallowed certificates is not at hand"},
		"publisher listed":    {trust.List{Disallowed: condemned}, args.Verification{Roots: root, Only: true}, fault.Verification, "TRUST_E_EXPLICIT_DISTRUST"},
		"root disabled":       {limited, args.Verification{}, fault.Verification, "is trusted for code signing up to"},
		"root disabled, only": {limited, args.Verification{Roots: root, Only: true}, 0, "result:      trusted"},
		"broken list":         {trust.List{Disallowed: &trust.DisallowedList{Hashes: []string{"?"}}}, args.Verification{Roots: root, Only: true}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			fetched(t, c.list)
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
