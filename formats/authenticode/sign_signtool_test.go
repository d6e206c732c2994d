package authenticode_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestWorksOnSigntoolsFiles edits what Microsoft's signtool signed; its wintrust judges the result.
func TestWorksOnSigntoolsFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("signs with signtool")
	}
	rig := formatstest.NewRig(t)
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	path := writeTemp(t, program)
	pfx := p.Leaf.LegacyPFXFile(t, "test")
	if out, err := rig.Signtool("sign", "/f", pfx, "/p", "test", "/fd", "sha256", "/ph", "/d", "Title", "/du", "https://example.com/", path); err != nil {
		t.Fatalf("signtool: %v\n%s", err, out)
	}
	theirs := readFile(t, path)
	appended := signed(t, theirs, authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend})
	cases := map[string]struct {
		file   []byte
		second int
	}{
		"as signtool left it":     {theirs, 0},
		"stamped by us":           {stamped(t, theirs, 0), 0},
		"appended to":             {appended, 1},
		"appended to and stamped": {stamped(t, stamped(t, appended, 1), 0), 1},
		"replaced":                {signed(t, theirs, authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingReplace}), 0},
	}
	for name, c := range cases {
		if v := rig.Verify(writeTemp(t, c.file))[0]; !v.OK() || v.Secondary != c.second {
			t.Errorf("%s: %v, %d secondary", name, v, v.Secondary)
		}
		for i := range c.second + 1 {
			if v := rig.VerifyIndex(writeTemp(t, c.file), i); !v.OK() {
				t.Errorf("%s, signature %d: %v", name, i, v)
			}
		}
	}
	if !bytes.Equal(stripped(t, theirs, peimage.StripOptions{}), program) {
		t.Error("stripping signtool's signature does not give back the program")
	}
	skip, _, err := sign(theirs, authenticode.SignOptions{Signer: signer(p.Leaf), Existing: authenticode.ExistingSkip, PageHashes: true})
	if err != nil || !skip.Skipped {
		t.Errorf("signtool's signature of the same certificate is not recognised: %v", err)
	}
	sameTextAsSigntool(t, inspect(t, theirs), p)
}

// sameTextAsSigntool: our signature with the same options says the same as signtool's.
func sameTextAsSigntool(t *testing.T, in *authenticode.Inspection, p *formatstest.PKI) {
	t.Helper()
	ours := inspect(t, signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{
		Signer: signer(p.Leaf), PageHashes: true, Description: "Title", URL: "https://example.com/"}))
	a, b := in.Signatures[0], ours.Signatures[0]
	if a.Digest != b.Digest || a.Description != b.Description || a.URL != b.URL || a.Purpose != b.Purpose || a.Algorithm != b.Algorithm ||
		a.PageHashes[0].Pages != b.PageHashes[0].Pages || len(a.Certificates) != len(b.Certificates) {
		t.Errorf("signtool's signature:\n%v\nours:\n%v", in, ours)
	}
}

// TestSigntoolAppendsToOurs: signtool reads what we wrote, and adds to it.
func TestSigntoolAppendsToOurs(t *testing.T) {
	if testing.Short() {
		t.Skip("signs with signtool")
	}
	rig := formatstest.NewRig(t)
	p := formatstest.NewPKI(t)
	ours := stamped(t, signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true}), 0)
	path := writeTemp(t, ours)
	if out, err := rig.Signtool("sign", "/f", p.Second.LegacyPFXFile(t, "test"), "/p", "test", "/fd", "sha256", "/as", path); err != nil {
		t.Fatalf("signtool /as: %v\n%s", err, out)
	}
	both := readFile(t, path)
	if sigs := signatures(t, both); len(sigs) != 2 {
		t.Fatalf("%d signatures", len(sigs))
	}
	if v := rig.Verify(path)[0]; !v.OK() || v.Secondary != 1 {
		t.Errorf("%v", v)
	}
	if in := inspect(t, both); len(in.Signatures[0].Timestamps) != 1 || !in.Signatures[1].Intact {
		t.Errorf("after signtool /as:\n%v", in)
	}
	if out, err := rig.Signtool("remove", "/s", path); err != nil {
		t.Fatalf("signtool remove: %v\n%s", err, out)
	}
	bare := readFile(t, path)
	want := stripped(t, both, peimage.StripOptions{Checksum: peimage.ChecksumComputed})
	if !bytes.Equal(bare, want) {
		t.Error("signtool remove /s gives other bytes than Strip with a computed checksum")
	}
	if out, err := rig.Signtool("verify", "/pa", "/all", writeTemp(t, ours)); err != nil || !strings.Contains(out, "Successfully verified") {
		t.Errorf("signtool verify: %v\n%s", err, out)
	}
}
