package policy

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
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
	b.ok(Compile(b.Console, xml, b.path("a.cip"), 0, "introsort"))
	if !bytes.Equal(b.read("a.cip"), want) {
		t.Error("not the bytes of the Policy Wizard")
	}
	b.ok(Decompile(b.Console, b.path("a.cip"), b.path("a.xml"), "introsort"))
	if !strings.Contains(b.out.String(), "-format=7 -sort=introsort") {
		t.Errorf("does not say how to compile again: %s", b.out.String())
	}
	b.ok(Compile(b.Console, b.path("a.xml"), "", 7, "introsort"))
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
		"no input":        Compile(b.Console, "", "", 0, ""),
		"format":          Compile(b.Console, xml, b.path("x"), 12, ""),
		"sort":            Compile(b.Console, xml, b.path("x"), 7, "bubble"),
		"wrong policy":    Compile(b.Console, broken, b.path("x"), 7, ""),
		"not a policy":    Decompile(b.Console, xml, b.path("x"), ""),
		"level":           Scan(context.Background(), b.Console, Scanning{Dir: b.dir, Out: b.path("x"), Rules: Rules{Level: "All"}}),
		"shard":           Scan(context.Background(), b.Console, Scanning{Dir: b.dir, Out: b.path("x"), Shard: "3/2"}),
		"deny supplement": Scan(context.Background(), b.Console, Scanning{Dir: b.dir, Out: b.path("x"), Rules: Rules{Deny: true, BasePolicyID: cipolicy.SinglePolicyType.String()}}),
		"no match":        Merge(b.Console, b.path("*.none"), b.path("x"), Rules{}),
		"mixed":           Merge(b.Console, xml+","+mixed(b), b.path("x"), Rules{}),
		"no identity":     Sign(context.Background(), b.Console, Signing{In: xml, Out: b.path("x")}),
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
	b.ok(Sign(context.Background(), b.Console, Signing{In: b.path("p.cip"), Out: b.path("s.cip"), Identity: ref, Chain: id.RootFile(t)}))
	content, signature, err := cipolicy.Unwrap(b.read("s.cip"))
	if err != nil || signature == nil || !bytes.Equal(content, compiled) {
		t.Errorf("not signed: %v", err)
	}
}
