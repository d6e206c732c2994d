package resource

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/spec/language"
)

// version.dll of the rig reads the version information of all machines.
func TestVersionDLL(t *testing.T) {
	rig := formatstest.NewRig(t)
	set := sampleSet(t)
	for _, arch := range []string{"amd64", "arm64", "386"} {
		out, err := rig.Run(`C:\rig\wvt.exe`, "version", rig.Path(apply(t, formatstest.GoProgram(t, arch), set)))
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range []string{
			"file 1.4.2.7 product 1.4 flags 0x2", "CompanyName = Example Ltd", "FileDescription = Health beacon — «all is well» 🚨",
			"FileVersion = 1.4.2.7", "ProductVersion = 1.4.2-rc.1", "OriginalFilename = beacon.exe", "InternalName = beacon",
			"LegalCopyright = © 2026 Example Ltd", "ProductName = Beacon",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is missing in\n%s", arch, want, out)
			}
		}
	}
}

// The loader parses the manifest when the program starts.
func TestManifestInTheLoader(t *testing.T) {
	rig := formatstest.NewRig(t)
	plain := probeProgram(t)
	before, err := rig.Run(plain)
	if err != nil || strings.Contains(before, "longPathAware is true") {
		t.Fatalf("the program without a manifest: %v\n%s", err, before)
	}
	set := sampleSet(t)
	out, err := rig.Run(apply(t, plain, set))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"dpiAware is true/pm", "dpiAwareness is PerMonitorV2, PerMonitor", "longPathAware is true", "activeCodePage is UTF-8", "runlevel 1 uiaccess 0",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	admin := Manifest{Level: "requireAdministrator", UIAccess: true, DPI: "system", Windows: "7"}
	xml, err := admin.XML()
	if err != nil {
		t.Fatal(err)
	}
	if out, err = rig.Run(apply(t, plain, Set{Manifest: xml})); err != nil || !strings.Contains(out, "runlevel 3 uiaccess 1") {
		t.Errorf("requireAdministrator: %v\n%s", err, out)
	}
	// Wine's loader goes on after a bad manifest, but knows no settings then.
	out, err = rig.Run(apply(t, plain, Set{Manifest: bytes.Replace(set.Manifest, []byte("</windowsSettings>"), []byte("</windows>"), 1)}))
	if err == nil && strings.Contains(out, "longPathAware is true") {
		t.Errorf("the loader takes any manifest, so this test proves nothing:\n%s", out)
	}
}

var languageLine = regexp.MustCompile(`(?m)^language (\d+) (\S*)`)

// kernel32 of the rig knows the languages by the same names.
func TestLanguagesAgainstKernel32(t *testing.T) {
	rig := formatstest.NewRig(t)
	var args []string
	for _, id := range language.All() {
		args = append(args, fmt.Sprint(id))
	}
	slices.Sort(args)
	out, err := rig.Run(probeProgram(t), args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names := map[string]string{}
	for _, m := range languageLine.FindAllStringSubmatch(out, -1) {
		names[m[1]] = m[2]
	}
	for tag, id := range language.All() {
		if got := names[fmt.Sprint(id)]; got != tag {
			t.Errorf("%#04x is %s for us and %q for kernel32", id, tag, got)
		}
	}
}
