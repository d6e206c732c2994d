package authenticode_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/asn1"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func sign(b []byte, o authenticode.SignOptions) (*authenticode.Result, []byte, error) {
	var out bytes.Buffer
	r, err := authenticode.Sign(context.Background(), bytes.NewReader(b), int64(len(b)), &out, o)
	return r, out.Bytes(), err
}

func extract(t testing.TB, b []byte) []byte {
	t.Helper()
	p7, err := authenticode.Extract(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return p7
}

func signatures(t testing.TB, b []byte) []authenticode.Signature {
	t.Helper()
	sigs, err := authenticode.PKCS7(extract(t, b)).Signatures()
	if err != nil {
		t.Fatal(err)
	}
	return sigs
}

func TestSameInputSameBytes(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	o := authenticode.SignOptions{Signer: signer(p.Leaf), Description: "d", PageHashes: true}
	first := signed(t, program, o)
	if !bytes.Equal(first, signed(t, program, o)) {
		t.Error("two runs differ")
	}
	// To a file, where the kernel copies while the hash is made.
	path := filepath.Join(t.TempDir(), "out.exe")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src, err := os.Open(writeTemp(t, program))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	r, err := authenticode.Sign(context.Background(), src, int64(len(program)), f, o)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, readFile(t, path)) {
		t.Error("written to a file it differs")
	}
	if at, _ := f.Seek(0, io.SeekCurrent); at != r.Size || r.Size != int64(len(first)) {
		t.Errorf("file is left at %d, size is said to be %d, it is %d", at, r.Size, len(first))
	}
	if at, _ := src.Seek(0, io.SeekCurrent); at != 0 {
		t.Errorf("the source's position moved to %d", at)
	}
}

func TestSetsAreSortedAndNoTimeIsClaimed(t *testing.T) {
	p := formatstest.NewPKI(t)
	b := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf), Description: "a", URL: "https://example.com"})
	p7 := extract(t, b)
	// openssl is strict about nothing here, so the sets are looked at with encoding/asn1.
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content struct {
			Version int
			Digests asn1.RawValue
			Content asn1.RawValue
			Certs   asn1.RawValue `asn1:"tag:0"`
			Signers asn1.RawValue
		} `asn1:"explicit,tag:0"`
	}
	if rest, err := asn1.Unmarshal(p7, &outer); err != nil || len(rest) > 0 {
		t.Fatalf("%v, %d bytes left", err, len(rest))
	}
	checkSorted(t, "certificates", outer.Content.Certs.Bytes)
	sig := signatures(t, b)[0]
	var set asn1.RawValue
	if _, err := asn1.Unmarshal(sig.Signers[0].RawSignedAttrs, &set); err != nil {
		t.Fatal(err)
	}
	checkSorted(t, "signed attributes", set.Bytes)
	if _, ok := sig.Signers[0].Attr(cms.OIDSigningTime); ok {
		t.Error("there is a signing time")
	}
	for _, c := range sig.Certificates {
		cert, err := c.X509()
		if err != nil || bytes.Equal(cert.RawIssuer, cert.RawSubject) {
			t.Errorf("embedded certificate %v is a root (%v)", cert.Subject, err)
		}
	}
}

func checkSorted(t *testing.T, what string, b []byte) {
	t.Helper()
	var last []byte
	n := 0
	for len(b) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(b, &v)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Compare(last, v.FullBytes) > 0 {
			t.Errorf("%s: element %d is out of order", what, n)
		}
		last, b, n = v.FullBytes, rest, n+1
	}
	if n < 2 {
		t.Errorf("%s: only %d elements, which proves nothing", what, n)
	}
}

