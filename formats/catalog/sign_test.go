package catalog

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func signer(id *formatstest.Identity) SignOptions {
	return SignOptions{SignOptions: authenticode.SignOptions{Description: "Test catalog", URL: "https://example.invalid/",
		Signer: cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}}}
}

// made builds a catalog of the named files of a folder.
func made(t testing.TB, o Options, dir string, names ...string) []byte {
	t.Helper()
	if o.Time.IsZero() {
		o.Time = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	}
	b, err := NewBuilder(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		f, size := open(t, filepath.Join(dir, n))
		if err := b.AddFile(context.Background(), n, f, size, Text("File", n)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := b.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	der, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func signed(t testing.TB, der []byte, id *formatstest.Identity) []byte {
	t.Helper()
	out, err := Sign(context.Background(), der, signer(id))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// stamped timestamps a signed catalog with an authority made of openssl.
func stamped(t testing.TB, p7 []byte) []byte {
	t.Helper()
	value, err := authenticode.PKCS7(p7).SignatureValue(0)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rfc3161.NewClient([]string{formatstest.OpensslTSA(t, formatstest.NewPKI(t).TSA) + "/rfc3161"},
		rfc3161.TrustRoots(formatstest.NewPKI(t).TSARoots()), rfc3161.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := client.Timestamp(context.Background(), value, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	out, err := authenticode.PKCS7(p7).SetToken(0, stamp.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t testing.TB, path string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func verifyOptions(p *formatstest.PKI) authenticode.VerifyOptions {
	return authenticode.VerifyOptions{Roots: certchain.NewRoots(p.Root, p.TSARoot)}
}

// TestWindowsAccepts has Microsoft's code judge members, strangers and changed files of
// catalogs that we made.
func TestWindowsAccepts(t *testing.T) {
	rig := formatstest.NewRig(t)
	p := formatstest.NewPKI(t)
	dir := workshop(t)
	names := []string{"hello.exe", "wineyes.exe", "minimal.msi", "a.txt", "hello-world.ps1", "net.dll", "one.bin"}
	for name, o := range map[string]Options{"v1": {Version: V1}, "v2": {}, "v2 page hashes": {PageHashes: true}} {
		t.Run(name, func(t *testing.T) {
			cat := write(t, filepath.Join(dir, "signed.cat"), stamped(t, signed(t, made(t, o, dir, names...), p.Leaf)))
			if v := rig.Verify(cat)[0]; !v.OK() || !strings.Contains(strings.Join(v.Chains, "\n"), "countersigner 0.0: err=0x0") {
				t.Errorf("the catalog itself: %v", v)
			}
			args := []string{"verify", "/pa", "/c", cat}
			for _, n := range names {
				args = append(args, filepath.Join(dir, n))
			}
			out, err := rig.Signtool(args...)
			if err != nil || strings.Count(out, "Successfully verified") != len(names) {
				t.Errorf("signtool: %v\n%s", err, out)
			}
			refused(t, rig, cat, dir)
		})
	}
}

// refused: a file that is not in the catalog, and one that is and was changed.
func refused(t *testing.T, rig *formatstest.Rig, cat, dir string) {
	t.Helper()
	changed := read(t, filepath.Join(dir, "hello.exe"))
	changed[0x2000] ^= 1
	files := []string{filepath.Join(dir, "hello-world.js"), write(t, filepath.Join(dir, "changed.exe"), changed),
		write(t, filepath.Join(dir, "changed.txt"), []byte("Hello"))}
	out, err := rig.Signtool(append([]string{"verify", "/pa", "/c", cat}, files...)...)
	if err == nil || strings.Contains(out, "Successfully verified") || strings.Count(out, "File not found in the specified catalog") != len(files) {
		t.Errorf("signtool accepts strangers: %v\n%s", err, out)
	}
	if v := rig.VerifyMember("sha1", cat, files[1]); v.Name != "TRUST_E_NOSIGNATURE" {
		t.Errorf("changed program: %v", v)
	}
}

// TestWindowsRefusesTampering changes a signed catalog.
func TestWindowsRefusesTampering(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := workshop(t)
	der := signed(t, made(t, Options{}, dir, "a.txt"), formatstest.NewPKI(t).Leaf)
	file := filepath.Join(dir, "a.txt")
	good := write(t, filepath.Join(dir, "good.cat"), der)
	if v := rig.VerifyMember("sha256", good, file); !v.OK() {
		t.Fatalf("%v", v)
	}
	other := filepath.Join(dir, "one.bin")
	bad := write(t, filepath.Join(dir, "bad.cat"), bytes.ReplaceAll(der, flatSum(t, file), flatSum(t, other)))
	if v := rig.VerifyMember("sha256", bad, other); v.OK() {
		t.Errorf("a digest that was put in after signing is accepted: %v", v)
	}
}

// flatSum is a file's SHA-256.
func flatSum(t *testing.T, path string) []byte {
	t.Helper()
	f, size := open(t, path)
	d, err := Digest(context.Background(), f, size, DigestOptions{Kind: KindFlat})
	if err != nil {
		t.Fatal(err)
	}
	return d.Hash[crypto.SHA256]
}

// TestOsslsigncodeAccepts has osslsigncode judge members of the kinds that it knows.
func TestOsslsigncodeAccepts(t *testing.T) {
	p := formatstest.NewPKI(t)
	dir := workshop(t)
	names := []string{"hello.exe", "arm.exe", "minimal.msi", "a.cab", "signed.cab", "hello-world.ps1"}
	for name, o := range map[string]Options{"v1": {Version: V1}, "v2": {}, "v2 page hashes": {PageHashes: true}} {
		t.Run(name, func(t *testing.T) {
			cat := write(t, filepath.Join(dir, "signed.cat"), stamped(t, signed(t, made(t, o, dir, names...), p.Leaf)))
			root, tsaRoot := p.Leaf.RootFile(t), p.TSA.RootFile(t)
			for _, n := range names {
				if ok, out := formatstest.VerifyOsslCatalog(t, cat, filepath.Join(dir, n), root, tsaRoot); !ok {
					t.Errorf("%s refused:\n%s", n, out)
				}
			}
			if ok, out := formatstest.VerifyOsslCatalog(t, cat, filepath.Join(dir, "wineyes.exe"), root, tsaRoot); ok {
				t.Errorf("a stranger is accepted:\n%s", out)
			}
		})
	}
}

// TestSignDeterministic: equal input gives equal bytes, and the sets of the PKCS#7 are
// sorted (KB4580358 made Windows insist).
func TestSignDeterministic(t *testing.T) {
	p := formatstest.NewPKI(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), []byte("a"))
	der := made(t, Options{}, dir, "a")
	one, two := signed(t, der, p.Leaf), signed(t, der, p.Leaf)
	if !bytes.Equal(one, two) {
		t.Error("two signatures over the same catalog differ")
	}
	sd, err := cms.Parse(one)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sd.Marshal() // sorts
	if err != nil || !bytes.Equal(again, one) {
		t.Errorf("the signed catalog is not in DER order: %v", err)
	}
	c, err := Parse(one)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := c.Unsigned(); err != nil || !bytes.Equal(plain, der) {
		t.Errorf("without its signature it is not the catalog that was signed: %v", err)
	}
}

func TestSignPolicies(t *testing.T) {
	p := formatstest.NewPKI(t)
	ctx := context.Background()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), []byte("a"))
	first := signed(t, made(t, Options{}, dir, "a"), p.Leaf)

	if _, err := Sign(ctx, first, signer(p.Second)); !errors.Is(err, ErrSigned) {
		t.Errorf("signing twice: %v", err)
	}
	o := signer(p.Second)
	o.Replace = true
	second, err := Sign(ctx, first, o)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(ctx, second, verifyOptions(p))
	if err != nil || len(rep.Signatures) != 1 || rep.Signatures[0].Signer.Name != "Hallmark Test Second Publisher" {
		t.Errorf("after replacement: %v %v", rep, err)
	}
	o.Existing = authenticode.ExistingAppend
	if _, err := Sign(ctx, first, o); err == nil {
		t.Error("a nested signature was made")
	}
	c, err := Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	c.Members[0], c.Members[1] = c.Members[1], c.Members[0]
	disordered, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	o.Existing = authenticode.ExistingRefuse
	if _, err := Sign(ctx, disordered, o); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("signing a list in disorder: %v", err)
	}
}

// TestVerify has our own verifier judge the same things.
func TestVerify(t *testing.T) {
	p := formatstest.NewPKI(t)
	ctx := context.Background()
	dir := workshop(t)
	names := []string{"hello.exe", "a.txt", "a.cab", "room.cab", "minimal.msi"}
	der := stamped(t, signed(t, made(t, Options{}, dir, names...), p.Leaf))
	set := NewSet()
	if err := set.Add("test.cat", der); err != nil {
		t.Fatal(err)
	}
	o := verifyOptions(p)
	o.Catalogs = set
	verdict := func(name string) *authenticode.Report {
		f, size := open(t, filepath.Join(dir, name))
		rep, err := authenticode.Verify(ctx, f, size, o)
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	for _, n := range names {
		if rep := verdict(n); !rep.Trusted || rep.Catalog == nil || rep.Catalog.Name != "test.cat" {
			t.Errorf("%s: %v", n, rep)
		}
	}
	write(t, filepath.Join(dir, "empty"), nil)
	for _, n := range []string{"wineyes.exe", "hello-world.js", "empty"} {
		if rep := verdict(n); rep.Trusted || rep.Windows == authenticode.VerdictTrusted || rep.Catalog != nil {
			t.Errorf("%s: %v", n, rep.Windows)
		}
	}
}
