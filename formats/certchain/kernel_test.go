package certchain_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestBuiltinKernelPolicy compares the roots with their table and with what Microsoft's
// documents name.
func TestBuiltinKernelPolicy(t *testing.T) {
	k, err := certchain.BuiltinKernelRoots()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range append(k.Roots.Certificates(), k.CrossRoots.Certificates()...) {
		names = append(names, c.Subject.CommonName)
	}
	slices.Sort(names)
	if want := []string{"Microsoft Code Verification Root", "Microsoft Root Authority", "Microsoft Root Certificate Authority", "Microsoft Root Certificate Authority 2010"}; !slices.Equal(names, want) {
		t.Errorf("roots are %q", names)
	}
	readme, err := os.ReadFile(filepath.Join("roots", "kernel", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range k.CrossRoots.Certificates() {
		s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
		if row := "| " + hex.EncodeToString(s1[:]) + " | " + hex.EncodeToString(s256[:]) + " |"; !strings.Contains(string(readme), row) {
			t.Errorf("%s: its row is not in the table: %s", c.Subject, row)
		}
		if builtin, err := certchain.BuiltinRoots(); err != nil || builtin.CodeSigning.Contains(c) {
			t.Errorf("%s is a root for everything: %v", c.Subject, err)
		}
	}
}

// TestSigntoolCarriesKernelRoots: the policy's roots are the very bytes that signtool
// compares with.
func TestSigntoolCarriesKernelRoots(t *testing.T) {
	signtool := formatstest.NewRig(t).File("signtool.exe")
	k, err := certchain.BuiltinKernelRoots()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(k.Roots.Certificates(), k.CrossRoots.Certificates()...) {
		if !bytes.Contains(signtool, c.Raw) {
			t.Errorf("signtool does not have %s", c.Subject)
		}
	}
	roots, err := certchain.BuiltinRoots()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range roots.CodeSigning.Certificates() {
		if bytes.Contains(signtool, c.Raw) != k.Roots.Contains(c) {
			t.Errorf("signtool and the policy disagree about %s", c.Subject)
		}
	}
}
