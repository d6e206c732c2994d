package file

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

func TestTag(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	b.sign(b.signing("*.exe"))
	tagging := func(edit func(*Tagging)) error {
		s := Tagging{Files: args.Files{In: b.path("*.exe")}}
		edit(&s)
		return Tag(t.Context(), b.console(), s)
	}
	if err := tagging(func(s *Tagging) { s.Value = "campaign=42" }); err != nil {
		t.Fatal(err)
	}
	b.accepted("a.exe", false)
	var out bytes.Buffer
	if err := Inspect(t.Context(), &out, b.path("*.exe"), false); err != nil || strings.Count(out.String(), `text:      "campaign=42"`) != 2 {
		t.Errorf("inspect: %v\n%s", err, out.String())
	}
	tagged := b.read("b.exe")
	err := tagging(func(s *Tagging) { s.Value = "other" })
	if fault.Status(err) != fault.Other || strings.Count(err.Error(), "has a tag already") != 2 || b.read("b.exe") != tagged {
		t.Errorf("a second tag: %v", err)
	}
	if err := os.WriteFile(b.path("tag.bin"), []byte{0xff, 0}, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tagging(func(s *Tagging) { s.File, s.Existing = b.path("tag.bin"), "replace" }); err != nil {
		t.Fatal(err)
	}
	b.accepted("b.exe", false)
	if strings.Contains(b.read("b.exe"), "campaign=42") || !strings.Contains(b.read("b.exe"), "\x04\x02\xff\x00") {
		t.Error("the tag was not replaced by the bytes of the file")
	}
	if err := os.WriteFile(b.path("tag.bin"), make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	usage(t, tagging(func(s *Tagging) {}), "-value= or -file=")
	usage(t, tagging(func(s *Tagging) { s.Value, s.File = "x", "y" }), "-value= or -file=")
	usage(t, tagging(func(s *Tagging) { s.File = b.path("tag.bin") }), "1 to 1048576 bytes")
	usage(t, tagging(func(s *Tagging) { s.Value = "\xff" }), "not UTF-8")
	usage(t, tagging(func(s *Tagging) { s.Value, s.Index = "x", 1 }), "-index")
	usage(t, tagging(func(s *Tagging) { s.Value, s.Existing = "x", "append" }), "refuse, replace")
	if err := Strip(t.Context(), b.console(), Stripping{Files: args.Files{In: b.path("*.exe")}}); err != nil {
		t.Fatal(err)
	}
	if b.read("b.exe") != before {
		t.Error("strip does not give back the program as it was")
	}
	if err := tagging(func(s *Tagging) { s.Value = "x" }); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Errorf("tagging an unsigned file: %v", err)
	}
}

func TestSeal(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	v := args.Verification{In: b.path("*.exe"), Roots: b.root, TimestampRoots: b.tsroot, Only: true, Allow: "no-timestamp"}
	verify := func() error { return Verify(t.Context(), b.console(), &bytes.Buffer{}, v) }
	s := b.signing("*.exe")
	s.Intent = true
	b.sign(s)
	if err := verify(); fault.Status(err) != fault.Verification || strings.Count(err.Error(), "there is no seal") != 2 {
		t.Errorf("signed with the intent to seal: %v", err)
	}
	sealing := Sealing{Files: args.Files{In: b.path("*.exe")}, Key: args.Key{Identity: b.pem}}
	if err := Seal(t.Context(), b.console(), sealing); err != nil {
		t.Fatal(err)
	}
	if err := verify(); err != nil {
		t.Errorf("sealed: %v", err)
	}
	sealed := b.read("a.exe")
	tagging := Tagging{Files: args.Files{In: b.path("*.exe")}, Value: "x"}
	again := b.signing("*.exe")
	again.Existing = "append"
	for name, err := range map[string]error{
		"tag":    Tag(t.Context(), b.console(), tagging),
		"stamp":  Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("*.exe")}, Trusted: args.Trusted{TimestampRoots: b.tsroot}, Stampers: args.Stampers{Servers: b.server}}),
		"seal":   Seal(t.Context(), b.console(), sealing),
		"append": Sign(t.Context(), b.console(), again),
	} {
		if fault.Status(err) != fault.Other || !strings.Contains(err.Error(), "the file is sealed") || b.read("a.exe") != sealed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Unseal(t.Context(), b.console(), args.Files{In: b.path("*.exe")}); err != nil {
		t.Fatal(err)
	}
	if err := Tag(t.Context(), b.console(), tagging); err != nil {
		t.Fatal(err)
	}
	if err := Seal(t.Context(), b.console(), sealing); err != nil {
		t.Fatal(err)
	}
	if err := verify(); err != nil {
		t.Errorf("tagged and sealed again: %v", err)
	}
	s.Intent, s.Seal, s.Existing = false, true, "replace"
	b.sign(s)
	if err := verify(); err != nil || b.read("a.exe") != sealed {
		t.Errorf("signed and sealed at once: %v, or other bytes", err)
	}
	for want, edit := range map[string]func(*Signing){
		"-server does not go":          func(s *Signing) { s.Servers = b.server },
		"-existing=append does not go": func(s *Signing) { s.Existing = "append" },
		"-existing=skip does not go":   func(s *Signing) { s.Existing = "skip" },
	} {
		bad := s
		edit(&bad)
		usage(t, Sign(t.Context(), b.console(), bad), want)
	}
	if err := Strip(t.Context(), b.console(), Stripping{Files: args.Files{In: b.path("*.exe")}}); err != nil || b.read("a.exe") != before {
		t.Errorf("strip: %v, or it does not give back the program", err)
	}
}
