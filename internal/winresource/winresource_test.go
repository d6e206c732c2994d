package winresource_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"

	"github.com/hallmark-dev/hallmark/formats/peimage/resource"
	"github.com/hallmark-dev/hallmark/internal/winresource"
)

const manifest = `<?xml version="1.0" encoding="UTF-8"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <assemblyIdentity type="win32" name="own.app" version="1.0.0.0"/>
  <dependency><dependentAssembly>
    <assemblyIdentity type="win32" name="Microsoft.Windows.Common-Controls" version="6.0.0.0" publicKeyToken="6595b64144ccf1df"/>
  </dependentAssembly></dependency>
  <asmv3:trustInfo xmlns:asmv3="urn:schemas-microsoft-com:asm.v3"><asmv3:security><asmv3:requestedPrivileges>
    <asmv3:requestedExecutionLevel level="requireAdministrator" uiAccess="true"/>
  </asmv3:requestedPrivileges></asmv3:security></asmv3:trustInfo>
  <application xmlns="urn:schemas-microsoft-com:asm.v3"><windowsSettings>
    <dpiAware>true</dpiAware><dpiAwareness>PerMonitorV2</dpiAwareness><longPathAware>true</longPathAware><activeCodePage>UTF-8</activeCodePage>
  </windowsSettings></application>
</assembly>`

func TestReadManifest(t *testing.T) {
	for name, c := range map[string]struct {
		xml  string
		want winresource.Demands
	}{
		"everything": {manifest, winresource.Demands{Level: "requireAdministrator", UIAccess: true, Dependencies: []string{winresource.CommonControls}, DPI: "PerMonitorV2", LongPaths: true, UTF8: true}},
		"nothing":    {`<assembly xmlns="urn:schemas-microsoft-com:asm.v1"/>`, winresource.Demands{}},
		"own identity is not a dependency": {`<assembly><assemblyIdentity name="a" version="1.0.0.0"/><requestedExecutionLevel level="asInvoker"/></assembly>` + "\x00",
			winresource.Demands{Level: "asInvoker"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := winresource.ReadManifest([]byte(c.xml))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
	for name, text := range map[string]string{"cut short": manifest[:len(manifest)/2], "too large": strings.Repeat(" ", winresource.MaxManifest+1)} {
		if _, err := winresource.ReadManifest([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// object makes an object file with the library that go-winres is made of.
func object(t testing.TB) []byte {
	t.Helper()
	rs := &winres.ResourceSet{}
	info := version.Info{}
	if err := info.Set(0x0409, version.CompanyName, "Example Ltd"); err != nil {
		t.Fatal(err)
	}
	rs.SetVersionInfo(info)
	if err := rs.Set(winres.RT_MANIFEST, winres.ID(1), 0x0409, []byte(manifest)); err != nil {
		t.Fatal(err)
	}
	if err := rs.Set(winres.RT_RCDATA, winres.Name("DATA"), 0, []byte("data")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := rs.WriteObject(&b, winres.ArchAMD64); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadObject(t *testing.T) {
	check := func(t *testing.T, b []byte) {
		t.Helper()
		list, err := winresource.ReadObject(b)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, r := range list {
			switch {
			case r.Type == winresource.TypeManifest && r.ID == 1:
				seen++
				if string(bytes.TrimRight(r.Data, "\x00")) != manifest {
					t.Errorf("the manifest is %q", r.Data)
				}
			case r.Type == winresource.TypeVersion && r.ID == 1:
				seen++
				if v, err := resource.ParseVersion(r.Data); err != nil || v.Strings(r.Language)["CompanyName"] != "Example Ltd" {
					t.Errorf("the version is %+v, %v", v, err)
				}
			}
		}
		if seen != 2 {
			t.Errorf("%d of 2 resources found among %d", seen, len(list))
		}
	}
	t.Run("go-winres", func(t *testing.T) { check(t, object(t)) })
	t.Run("windres", func(t *testing.T) {
		windres, err := exec.LookPath("x86_64-w64-mingw32-windres")
		if err != nil {
			t.Skip("windres is not installed: apt-get install binutils-mingw-w64-x86-64")
		}
		dir := t.TempDir()
		for name, text := range map[string]string{
			"app.manifest": manifest,
			"app.rc": "1 24 \"app.manifest\"\n1 VERSIONINFO\nBEGIN\nBLOCK \"StringFileInfo\"\nBEGIN\nBLOCK \"040904b0\"\nBEGIN\n" +
				"VALUE \"CompanyName\", \"Example Ltd\"\nEND\nEND\nEND\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(windres, "-i", "app.rc", "-o", "app.syso")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("windres: %v\n%s", err, out)
		}
		b, err := os.ReadFile(filepath.Join(dir, "app.syso"))
		if err != nil {
			t.Fatal(err)
		}
		check(t, b)
	})
	for name, b := range map[string][]byte{"not an object": []byte("hello"), "cut short": object(t)[:200], "too large": make([]byte, winresource.MaxObject+1)} {
		if list, err := winresource.ReadObject(b); err == nil {
			t.Errorf("%s: got %d resources and no error", name, len(list))
		}
	}
}

func FuzzReadObject(f *testing.F) {
	f.Add(object(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := winresource.ReadObject(b)
		for _, r := range list {
			if err != nil || len(r.Data) > len(b) {
				t.Fatalf("%d bytes of data in a file of %d, %v", len(r.Data), len(b), err)
			}
			if r.Type == winresource.TypeManifest {
				winresource.ReadManifest(r.Data) // must not panic
			}
		}
	})
}

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(manifest))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := winresource.ReadManifest(b); err != nil && !reflect.DeepEqual(d, winresource.Demands{}) && d.DPI == "" && d.Level != "" {
			t.Errorf("demands %+v beside the error %v", d, err)
		}
	})
}
