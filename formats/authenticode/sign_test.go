package authenticode_test

import (
	"bytes"
	"context"
	"crypto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func signer(id *formatstest.Identity) cms.Signer {
	return cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}
}

// hashed is a signer that signs with another hash than the default.
func hashed(s cms.Signer, h crypto.Hash) cms.Signer {
	s.Hash = h
	return s
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// writeTemp puts bytes into a file of their own folder.
func writeTemp(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.exe")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// signed signs bytes through an in-memory writer.
func signed(t testing.TB, b []byte, o authenticode.SignOptions) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := authenticode.Sign(context.Background(), bytes.NewReader(b), int64(len(b)), &out, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// signedCases are all kinds of signatures, by name.
func signedCases(t testing.TB) map[string][]byte {
	t.Helper()
	p := formatstest.NewPKI(t)
	cases := map[string][]byte{}
	for _, arch := range []string{"amd64", "386", "arm64"} {
		cases[arch] = signed(t, readFile(t, formatstest.GoProgram(t, arch)), authenticode.SignOptions{
			Signer: signer(p.Leaf), Description: "Grüße – программа", URL: "https://example.com/x"})
	}
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	options := map[string]authenticode.SignOptions{
		"sha384":     {Signer: hashed(cms.Signer{}, crypto.SHA384)},
		"sha512":     {Signer: hashed(cms.Signer{}, crypto.SHA512)},
		"commercial": {Commercial: true},
		"pages":      {PageHashes: true},
	}
	for name, o := range options {
		o.Signer = hashed(signer(p.Leaf), o.Signer.Hash)
		cases[name] = signed(t, program, o)
	}
	cases["odd size"] = signed(t, append(bytes.Clone(program), "odd"...), authenticode.SignOptions{Signer: signer(p.Leaf)})
	cases["odd size, pages"] = signed(t, append(bytes.Clone(program), "odd"...), authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true})
	second := signed(t, cases["pages"], authenticode.SignOptions{Signer: hashed(signer(p.Second), crypto.SHA384), Existing: authenticode.ExistingAppend})
	cases["two"] = second
	cases["three"] = signed(t, second, authenticode.SignOptions{Signer: signer(p.EV), Existing: authenticode.ExistingAppend})
	return cases
}

func TestOsslsigncodeAcceptsAll(t *testing.T) {
	p := formatstest.NewPKI(t)
	root := formatstest.PEMFile(t, p.Root)
	cases := signedCases(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	cases["ecdsa p256"] = signed(t, program, authenticode.SignOptions{Signer: signer(p.ECDSA)})
	cases["ecdsa p384"] = signed(t, program, authenticode.SignOptions{Signer: hashed(signer(p.P384), crypto.SHA384)})
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			path := writeTemp(t, b)
			ok, out := formatstest.VerifyOssl(t, path, root, "")
			if !ok {
				t.Fatalf("refused:\n%s", out)
			}
			for _, bad := range []string{"MISMATCH", "invalid", "Warning"} {
				if strings.Contains(out, bad) {
					t.Errorf("%s:\n%s", bad, out)
				}
			}
		})
	}
}

func TestMicrosoftAcceptsAll(t *testing.T) {
	rig := formatstest.NewRig(t)
	var paths, names []string
	for name, b := range signedCases(t) {
		paths, names = append(paths, writeTemp(t, b)), append(names, name)
	}
	for i, v := range rig.Verify(paths...) {
		if !v.OK() {
			t.Errorf("%s: %v", names[i], v)
		}
		if want := map[string]int{"two": 1, "three": 2}[names[i]]; v.Secondary != want {
			t.Errorf("%s: %d secondary signatures, want %d", names[i], v.Secondary, want)
		}
	}
}
