package policy

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// bench is a folder to work in and a console whose output is kept.
type bench struct {
	t   *testing.T
	dir string
	out bytes.Buffer
	*console.Console
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, dir: t.TempDir()}
	b.Console = console.New(&b.out, console.Options{})
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) read(name string) []byte {
	b.t.Helper()
	text, err := os.ReadFile(b.path(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestCompileAndDecompile(t *testing.T) {
	b := newBench(t)
	xml := formatstest.Corpus(t, "cip/wdacme-28715b9/policy.patched.xml")
	want, err := os.ReadFile(formatstest.Corpus(t, "cip/wdacme-28715b9/policy.cip"))
	b.ok(err)
	b.ok(Compile(b.Console, args.Files{In: xml, Out: b.path("a.cip")}, 0, "introsort"))
	if !bytes.Equal(b.read("a.cip"), want) {
		t.Error("not the bytes of the Policy Wizard")
	}
	b.ok(Decompile(b.Console, args.Files{In: b.path("a.cip"), Out: b.path("a.xml")}, "introsort"))
	if !strings.Contains(b.out.String(), "-format=7 -sort=introsort") {
		t.Errorf("does not say how to compile again: %s", b.out.String())
	}
	b.ok(Compile(b.Console, args.Files{In: b.path("a.xml")}, 7, "introsort"))
	if !bytes.Equal(b.read("{A244370E-44C9-4C06-00FF-F6016E563076}.cip"), want) {
		t.Error("decompiling and compiling gives other bytes")
	}
	var diff bytes.Buffer
	b.ok(Diff(&diff, xml, b.path("a.cip")))
	if diff.String() != "the policies say the same\n" {
		t.Errorf("diff of XML and binary: %s", diff.String())
	}
	var show bytes.Buffer
	b.ok(Show(&show, b.path("a.cip")))
	if !strings.Contains(show.String(), `user mode: deny files with the original file name "amsi.dll"`) {
		t.Errorf("show: %s", show.String())
	}
}

func TestWrongUse(t *testing.T) {
	b := newBench(t)
	xml := formatstest.Corpus(t, "cip/templates/AllowMicrosoft.xml")
	broken := b.path("broken.xml")
	b.ok(os.WriteFile(broken, []byte("<SiPolicy/>"), 0o644))
	for name, err := range map[string]error{
		"no input":        Compile(b.Console, args.Files{}, 0, ""),
		"format":          Compile(b.Console, args.Files{In: xml, Out: b.path("x")}, 12, ""),
		"sort":            Compile(b.Console, args.Files{In: xml, Out: b.path("x")}, 7, "bubble"),
		"wrong policy":    Compile(b.Console, args.Files{In: broken, Out: b.path("x")}, 7, ""),
		"not a policy":    Decompile(b.Console, args.Files{In: xml, Out: b.path("x")}, ""),
		"level":           Scan(context.Background(), b.Console, Scanning{Dir: b.dir, Out: b.path("x"), Rules: Rules{Level: "All"}}),
		"shard":           Scan(context.Background(), b.Console, Scanning{Dir: b.dir, Out: b.path("x"), Shard: "3/2"}),
		"deny supplement": Scan(context.Background(), b.Console, Scanning{Dir: b.dir, Out: b.path("x"), Rules: Rules{Deny: true, BasePolicyID: cipolicy.SinglePolicyType.String()}}),
		"no match":        Merge(b.Console, b.path("*.none"), b.path("x"), Rules{}),
		"mixed":           Merge(b.Console, xml+","+mixed(b), b.path("x"), Rules{}),
		"no identity":     Sign(context.Background(), b.Console, Signing{Files: args.Files{In: xml, Out: b.path("x")}}),
	} {
		if fault.Status(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(b.path("x")); err == nil {
		t.Error("a failed command left a file")
	}
}

func mixed(b *bench) string {
	b.ok(os.WriteFile(b.path("a.jsonl"), nil, 0o644))
	return b.path("a.jsonl")
}

// TestShardsGiveThePolicyOfOneRun compares the two ways byte for byte.
func TestShardsGiveThePolicyOfOneRun(t *testing.T) {
	b := newBench(t)
	dir := filepath.Dir(formatstest.Corpus(t, "jsign/wineyes.exe"))
	r := Rules{Level: "Publisher", Fallback: "Hash", Mode: "both", Name: "Scan"}
	b.ok(Scan(context.Background(), b.Console, Scanning{Rules: r, Dir: dir, Out: b.path("whole.xml")}))
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		b.ok(Scan(context.Background(), b.Console, Scanning{Rules: r, Dir: dir, Out: b.path("part" + shard[:1] + ".jsonl"), Shard: shard}))
	}
	b.ok(Merge(b.Console, b.path("part*.jsonl"), b.path("joined.xml"), r))
	if !bytes.Equal(b.read("whole.xml"), b.read("joined.xml")) {
		t.Error("the shards give another policy than one run")
	}
	b.ok(os.Remove(b.path("part2.jsonl")))
	if err := Merge(b.Console, b.path("part*.jsonl"), b.path("x.xml"), r); err == nil || !strings.Contains(err.Error(), "shards 2 of 3 are missing") {
		t.Errorf("a missing shard: %v", err)
	}
}

func TestMergePolicies(t *testing.T) {
	b := newBench(t)
	in := formatstest.Corpus(t, "cip/templates/AllowMicrosoft.xml") + "," + formatstest.Corpus(t, "cip/templates/Recommended_UserMode_Blocklist.xml")
	b.ok(Merge(b.Console, in, b.path("m.xml"), Rules{}))
	p, err := cipolicy.ReadBytes(b.read("m.xml"))
	b.ok(err)
	if p.ID().String() != "{959A0F15-8985-4551-A208-5FFE9EDB3A70}" {
		t.Errorf("identity %s", p.ID())
	}
}

func TestScanDenies(t *testing.T) {
	b := newBench(t)
	dir := filepath.Dir(formatstest.Corpus(t, "jsign/wineyes.exe"))
	b.ok(Scan(context.Background(), b.Console, Scanning{Rules: Rules{Deny: true}, Dir: dir, Out: b.path("d.xml")}))
	var show bytes.Buffer
	b.ok(Show(&show, b.path("d.xml")))
	for _, want := range []string{"user mode: allow all files", "kernel mode: allow all files", "user mode: deny files with the hash"} {
		if !strings.Contains(show.String(), want) {
			t.Errorf("no line says %q", want)
		}
	}
}

func TestSign(t *testing.T) {
	b := newBench(t)
	id := formatstest.NewPKI(t).Leaf
	guid := cipolicy.Some(cipolicy.LockdownPolicy)
	p := &cipolicy.Policy{Type: cipolicy.BasePolicy, PlatformID: cipolicy.PlatformWindows, PolicyID: guid, BasePolicyID: guid}
	b.ok(p.AddUpdateSigner(id.Certificate))
	compiled, err := cipolicy.Compile(p, cipolicy.CompileOptions{})
	b.ok(err)
	b.ok(os.WriteFile(b.path("p.cip"), compiled, 0o644))
	ref := "pem:" + id.KeyFile(t) + "," + id.CertFile(t)
	b.ok(Sign(context.Background(), b.Console, Signing{Files: args.Files{In: b.path("p.cip"), Out: b.path("s.cip")}, Key: args.Key{Identity: ref, Chain: id.RootFile(t)}}))
	content, signature, err := cipolicy.Unwrap(b.read("s.cip"))
	if err != nil || signature == nil || !bytes.Equal(content, compiled) {
		t.Errorf("not signed: %v", err)
	}
}

// program puts a small Go program into the folder name.
func (b *bench) program(name string) {
	b.t.Helper()
	program, err := os.ReadFile(formatstest.GoProgram(b.t, "amd64"))
	b.ok(err)
	b.ok(os.MkdirAll(filepath.Dir(b.path(name)), 0o755))
	b.ok(os.WriteFile(b.path(name), program, 0o600))
}

// TestScanFollowsTheNamedLink: /var on macOS, current release folders and
// junctions are links, and a policy of a link must not be an empty one.
func TestScanFollowsTheNamedLink(t *testing.T) {
	b := newBench(t)
	b.program("app/a.exe")
	formatstest.Symlink(t, "app", b.path("link"))
	b.ok(os.Symlink("a.exe", b.path("app/current.exe")))
	b.ok(os.Symlink("..", b.path("app/up")))
	for _, dir := range []string{"app", "link", "link/", "app/../link"} {
		b.out.Reset()
		b.ok(Scan(t.Context(), b.Console, Scanning{Dir: b.dir + "/" + dir, Out: b.path("p.xml"), Rules: Rules{Deny: true}}))
		b.ok(os.Rename(b.path("p.xml"), b.path(strings.ReplaceAll(dir, "/", "-")+".xml")))
		if !strings.Contains(b.out.String(), "1 file examined") || !strings.Contains(b.out.String(), "2 links not followed") {
			t.Errorf("%s: said was\n%s", dir, b.out.String())
		}
	}
	want := string(b.read("app.xml"))
	for _, name := range []string{"link.xml", "link-.xml", "app-..-link.xml"} {
		if string(b.read(name)) != want {
			t.Errorf("%s is another policy than that of the folder itself", name)
		}
	}
}

// TestScanOfNothing: a policy that would allow nothing, or deny nothing, is not
// made, whole or in shards.
func TestScanOfNothing(t *testing.T) {
	b := newBench(t)
	b.ok(os.MkdirAll(b.path("empty/sub"), 0o755))
	b.ok(os.MkdirAll(b.path("text"), 0o755))
	b.ok(os.WriteFile(b.path("text/a.txt"), []byte("text"), 0o600))
	b.unreadable("unreadable.jsonl")
	for _, deny := range []bool{false, true} {
		r := Rules{Deny: deny, AllowUnreadable: true, Level: "Publisher"}
		for _, dir := range []string{"empty", "text"} {
			s := Scanning{Rules: r, Dir: b.path(dir), Out: b.path("p.xml")}
			if err := Scan(t.Context(), b.Console, s); err == nil || !strings.Contains(err.Error(), "there is no") {
				t.Errorf("%s, deny %v: %v", dir, deny, err)
			}
			s.Out, s.Shard = b.path("part.jsonl"), "1/1"
			b.ok(Scan(t.Context(), b.Console, s))
			if err := Merge(b.Console, b.path("part.jsonl"), b.path("p.xml"), r); err == nil || !strings.Contains(err.Error(), "there is no") {
				t.Errorf("%s, deny %v, merged: %v", dir, deny, err)
			}
		}
		if err := Merge(b.Console, b.path("unreadable.jsonl"), b.path("p.xml"), r); err == nil || !strings.Contains(err.Error(), "no file could be read (1 unreadable)") {
			t.Errorf("nothing readable, deny %v: %v", deny, err)
		}
	}
	if _, err := os.Stat(b.path("p.xml")); err == nil {
		t.Error("a policy was written")
	}
}

// TestNothingReplacesAPolicy: a result never takes the place of its source, and
// of several files each gets a name of its own.
func TestNothingReplacesAPolicy(t *testing.T) {
	b := newBench(t)
	b.program("app/a.exe")
	b.ok(Scan(t.Context(), b.Console, Scanning{Dir: b.path("app"), Out: b.path("a.xml")}))
	b.ok(Scan(t.Context(), b.Console, Scanning{Dir: b.path("app"), Out: b.path("b.xml"), Rules: Rules{PolicyID: "{11111111-2222-8333-8444-555555555555}"}}))
	a := b.path("a.xml")
	before := string(b.read("a.xml"))
	for name, err := range map[string]error{
		"compile":   Compile(b.Console, args.Files{In: a, Out: a}, 0, ""),
		"decompile": Decompile(b.Console, args.Files{In: a, Out: a}, ""),
		"several":   Compile(b.Console, args.Files{In: b.path("*.xml"), Out: b.path("x.cip")}, 0, ""),
		"alike":     Compile(b.Console, args.Files{In: a + "," + b.copied("a.xml")}, 0, ""),
	} {
		if fault.Status(err) != fault.Usage || string(b.read("a.xml")) != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.ok(os.Mkdir(b.path("out"), 0o755))
	b.ok(Compile(b.Console, args.Files{In: a + "," + b.path("b.xml"), Out: b.path("out")}, 0, ""))
	b.ok(Decompile(b.Console, args.Files{In: b.path("out/*.cip")}, ""))
	left, err := filepath.Glob(b.path("out/*"))
	if err != nil || len(left) != 4 {
		t.Errorf("out holds %v", left)
	}
	var show bytes.Buffer
	b.ok(Show(&show, b.path("out/*.cip")))
	if strings.Count(show.String(), ".cip\n") != 2 {
		t.Errorf("the policies are not told apart:\n%s", show.String())
	}
}

// unreadable writes the records of a scan that could not read its only file.
func (b *bench) unreadable(name string) {
	f, err := os.Create(b.path(name))
	b.ok(err)
	defer f.Close()
	w, err := rules.NewRecordWriter(f, rules.Shard{Index: 1, Count: 1})
	b.ok(err)
	b.ok(w.Write(rules.File{Path: "a.exe", Error: "open: permission denied"}))
	b.ok(w.Close(rules.Summary{Files: 1, Unreadable: 1}))
}

func (b *bench) copied(name string) string {
	b.ok(os.WriteFile(b.path("copy-"+name), b.read(name), 0o600))
	return b.path("copy-" + name)
}

// TestSignJudgesTheCertificate: as for any other signature.
func TestSignJudgesTheCertificate(t *testing.T) {
	b := newBench(t)
	p := rules.NewPolicy(cipolicy.LockdownPolicy)
	compiled, err := cipolicy.Compile(p, cipolicy.CompileOptions{})
	b.ok(err)
	b.ok(os.WriteFile(b.path("p.cip"), compiled, 0o644))
	pki := formatstest.NewPKI(t)
	for name, id := range map[string]*formatstest.Identity{"not for code": pki.WrongEKU, "expired": pki.Expired} {
		ref := "pem:" + id.KeyFile(t) + "," + id.CertFile(t)
		err := Sign(t.Context(), b.Console, Signing{Files: args.Files{In: b.path("p.cip"), Out: b.path("s.cip")}, Key: args.Key{Identity: ref, Chain: id.RootFile(t)}})
		if fault.Status(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(b.path("s.cip")); err == nil {
		t.Error("it was signed")
	}
}
