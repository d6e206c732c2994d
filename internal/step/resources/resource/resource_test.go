package resource

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saferwall/pe"
	"github.com/tc-hib/winres"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// apply puts set into the program at path and returns the path of the result.
func apply(t *testing.T, path string, set Set) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.exe")
	if err := applyTo(t.Context(), out, path, set); err != nil {
		t.Fatal(err)
	}
	return out
}

func applyTo(ctx context.Context, out, path string, set Set) error {
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	st, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := os.Create(out)
	if err != nil {
		return err
	}
	defer dst.Close()
	return Apply(ctx, dst, src, st.Size(), set)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// german is de-CH.
const german = 0x0807

func sampleVersion() *Version {
	return &Version{
		File: [4]uint16{1, 4, 2, 7}, FileText: "1.4.2.7",
		Product: [4]uint16{1, 4, 2, 0}, ProductText: "1.4.2-rc.1", Prerelease: true,
		OriginalFilename: "beacon.exe", InternalName: "beacon",
		Strings: map[uint16]Strings{
			winres.LCIDDefault: {Company: "Example Ltd", Product: "Beacon", Description: "Health beacon — «all is well» 🚨", Copyright: "© 2026 Example Ltd", Trademarks: "Beacon™", Comments: "none"},
			german:             {Company: "Beispiel AG", Product: "Leuchtfeuer", Description: "Zustandsmeldung", Copyright: "© 2026 Beispiel AG"},
		},
	}
}

func sampleSet(t *testing.T) Set {
	t.Helper()
	manifest, err := sampleManifest.XML()
	if err != nil {
		t.Fatal(err)
	}
	icon, err := ParseIcon(pngOf(t, 64, 64))
	if err != nil {
		t.Fatal(err)
	}
	return Set{Version: sampleVersion(), Manifest: manifest, Icon: icon}
}

// second reads a program with saferwall/pe, which shares no code with us.
func second(t *testing.T, path string) *pe.File {
	t.Helper()
	f, err := pe.New(path, &pe.Options{DisableCertValidation: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Parse(); err != nil {
		t.Fatal(err)
	}
	return f
}

// leaves lists the resources as saferwall/pe sees them: type/id or name/language.
func leaves(f *pe.File) map[[2]uint32][]uint32 {
	found := map[[2]uint32][]uint32{}
	for _, kind := range f.Resources.Entries {
		for _, item := range kind.Directory.Entries {
			for _, language := range item.Directory.Entries {
				key := [2]uint32{kind.ID, item.ID}
				found[key] = append(found[key], language.ID)
			}
		}
	}
	return found
}

func TestApply(t *testing.T) {
	set := sampleSet(t)
	for _, arch := range []string{"amd64", "arm64", "386"} {
		for name, flags := range map[string][]string{"console": nil, "gui": {"-ldflags=-H=windowsgui"}, "unstripped": {"-ldflags="}} {
			t.Run(arch+" "+name, func(t *testing.T) {
				before := formatstest.GoProgram(t, arch, flags...)
				after := apply(t, before, set)
				f := second(t, after)
				checkVersion(t, f)
				found := leaves(f)
				for _, want := range [][2]uint32{{16, 1}, {24, 1}, {14, 1}, {3, 1}, {3, 4}} {
					if len(found[want]) == 0 {
						t.Errorf("resource %v is missing in %v", want, found)
					}
				}
				if got := found[[2]uint32{16, 1}]; len(got) != 2 {
					t.Errorf("version information in languages %#x, want two", got)
				}
				checkRest(t, before, after)
				if again := apply(t, before, set); !bytes.Equal(read(t, after), read(t, again)) {
					t.Error("a second run gives other bytes")
				}
			})
		}
	}
}

func checkVersion(t *testing.T, f *pe.File) {
	t.Helper()
	got, err := f.ParseVersionResourcesForEntries()
	if err != nil || len(got) != 2 {
		t.Fatalf("got %d languages, %v", len(got), err)
	}
	common := map[string]string{"FileVersion": "1.4.2.7", "ProductVersion": "1.4.2-rc.1", "OriginalFilename": "beacon.exe", "InternalName": "beacon"}
	for i, own := range []map[string]string{ // in ascending order of the language
		{"CompanyName": "Example Ltd", "ProductName": "Beacon", "LegalTrademarks": "Beacon™", "Comments": "none", "LegalCopyright": "© 2026 Example Ltd"},
		{"CompanyName": "Beispiel AG", "ProductName": "Leuchtfeuer", "LegalTrademarks": "", "FileDescription": "Zustandsmeldung"},
	} {
		maps.Copy(own, common)
		for key, want := range own {
			// saferwall/pe cuts a string after the first zero byte that
			// follows another, one byte late when its last letter is not
			// Latin (DecodeUTF16String); version.dll does not.
			if text := strings.TrimSuffix(got[i][key], "\ufffd"); text != want {
				t.Errorf("language %d: %s is %q, want %q", i, key, text, want)
			}
		}
	}
}

// checkRest makes sure that nothing but the resources and the headers that
// describe them has changed.
func checkRest(t *testing.T, before, after string) {
	t.Helper()
	old, now := read(t, before), read(t, after)
	a, b := parse(t, old), parse(t, now)
	if a.Subsystem != b.Subsystem || a.DLLCharacteristics != b.DLLCharacteristics || a.TimeDateStamp != b.TimeDateStamp || b.CheckSum != 0 {
		t.Error("a header field has changed")
	}
	if len(b.Sections) != len(a.Sections)+1 {
		t.Fatalf("%d sections became %d", len(a.Sections), len(b.Sections))
	}
	for i, s := range a.Sections {
		if b.Sections[i] != s {
			t.Errorf("section header %s has changed", s.Name)
		}
		from, to := s.PointerToRawData, s.PointerToRawData+s.SizeOfRawData
		if !bytes.Equal(old[from:to], now[from:to]) {
			t.Errorf("the content of section %s has changed", s.Name)
		}
	}
	last := b.Sections[len(b.Sections)-1]
	if grown := initialized(now, b) - initialized(old, a); grown != last.SizeOfRawData {
		t.Errorf("SizeOfInitializedData grew by %d, want %d", grown, last.SizeOfRawData)
	}
	if want := (last.VirtualAddress + last.VirtualSize + b.SectionAlignment - 1) / b.SectionAlignment * b.SectionAlignment; b.SizeOfImage != want {
		t.Errorf("SizeOfImage is %#x, want %#x", b.SizeOfImage, want)
	}
}

func parse(t *testing.T, b []byte) *peimage.Image {
	t.Helper()
	im, err := peimage.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func initialized(b []byte, im *peimage.Image) uint32 {
	return binary.LittleEndian.Uint32(b[im.HeaderOffset+initializedOffset:])
}

func TestNothingToApply(t *testing.T) {
	before := formatstest.GoProgram(t, "amd64")
	if after := apply(t, before, Set{}); !bytes.Equal(read(t, before), read(t, after)) {
		t.Error("the copy differs")
	}
}

func TestChecksumIsRenewed(t *testing.T) {
	before := formatstest.GoProgram(t, "amd64")
	b := read(t, before)
	binary.LittleEndian.PutUint32(b[parse(t, b).ChecksumOffset:], 12345)
	if err := os.WriteFile(before, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f := second(t, apply(t, before, sampleSet(t)))
	header := f.NtHeader.OptionalHeader.(pe.ImageOptionalHeader64)
	if header.CheckSum == 12345 || header.CheckSum != f.Checksum() {
		t.Errorf("the checksum is %#x, saferwall/pe computes %#x", header.CheckSum, f.Checksum())
	}
}

func TestApplyRefuses(t *testing.T) {
	good := read(t, formatstest.GoProgram(t, "amd64"))
	for name, c := range map[string]struct {
		input []byte
		want  string
	}{
		"empty":         {nil, ""},
		"ELF":           {[]byte("\x7fELF" + strings.Repeat("\x00", 4096)), ""},
		"cut short":     {good[:len(good)-512], ""},
		"headers only":  {good[:0x200], ""},
		"data appended": {append(bytes.Clone(good), "payload"...), "7 bytes follow the last section"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.exe")
			if err := os.WriteFile(path, c.input, 0o600); err != nil {
				t.Fatal(err)
			}
			err := applyTo(t.Context(), filepath.Join(t.TempDir(), "out.exe"), path, Set{Version: sampleVersion()})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestApplyRefusesSigned(t *testing.T) {
	pki := formatstest.NewPKI(t)
	signed := formatstest.SignOssl(t, pki.Leaf, formatstest.GoProgram(t, "amd64"))
	err := applyTo(t.Context(), filepath.Join(t.TempDir(), "out.exe"), signed, Set{Version: sampleVersion()})
	if !errors.Is(err, ErrSigned) {
		t.Errorf("got %v, want ErrSigned", err)
	}
}

// osslsigncode refuses programs whose headers contradict each other.
func TestResultCanBeSigned(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for _, arch := range []string{"amd64", "arm64", "386"} {
		signed := formatstest.SignOssl(t, pki.Leaf, apply(t, formatstest.GoProgram(t, arch), sampleSet(t)))
		if ok, out := formatstest.VerifyOssl(t, signed, pki.Leaf.RootFile(t), pki.TSA.RootFile(t)); !ok {
			t.Errorf("%s: %s", arch, out)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := applyTo(ctx, filepath.Join(t.TempDir(), "out.exe"), formatstest.GoProgram(t, "amd64"), Set{Version: sampleVersion()})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