func TestExisting(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	own := signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf)})
	foreign := signed(t, program, authenticode.SignOptions{Signer: signer(p.Second)})
	both := signed(t, foreign, authenticode.SignOptions{Signer: signer(p.Leaf), Existing: authenticode.ExistingAppend})
	stale := bytes.Clone(own)
	stale[0x5000] ^= 1
	damaged := bytes.Clone(own)
	table := bytes.Index(damaged, extract(t, own))
	copy(damaged[table:], []byte{0, 0, 0, 0})
	cases := map[string]struct {
		file       []byte
		policy     authenticode.Existing
		hash       crypto.Hash
		pages      bool
		signatures int // 0: an error
		skipped    bool
		errSigned  bool
	}{
		"unsigned, refuse":          {file: program, policy: authenticode.ExistingRefuse, signatures: 1},
		"unsigned, append":          {file: program, policy: authenticode.ExistingAppend, signatures: 1},
		"unsigned, skip":            {file: program, policy: authenticode.ExistingSkip, signatures: 1},
		"signed, refuse":            {file: own, policy: authenticode.ExistingRefuse, errSigned: true},
		"signed, replace":           {file: foreign, policy: authenticode.ExistingReplace, signatures: 1},
		"signed, append":            {file: foreign, policy: authenticode.ExistingAppend, signatures: 2},
		"own, skip":                 {file: own, policy: authenticode.ExistingSkip, skipped: true},
		"own among two, skip":       {file: both, policy: authenticode.ExistingSkip, skipped: true},
		"foreign, skip":             {file: foreign, policy: authenticode.ExistingSkip, errSigned: true},
		"own but stale, skip":       {file: stale, policy: authenticode.ExistingSkip, signatures: 1},
		"own, other hash, skip":     {file: own, policy: authenticode.ExistingSkip, hash: crypto.SHA384, signatures: 1},
		"own, pages wanted, skip":   {file: own, policy: authenticode.ExistingSkip, pages: true, signatures: 1},
		"stale, append":             {file: stale, policy: authenticode.ExistingAppend, errSigned: true},
		"stale, other hash, append": {file: stale, policy: authenticode.ExistingAppend, hash: crypto.SHA512, errSigned: true},
		"other hash, append":        {file: foreign, policy: authenticode.ExistingAppend, hash: crypto.SHA512, signatures: 2},
		"damaged, append":           {file: damaged, policy: authenticode.ExistingAppend, errSigned: true},
		"damaged, skip":             {file: damaged, policy: authenticode.ExistingSkip, errSigned: true},
		"damaged, replace":          {file: damaged, policy: authenticode.ExistingReplace, signatures: 1},
		"policy that is not there ": {file: program, policy: 9},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, out, err := sign(c.file, authenticode.SignOptions{Signer: hashed(signer(p.Leaf), c.hash), Existing: c.policy, PageHashes: c.pages})
			switch {
			case err != nil:
				if c.signatures > 0 || c.skipped || errors.Is(err, authenticode.ErrSigned) != c.errSigned {
					t.Fatalf("error: %v", err)
				}
			case r.Skipped:
				if !c.skipped || len(out) > 0 {
					t.Errorf("skipped, %d bytes written", len(out))
				}
			case len(signatures(t, out)) != c.signatures:
				t.Errorf("%d signatures, want %d", len(signatures(t, out)), c.signatures)
			default:
				cert, err := signatures(t, out)[r.Index].SignerCertificate(0)
				if err != nil || !cert.Equal(p.Leaf.Certificate) {
					t.Errorf("signature %d is not ours: %v", r.Index, err)
				}
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	good := authenticode.SignOptions{Signer: signer(p.Leaf)}
	tail := append(signed(t, program, good), make([]byte, 8)...)
	cases := map[string]struct {
		file []byte
		edit func(*authenticode.SignOptions)
		want string
	}{
		"no certificate":        {program, func(o *authenticode.SignOptions) { o.Signer.Certificate = nil }, "no certificate"},
		"no key":                {program, func(o *authenticode.SignOptions) { o.Signer.Key = nil }, "no key"},
		"other key":             {program, func(o *authenticode.SignOptions) { o.Signer.Key = p.Second.Key }, "not the one of the certificate"},
		"SHA-1":                 {program, func(o *authenticode.SignOptions) { o.Signer.Hash = crypto.SHA1 }, "SHA-256"},
		"pages with SHA-384":    {program, func(o *authenticode.SignOptions) { o.Signer.Hash, o.PageHashes = crypto.SHA384, true }, "page hashes"},
		"URL not in ASCII":      {program, func(o *authenticode.SignOptions) { o.URL = "https://müller.example/" }, "xn--"},
		"data after the table":  {tail, func(o *authenticode.SignOptions) { o.Existing = authenticode.ExistingReplace }, "8 bytes follow it"},
		"not a PE file":         {[]byte(strings.Repeat("#!/bin/sh\n", 10)), func(*authenticode.SignOptions) {}, "not a PE file"},
		"an empty file":         {nil, func(*authenticode.SignOptions) {}, "MS-DOS header"},
		"a program, cut in two": {program[:len(program)/2], func(*authenticode.SignOptions) {}, "the file ends at"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := good
			c.edit(&o)
			_, out, err := sign(c.file, o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			// Wrong use can be told from a file that cannot be signed.
			var wrong *authenticode.OptionError
			if used := bytes.Equal(c.file, program); errors.As(err, &wrong) != used {
				t.Errorf("an *OptionError: %v, want %v", !used, used)
			}
			if len(out) > 0 {
				t.Errorf("%d bytes were written", len(out))
			}
		})
	}
}

func TestSignStopsWithContext(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := authenticode.Sign(ctx, bytes.NewReader(program), int64(len(program)), io.Discard, authenticode.SignOptions{Signer: signer(p.Leaf)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestDestinationMustBeEmpty(t *testing.T) {
	p := formatstest.NewPKI(t)
	path := writeTemp(t, readFile(t, formatstest.GoProgram(t, "amd64")))
	before := readFile(t, path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = authenticode.Sign(context.Background(), f, int64(len(before)), f, authenticode.SignOptions{Signer: signer(p.Leaf)})
	if err == nil || !bytes.Equal(before, readFile(t, path)) {
		t.Errorf("signing a file onto itself: %v", err)
	}
}

func TestSkippedFileWritesNothing(t *testing.T) {
	p := formatstest.NewPKI(t)
	own := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)})
	o := authenticode.SignOptions{Signer: signer(p.Leaf), Existing: authenticode.ExistingSkip}
	for name, c := range map[string]struct {
		hash    crypto.Hash
		skipped bool
	}{"as wanted": {crypto.SHA256, true}, "another hash": {crypto.SHA384, false}} {
		path := filepath.Join(t.TempDir(), "out.exe")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		o.Signer.Hash = c.hash
		r, err := authenticode.Sign(context.Background(), bytes.NewReader(own), int64(len(own)), f, o)
		if err != nil || r.Skipped != c.skipped {
			t.Fatalf("%s: skipped %v, %v", name, r.Skipped, err)
		}
		_, want, err := sign(own, o)
		if got := readFile(t, path); err != nil || !bytes.Equal(got, want) || (len(got) == 0) != c.skipped {
			t.Errorf("%s: %d bytes written, want %d", name, len(got), len(want))
		}
	}
}

func TestECDSAIsWarnedAbout(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	for name, c := range map[string]struct {
		id   *formatstest.Identity
		want int
	}{"RSA": {p.Leaf, 0}, "ECDSA": {p.ECDSA, 1}} {
		r, _, err := sign(program, authenticode.SignOptions{Signer: signer(c.id)})
		if err != nil || len(r.Warnings) != c.want {
			t.Errorf("%s: warnings %v, error %v", name, r.Warnings, err)
		}
	}
}
