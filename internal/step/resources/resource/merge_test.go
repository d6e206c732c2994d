package resource

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tc-hib/winres"
)

// script is a resource script as a program's author may have it: version
// information in the old code page with a key and a language of its own, two
// icons, a manifest, and data.
const script = `
1 VERSIONINFO
FILEVERSION 9,9,9,9
PRODUCTVERSION 9,9,9,9
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904E4"
    BEGIN
      VALUE "CompanyName", "Old Company"
      VALUE "FileVersion", "9.9.9.9"
      VALUE "BuildBranch", "main"
      VALUE "Comments", ""
    END
  END
  BLOCK "VarFileInfo"
  BEGIN
    VALUE "Translation", 0x409, 1252
  END
END
1 24 "old.manifest"
APPICON ICON "old.ico"
7 ICON "old.ico"
DATA RCDATA "data.bin"
`

// withScript compiles the script with windres, the compiler of binutils, and a
// Go program around it, which links the .syso file.
func withScript(t *testing.T) string {
	t.Helper()
	windres, err := exec.LookPath("x86_64-w64-mingw32-windres")
	if err != nil {
		t.Skip("windres is not installed: apt-get install binutils-mingw-w64-x86-64")
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"app.rc": []byte(script), "old.ico": icoOf(t), "data.bin": []byte("keep me"),
		"old.manifest": []byte(`<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"/>`),
		"main.go":      []byte("package main\n\nfunc main() { println(\"hello\") }\n"),
		"go.mod":       []byte("module example.test/old\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command(t, dir, windres, "-i", "app.rc", "-o", "app_windows_amd64.syso")
	command(t, dir, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", "old.exe", ".")
	return filepath.Join(dir, "old.exe")
}

func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func TestMergeKeepsWhatIsThere(t *testing.T) {
	old := withScript(t)
	set := sampleSet(t)
	after := apply(t, old, set)
	rs, err := winres.LoadFromEXE(bytes.NewReader(read(t, after)))
	if err != nil {
		t.Fatal(err)
	}
	if got := rs.Get(winres.RT_RCDATA, winres.Name("DATA"), winres.LCIDDefault); string(got) != "keep me" {
		t.Errorf("the data is %q", got)
	}
	resources := tableOf(rs)
	languages, err := readAll(resources)
	if err != nil {
		t.Fatal(err)
	}
	english := languages[winres.LCIDDefault]
	for key, want := range map[string]string{"CompanyName": "Example Ltd", "FileVersion": "1.4.2.7", "BuildBranch": "main"} {
		if english[key] != want {
			t.Errorf("%s is %q, want %q", key, english[key], want)
		}
	}
	if got := resources.each(winres.RT_MANIFEST, winres.ID(1)); len(got) != 1 {
		t.Errorf("there are %d manifests", len(got))
	}
	if got := rs.Get(winres.RT_MANIFEST, winres.ID(1), winres.LCIDDefault); !bytes.Equal(got, set.Manifest) {
		t.Errorf("the manifest is %s", got)
	}
	if got := imagesOf(resources, winres.Name("APPICON")); len(got) != 5 {
		t.Errorf("the first icon has %d images, want the 5 new ones", len(got))
	}
	if got := imagesOf(resources, winres.ID(7)); len(got) != 1 || rs.Get(winres.RT_ICON, got[0], winres.LCIDDefault) == nil {
		t.Errorf("the second icon is damaged: images %v", got)
	}
	if again := apply(t, after, set); !bytes.Equal(read(t, again), read(t, after)) {
		t.Error("stamping a second time changes the bytes")
	}
}

// Without a manifest and an icon those of the program stay.
func TestVersionAlone(t *testing.T) {
	after := apply(t, withScript(t), Set{Version: sampleVersion()})
	rs, err := winres.LoadFromEXE(bytes.NewReader(read(t, after)))
	if err != nil {
		t.Fatal(err)
	}
	if got := rs.Get(winres.RT_MANIFEST, winres.ID(1), winres.LCIDDefault); !bytes.Contains(got, []byte("manifestVersion")) {
		t.Errorf("the manifest is %q", got)
	}
	if got := imagesOf(tableOf(rs), winres.Name("APPICON")); len(got) != 1 {
		t.Errorf("the icon has %d images, want 1", len(got))
	}
}

// gcc puts .reloc behind .rsrc, or symbols behind everything.
func TestOtherLayoutsAreRefused(t *testing.T) {
	gcc, err := exec.LookPath("x86_64-w64-mingw32-gcc")
	if err != nil {
		t.Skip("the C compiler for Windows is not installed: apt-get install gcc-mingw-w64-x86-64")
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"main.c": "int main(void) { return 0; }\n", "app.rc": "DATA RCDATA \"main.c\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command(t, dir, strings.TrimSuffix(gcc, "gcc")+"windres", "-i", "app.rc", "-o", "app.o")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"relocations behind resources": {[]string{"-s"}, "follows the existing resources"},
		"symbols behind everything":    {nil, "follow the last section"},
	} {
		t.Run(name, func(t *testing.T) {
			command(t, dir, gcc, append(c.args, "main.c", "app.o", "-o", "c.exe")...)
			err := applyTo(t.Context(), filepath.Join(t.TempDir(), "out.exe"), filepath.Join(dir, "c.exe"), Set{Version: sampleVersion()})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// probe is a Windows program that tells what the system made of its manifest,
// and the names of language identifiers.
const probe = `package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

var kernel32 = syscall.NewLazyDLL("kernel32.dll")

func setting(space, name string) string {
	s, _ := syscall.UTF16PtrFromString("http://schemas.microsoft.com/SMI/" + space + "/WindowsSettings")
	n, _ := syscall.UTF16PtrFromString(name)
	buf := make([]uint16, 200)
	var used uintptr
	ok, _, err := kernel32.NewProc("QueryActCtxSettingsW").Call(0, 0, uintptr(unsafe.Pointer(s)), uintptr(unsafe.Pointer(n)),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), uintptr(unsafe.Pointer(&used)))
	if ok == 0 {
		return err.Error()
	}
	return syscall.UTF16ToString(buf)
}

func main() {
	for _, arg := range os.Args[1:] {
		id, _ := strconv.ParseUint(arg, 10, 32)
		buf := make([]uint16, 100)
		kernel32.NewProc("LCIDToLocaleName").Call(uintptr(id), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0)
		fmt.Println("language", arg, syscall.UTF16ToString(buf))
	}
	for _, q := range [][2]string{{"2005", "dpiAware"}, {"2016", "dpiAwareness"}, {"2016", "longPathAware"}, {"2019", "activeCodePage"}} {
		fmt.Println(q[1], "is", setting(q[0], q[1]))
	}
	var level [3]uint32
	kernel32.NewProc("QueryActCtxW").Call(0, 0, 0, 5, uintptr(unsafe.Pointer(&level[0])), unsafe.Sizeof(level), 0)
	fmt.Println("runlevel", level[1], "uiaccess", level[2])
}
`

func probeProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"main.go": probe, "go.mod": "module example.test/probe\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command(t, dir, "go", "build", "-o", "probe.exe", ".")
	return filepath.Join(dir, "probe.exe")
}
