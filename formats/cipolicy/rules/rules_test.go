package rules

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	saferwall "github.com/saferwall/pe"
)

var testID = cipolicy.MustGUID("{11111111-2222-3333-4444-555555555555}")

func sample(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(formatstest.SaferwallSamples(t), name)
}

func inspect(t testing.TB, name string) File {
	t.Helper()
	f, err := InspectFile(context.Background(), name, filepath.Base(name))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// signed signs putty.exe, which has a version resource, anew by identities, the
// first one outermost.
func signed(t *testing.T, ids ...*formatstest.Identity) File {
	t.Helper()
	b, err := os.ReadFile(sample(t, "putty.exe"))
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		existing := authenticode.ExistingAppend
		if i == 0 {
			existing = authenticode.ExistingReplace
		}
		var out bytes.Buffer
		_, err := authenticode.Sign(context.Background(), bytes.NewReader(b), int64(len(b)), &out, authenticode.SignOptions{
			Signer: cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}, Existing: existing})
		if err != nil {
			t.Fatal(err)
		}
		b = out.Bytes()
	}
	f, err := Inspect(context.Background(), "putty.exe", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// build makes a policy of files and checks that it compiles.
func build(t *testing.T, o Options, files ...File) (*cipolicy.Policy, []Outcome) {
	t.Helper()
	p := NewPolicy(testID)
	outcomes, err := Build(p, files, o)
	if err != nil {
		t.Fatal(err)
	}
	if problems := p.Validate().Errors(); len(problems) > 0 {
		t.Fatalf("the policy is wrong: %v", problems)
	}
	if _, err := cipolicy.ReadBytes(p.XML()); err != nil {
		t.Fatalf("the policy does not fit the schema: %v", err)
	}
	return p, outcomes
}

func TestHashLevelIsConfigCIs(t *testing.T) {
	f := inspect(t, formatstest.Corpus(t, "jsign/wineyes.exe"))
	p, _ := build(t, Options{Level: Hash, Mode: ModeBoth, WindowsPath: `C:\x\`}, f)
	want := []string{"Hash Sha1", "Hash Sha256", "Hash Page Sha1", "Hash Page Sha256"}
	if len(p.FileRules) != 8 {
		t.Fatalf("%d rules, wanted 8", len(p.FileRules))
	}
	for i, r := range p.FileRules {
		if r.FriendlyName.Value != `C:\x\wineyes.exe `+want[i%4] || len(r.Hash) != []int{20, 32}[i%2] {
			t.Errorf("rule %d: %q with %d bytes", i, r.FriendlyName.Value, len(r.Hash))
		}
	}
	if p.FileRules[0].ID != "ID_ALLOW_A_1" || p.FileRules[7].ID != "ID_ALLOW_A_8" {
		t.Errorf("IDs run from %s to %s", p.FileRules[0].ID, p.FileRules[7].ID)
	}
	for i, s := range p.Scenarios {
		if len(s.Product.FileRules) != 4 || s.Product.FileRules[0].ID != p.FileRules[4*i].ID {
			t.Errorf("scenario %d refers to %v", s.Value, s.Product.FileRules)
		}
	}
}

var calculated = regexp.MustCompile(`(?i)Calculated message digest\s*:\s*([0-9A-F]+)`)

// TestHashesAreWhatOthersCompute compares the Authenticode hash of signed files
// with the one that osslsigncode computes.
func TestHashesAreWhatOthersCompute(t *testing.T) {
	tool := formatstest.Tool(t, "osslsigncode")
	for _, name := range []string{"putty.exe", "kernel32.dll", "mscorlib.dll", "WdBoot.sys"} {
		t.Run(name, func(t *testing.T) {
			path := sample(t, name)
			f := inspect(t, path)
			out, _ := exec.Command(tool, "verify", "-in", path).CombinedOutput() // fails for want of roots
			m := calculated.FindSubmatch(out)
			if m == nil {
				t.Fatalf("no digest in the output: %s", out)
			}
			if got := strings.ToUpper(string(m[1])); got != f.SHA256.String() && got != f.SHA1.String() {
				t.Errorf("osslsigncode computes %s, we have %s and %s", got, f.SHA1, f.SHA256)
			}
			if len(f.Signatures) == 0 {
				t.Errorf("no signature: %v", f.Notes)
			}
		})
	}
}

// TestHashesAreWintrusts compares with Microsoft's wintrust.
func TestHashesAreWintrusts(t *testing.T) {
	rig := formatstest.NewRig(t)
	for _, path := range []string{formatstest.Corpus(t, "jsign/wineyes.exe"), sample(t, "putty.exe"), formatstest.Corpus(t, "jsign/hello-world.ps1")} {
		f := inspect(t, path)
		for alg, want := range map[string]Hex{"SHA1": f.SHA1, "SHA256": f.SHA256} {
			if got := rig.CatalogHash(alg, path); !strings.EqualFold(got, want.String()) {
				t.Errorf("%s: wintrust computes %s %s, we have %s", filepath.Base(path), alg, got, want)
			}
		}
	}
}

func TestTamperedFileIsUnsigned(t *testing.T) {
	f := inspect(t, sample(t, "putty_modified.exe"))
	if len(f.Signatures) != 0 || len(f.Notes) == 0 {
		t.Errorf("%d signatures, notes %v", len(f.Signatures), f.Notes)
	}
	p := NewPolicy(testID)
	if _, err := Build(p, []File{f}, Options{Level: Publisher}); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Errorf("got %v", err)
	}
	if _, outcomes := build(t, Options{Level: Publisher, Fallback: []Level{Hash}}, f); outcomes[0].Level != Hash {
		t.Errorf("fell to %q", outcomes[0].Level)
	}
}

// TestVersionResource compares with saferwall/pe.
func TestVersionResource(t *testing.T) {
	for _, name := range []string{"putty.exe", "kernel32.dll", "mfc140u.dll", "brave.exe", "acpi.sys", "pwsh.exe", "mscorlib.dll"} {
		t.Run(name, func(t *testing.T) {
			path := sample(t, name)
			f := inspect(t, path)
			pe, err := saferwall.New(path, &saferwall.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer pe.Close()
			if err := pe.Parse(); err != nil {
				t.Fatal(err)
			}
			want, err := pe.ParseVersionResources()
			if err != nil {
				t.Fatal(err)
			}
			for key, got := range map[string]string{"OriginalFilename": f.OriginalFilename, "InternalName": f.InternalName, "FileDescription": f.FileDescription, "ProductName": f.ProductName} {
				if got != want[key] {
					t.Errorf("%s is %q, saferwall/pe has %q", key, got, want[key])
				}
			}
			text := regexp.MustCompile(`^\d+[.,] ?\d+`).FindString(want["FileVersion"])
			text = strings.NewReplacer(", ", ".", ",", ".").Replace(text)
			if name != "putty.exe" && !strings.HasPrefix(f.FileVersion, text+".") {
				t.Errorf("version is %s, the text of the resource says %q", f.FileVersion, want["FileVersion"])
			}
		})
	}
}

// TestLevels checks what each level makes of a file that the test identity signed.
func TestLevels(t *testing.T) {
	pki := formatstest.NewPKI(t)
	f := signed(t, pki.Leaf)
	pca, err := certchain.TBSHash(pki.Intermediate)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := certchain.TBSHash(pki.Leaf.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	name := pki.Leaf.Certificate.Subject.CommonName
	for level, c := range map[Level]struct {
		root      []byte
		publisher string
		attrib    string // file name of the attribute
	}{
		Publisher:       {pca, name, ""},
		SignedVersion:   {pca, name, "*"},
		FilePublisher:   {pca, name, f.OriginalFilename},
		LeafCertificate: {leaf, "", ""},
		PcaCertificate:  {pca, "", ""},
	} {
		t.Run(string(level), func(t *testing.T) {
			p, _ := build(t, Options{Level: level}, f)
			if len(p.Signers) != 1 || len(p.CISigners) != 1 {
				t.Fatalf("%d signers, %d CI signers", len(p.Signers), len(p.CISigners))
			}
			s := p.Signers[0]
			if !bytes.Equal(s.Root.Value, c.root) || s.Publisher.Value != c.publisher || len(s.FileAttribs) != len(p.FileRules) {
				t.Errorf("signer %+v", s)
			}
			if c.attrib != "" && (p.FileRules[0].FileName.Value != c.attrib || p.FileRules[0].MinVersion.Value.String() != f.FileVersion) {
				t.Errorf("attribute %+v", p.FileRules[0])
			}
			if c.attrib == "" && len(p.FileRules) != 0 {
				t.Errorf("%d file rules", len(p.FileRules))
			}
			if v := Evaluate(p, &f, cipolicy.ScenarioUser, ""); !v.Allowed {
				t.Errorf("the file is not allowed: %+v", v)
			}
			if v := Evaluate(p, &f, cipolicy.ScenarioKernel, ""); v.Allowed {
				t.Error("the file is allowed in kernel mode too")
			}
		})
	}
}

func TestFileNameSources(t *testing.T) {
	f := inspect(t, sample(t, "putty.exe"))
	for _, n := range []NameSource{"", OriginalFileName, InternalName, FileDescription, ProductName} {
		p, _ := build(t, Options{Level: FileName, Name: n}, f)
		r := p.FileRules[0]
		set := map[NameSource]string{"": r.FileName.Value, OriginalFileName: r.FileName.Value, InternalName: r.InternalName.Value, FileDescription: r.FileDescription.Value, ProductName: r.ProductName.Value}
		if set[n] == "" || set[n] != n.of(&f) {
			t.Errorf("%q: %+v", n, r)
		}
		if v := Evaluate(p, &f, cipolicy.ScenarioUser, ""); !v.Allowed {
			t.Errorf("%q: not allowed", n)
		}
	}
}

func TestFilePath(t *testing.T) {
	f := inspect(t, formatstest.Corpus(t, "jsign/wineyes.exe"))
	f.Path = "bin/wineyes.exe"
	p, _ := build(t, Options{Level: FilePath, WindowsPath: `%OSDRIVE%\App`}, f)
	if got := p.FileRules[0].FilePath.Value; got != `%OSDRIVE%\App\bin\wineyes.exe` {
		t.Errorf("path is %q", got)
	}
	if v := Evaluate(p, &f, cipolicy.ScenarioUser, `%osdrive%\app\BIN\wineyes.exe`); !v.Allowed {
		t.Error("not allowed")
	}
	if _, err := Build(NewPolicy(testID), []File{f}, Options{Level: FilePath, Fallback: []Level{Hash}}); err == nil || !strings.Contains(err.Error(), "where the scanned folder lies") {
		t.Errorf("without a Windows path: %v", err)
	}
}

// TestOneAttributeForEachName keeps the lowest version of files of one name.
func TestOneAttributeForEachName(t *testing.T) {
	f := signed(t, formatstest.NewPKI(t).Leaf)
	older, newer := f, f
	older.Path, older.FileVersion, newer.Path, newer.FileVersion = "a", "0.1.0.0", "z", "9.0.0.0"
	for _, order := range [][]File{{f, older, newer}, {newer, older, f}} {
		p, _ := build(t, Options{Level: FilePublisher}, order...)
		if len(p.Signers) != 1 || len(p.FileRules) != 1 || p.FileRules[0].MinVersion.Value.String() != "0.1.0.0" {
			t.Errorf("%d signers, rules %+v", len(p.Signers), p.FileRules)
		}
		d, _ := build(t, Options{Level: FilePublisher, Deny: true}, order...)
		if len(d.FileRules) != 1 || d.FileRules[0].MaxVersion.Value.String() != "9.0.0.0" {
			t.Errorf("denying: rules %+v", d.FileRules)
		}
	}
}

func TestDuplicatesAreMerged(t *testing.T) {
	f := inspect(t, formatstest.Corpus(t, "jsign/wineyes.exe"))
	g := f
	g.Path = "copy.exe"
	if p, _ := build(t, Options{}, f, g); len(p.FileRules) != 4 {
		t.Errorf("%d rules for two equal files, wanted 4", len(p.FileRules))
	}
}

func TestUnreadable(t *testing.T) {
	files := []File{{Path: "a", Error: "permission denied"}, {Path: "b", Error: "no such file"}, inspect(t, formatstest.Corpus(t, "jsign/wineyes.exe"))}
	p := NewPolicy(testID)
	_, err := Build(p, files, Options{})
	if err == nil || !strings.Contains(err.Error(), "a: permission denied") || !strings.Contains(err.Error(), "b: no such file") {
		t.Errorf("got %v", err)
	}
	if len(p.FileRules) != 0 {
		t.Error("the policy was changed")
	}
	if p, _ := build(t, Options{AllowUnreadable: true}, files...); len(p.FileRules) != 4 {
		t.Errorf("%d rules", len(p.FileRules))
	}
}

func TestFlatHashes(t *testing.T) {
	for _, name := range []string{"jsign/hello-world.ps1", "jsign/minimal.msi"} {
		f := inspect(t, formatstest.Corpus(t, name))
		out, err := exec.Command(formatstest.Tool(t, "openssl"), "dgst", "-sha256", "-r", formatstest.Corpus(t, name)).Output()
		if err != nil {
			t.Fatal(err)
		}
		if f.PE || !strings.EqualFold(strings.Fields(string(out))[0], f.SHA256.String()) {
			t.Errorf("%s: %+v", name, f)
		}
		if p, _ := build(t, Options{}, f); len(p.FileRules) != 2 {
			t.Errorf("%s: %d rules, wanted 2", name, len(p.FileRules))
		}
	}
	if f := inspect(t, formatstest.Corpus(t, "relic/ClassLibrary1.dll")); !f.PE || f.PageSHA256 == nil {
		t.Errorf(".NET assembly: %+v", f)
	}
}

func TestDriverGoesToKernelMode(t *testing.T) {
	f := inspect(t, sample(t, "WdBoot.sys"))
	p, _ := build(t, Options{Level: PcaCertificate}, f)
	if !f.Native || len(p.Scenarios[0].Product.Allowed) == 0 || len(p.Scenarios[1].Product.Allowed) != 0 || len(p.CISigners) != 0 {
		t.Errorf("native %v, kernel %v, user %v, CI signers %v", f.Native, p.Scenarios[0].Product.Allowed, p.Scenarios[1].Product.Allowed, p.CISigners)
	}
}
