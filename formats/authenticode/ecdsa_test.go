package authenticode_test

import (
	"bytes"
	"crypto"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// ecdsaCase is a file with an elliptic-curve signature and the number of signatures nested in it.
type ecdsaCase struct {
	file   []byte
	nested int
}

// ecdsaCases are all combinations of curve and hash that we sign with, and each kind of
// addition to them.
func ecdsaCases(t *testing.T) map[string]ecdsaCase {
	t.Helper()
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	cases := map[string]ecdsaCase{}
	for curve, id := range map[string]*formatstest.Identity{"P-256": p.ECDSA, "P-384": p.P384} {
		for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			cases[curve+" "+h.String()] = ecdsaCase{signed(t, program, authenticode.SignOptions{Signer: hashed(signer(id), h)}), 0}
		}
		pages := signed(t, program, authenticode.SignOptions{Signer: signer(id), PageHashes: true, Description: "d", URL: "https://example.com"})
		cases[curve+" pages"] = ecdsaCase{pages, 0}
		cases[curve+" stamped"] = ecdsaCase{stamped(t, pages, 0), 0}
		cases[curve+" legacy stamp"] = ecdsaCase{legacyStamped(t, pages, 0), 0}
		behind := signed(t, signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf)}),
			authenticode.SignOptions{Signer: hashed(signer(id), crypto.SHA384), Existing: authenticode.ExistingAppend})
		cases[curve+" nested in RSA, stamped"] = ecdsaCase{stamped(t, stamped(t, behind, 1), 0), 1}
		before := signed(t, pages, authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend})
		cases[curve+" with RSA nested"] = ecdsaCase{before, 1}
	}
	cases["P-384 in P-256"] = ecdsaCase{signed(t, cases["P-256 stamped"].file,
		authenticode.SignOptions{Signer: hashed(signer(p.P384), crypto.SHA384), Existing: authenticode.ExistingAppend}), 1}
	return cases
}

// TestMicrosoftAcceptsECDSA: Microsoft's wintrust takes every signature of ours with an
// elliptic-curve key, and refuses it when one byte of the value is wrong. The
// arithmetic is wine 10's, which stops at hashes of 384 bits ("hash size 64 not yet
// supported"), so SHA-512 is left to osslsigncode.
func TestMicrosoftAcceptsECDSA(t *testing.T) {
	if testing.Short() {
		t.Skip("needs wine")
	}
	rig := formatstest.NewRig10(t)
	roots := (&vfiles{pki: formatstest.NewPKI(t)}).roots()
	var names, paths []string
	cases := ecdsaCases(t)
	for name, c := range cases {
		if strings.HasSuffix(name, crypto.SHA512.String()) {
			continue
		}
		names, paths = append(names, name), append(paths, writeTemp(t, c.file))
		for i := range c.nested {
			if v := rig.VerifyIndex(paths[len(paths)-1], i+1); !v.OK() {
				t.Errorf("%s, signature %d: %v", name, i+1, v)
			}
		}
		if c.nested > 0 {
			continue
		}
		spoilt := spoilValue(t, c.file)
		ours := verifyBytes(t, spoilt, authenticode.VerifyOptions{Roots: roots, Allow: authenticode.WindowsOnly()})
		if v := rig.VerifyIndex(writeTemp(t, spoilt), 0); v.OK() || v.HRESULT != uint32(ours.Windows) {
			t.Errorf("%s with a wrong value: Microsoft says %v, we %v", name, v, ours.Windows)
		}
	}
	for i, v := range rig.Verify(paths...) {
		if want := cases[names[i]].nested; !v.OK() || v.Secondary != want {
			t.Errorf("%s: %v, %d nested, want %d", names[i], v, v.Secondary, want)
		}
	}
}

// spoilValue changes the last byte of the first signature's value.
func spoilValue(t *testing.T, b []byte) []byte {
	t.Helper()
	value, err := authenticode.PKCS7(extract(t, b)).SignatureValue(0)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(b, value)
	if at < 0 {
		t.Fatal("the signature's value is not in the file")
	}
	return flip(b, at+len(value)-1)
}

// TestECDSAVerifies: we judge as osslsigncode does.
func TestECDSAVerifies(t *testing.T) {
	p := formatstest.NewPKI(t)
	root, tsaRoot := formatstest.PEMFile(t, p.Root), formatstest.PEMFile(t, p.TSARoot)
	roots := (&vfiles{pki: p}).roots()
	for name, c := range ecdsaCases(t) {
		r := verifyBytes(t, c.file, authenticode.VerifyOptions{Roots: roots, Allow: []authenticode.Check{authenticode.CheckNoTimestamp, authenticode.CheckAlgorithms}})
		if !r.Trusted || len(r.Signatures) != c.nested+1 {
			t.Errorf("%s:\n%s", name, r)
		}
		if ok, out := formatstest.VerifyOssl(t, writeTemp(t, c.file), root, tsaRoot); !ok {
			t.Errorf("%s: osslsigncode refuses it\n%s", name, out)
		}
	}
}

// TestRSA4096: the largest key of Microsoft's root programme, accepted by everybody.
func TestRSA4096(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	files := map[string][]byte{}
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		files[h.String()] = signed(t, program, authenticode.SignOptions{Signer: hashed(signer(p.RSA4096), h), PageHashes: h == crypto.SHA256})
	}
	files["stamped"] = stamped(t, files[crypto.SHA256.String()], 0)
	files["nested"] = signed(t, files["stamped"], authenticode.SignOptions{Signer: hashed(signer(p.RSA4096), crypto.SHA384), Existing: authenticode.ExistingAppend})
	root, tsaRoot := formatstest.PEMFile(t, p.Root), formatstest.PEMFile(t, p.TSARoot)
	for name, b := range files {
		r := verifyBytes(t, b, authenticode.VerifyOptions{Roots: (&vfiles{pki: p}).roots(), Allow: []authenticode.Check{authenticode.CheckNoTimestamp}})
		if value, err := authenticode.PKCS7(extract(t, b)).SignatureValue(0); !r.Trusted || err != nil || len(value) != 512 {
			t.Errorf("%s: value of %d bytes, %v\n%s", name, len(value), err, r)
		}
		if ok, out := formatstest.VerifyOssl(t, writeTemp(t, b), root, tsaRoot); !ok || strings.Contains(out, "MISMATCH") {
			t.Errorf("%s: osslsigncode refuses it\n%s", name, out)
		}
	}
	if testing.Short() {
		return
	}
	t.Run("Microsoft", func(t *testing.T) {
		rig := formatstest.NewRig(t)
		for name, b := range files {
			if v := rig.Verify(writeTemp(t, b))[0]; !v.OK() {
				t.Errorf("%s: %v", name, v)
			}
		}
		if v := rig.Verify(writeTemp(t, spoilValue(t, files["stamped"])))[0]; v.OK() {
			t.Errorf("with a wrong value: %v", v)
		}
	})
}
