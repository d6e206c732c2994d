package authenticode_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

func inspect(t testing.TB, b []byte) *authenticode.Inspection {
	t.Helper()
	in, err := authenticode.Inspect(context.Background(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestInspectGolden describes real files: two signatures with page hashes in none, a
// driver with page hashes, a tampered copy.
func TestInspectGolden(t *testing.T) {
	for _, name := range []string{"putty.exe", "putty_modified.exe", "acpi.sys", "WdfCoInstaller01011.dll"} {
		t.Run(name, func(t *testing.T) {
			in := inspect(t, readFile(t, filepath.Join(formatstest.SaferwallSamples(t), name)))
			j, err := in.JSON()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".inspect.txt", []byte(in.String()))
			golden(t, name+".inspect.json", j)
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateGolden {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; go test -update shows how:\n%s", path, got)
	}
}

func TestInspectSees(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	b := signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true, Description: "Title", URL: "https://example.com/", Commercial: true})
	b = legacyStamped(t, stamped(t, signed(t, b, authenticode.SignOptions{Signer: signer(p.ECDSA), Existing: authenticode.ExistingAppend}), 1), 0)
	in := inspect(t, b)
	if len(in.Signatures) != 2 || len(in.Problems) > 0 || len(in.Table) != 1 || in.Table[0].Padding > 7 {
		t.Fatalf("inspection is %v", in)
	}
	first, second := in.Signatures[0], in.Signatures[1]
	checks := map[string]bool{
		"first is intact":              first.Intact && first.DigestFits != nil && *first.DigestFits,
		"its pages":                    len(first.PageHashes) == 1 && *first.PageHashes[0].Fits && first.PageHashes[0].Pages > 400,
		"its description":              first.Description == "Title" && first.URL == "https://example.com/" && first.Purpose == "commercial",
		"its signer":                   first.Signer.Class == certchain.ClassOV,
		"its legacy stamp":             len(first.Timestamps) == 1 && strings.Contains(first.Timestamps[0].Kind, "PKCS#9") && len(first.Timestamps[0].Problems) == 0,
		"its certificates and the TSA": len(first.Certificates) == 3,
		"the second is nested":         second.Depth == 1 && second.Intact && *second.DigestFits,
		"it is ECDSA":                  strings.Contains(second.Algorithm, "ECDSA"),
		"its token":                    len(second.Timestamps) == 1 && second.Timestamps[0].Kind == "RFC 3161" && len(second.Timestamps[0].Problems) == 0,
		"the checksum":                 in.PE.ChecksumHeader == in.PE.ChecksumComputed && in.PE.ChecksumHeader != 0,
	}
	for name, ok := range checks {
		if !ok {
			t.Errorf("not seen: %s", name)
		}
	}
	var back authenticode.Inspection
	if j, err := in.JSON(); err != nil || json.Unmarshal(j, &back) != nil || back.String() != in.String() {
		t.Errorf("JSON does not carry the whole inspection: %v", err)
	}
}

// TestInspectDamaged: what is broken is described, not refused.
func TestInspectDamaged(t *testing.T) {
	p := formatstest.NewPKI(t)
	b := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)})
	for name, c := range tamperings(t, b) {
		text := inspect(t, c).String()
		if !strings.Contains(text, "problem:") && !strings.Contains(text, "does NOT fit") {
			t.Errorf("%s: nothing is wrong with it:\n%s", name, text)
		}
	}
	text := inspect(t, b).String()
	if strings.Contains(text, "problem:") || strings.Contains(text, "NOT") {
		t.Errorf("a good file:\n%s", text)
	}
	evil := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf), Description: "a\x1b[2Jb\nresult: trusted"})
	if text := inspect(t, evil).String(); strings.ContainsAny(text, "\x1b") || strings.Contains(text, "\nresult: trusted") {
		t.Errorf("a description controls the terminal:\n%q", text)
	}
}

func TestInspectPKCS7(t *testing.T) {
	p := formatstest.NewPKI(t)
	p7 := extract(t, signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)}))
	for _, b := range [][]byte{p7, authenticode.PKCS7(p7).PEM()} {
		in, err := authenticode.PKCS7(b).Inspect()
		if err != nil || len(in.Signatures) != 1 || !in.Signatures[0].Intact || in.Signatures[0].DigestFits != nil {
			t.Errorf("%v, %v", in, err)
		}
	}
}

// TestInspectSamples: what Microsoft's and others' signatures say about real files,
// nested ones and page hashes too, is what we compute.
func TestInspectSamples(t *testing.T) {
	dir := formatstest.SaferwallSamples(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	signatures, pages := 0, 0
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".7z" || !e.Type().IsRegular() {
			continue
		}
		b := readFile(t, filepath.Join(dir, e.Name()))
		in, err := authenticode.Inspect(context.Background(), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			continue // the folder holds an ELF file and a 16-bit program
		}
		for _, s := range in.Signatures {
			signatures++
			pages += len(s.PageHashes)
			fits := s.DigestFits != nil && *s.DigestFits
			for _, p := range s.PageHashes {
				fits = fits && *p.Fits
			}
			if !s.Intact || fits == (e.Name() == "putty_modified.exe") {
				t.Errorf("%s, signature %d: intact %v, fits %v: %v", e.Name(), s.Index, s.Intact, fits, s.Problems)
			}
		}
	}
	if signatures < 12 || pages < 1 {
		t.Errorf("%d signatures, %d with page hashes: too few to prove anything", signatures, pages)
	}
}
