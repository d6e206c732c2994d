package resource_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	saferwall "github.com/saferwall/pe"
	"github.com/tc-hib/winres/version"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/formats/peimage/resource"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

const (
	english = 0x409
	german  = 0x407
)

// encoded is version information as github.com/tc-hib/winres writes it.
func encoded(t testing.TB) []byte {
	t.Helper()
	info := version.Info{FileVersion: [4]uint16{1, 2, 3, 65535}, ProductVersion: [4]uint16{4, 0, 0, 1}}
	for language, text := range map[uint16]string{english: "«ü» 🚨", german: ""} {
		for _, key := range []string{"A", "Longer key", "odd"} {
			if err := info.Set(language, key, text+key); err != nil {
				t.Fatal(err)
			}
		}
	}
	return info.Bytes()
}

func TestParseVersion(t *testing.T) {
	v, err := resource.ParseVersion(encoded(t))
	if err != nil {
		t.Fatal(err)
	}
	if v.File != [4]uint16{1, 2, 3, 65535} || v.Product != [4]uint16{4, 0, 0, 1} || len(v.Tables) != 2 {
		t.Errorf("got %+v", v)
	}
	for language, text := range map[uint16]string{english: "«ü» 🚨", german: ""} {
		want := map[string]string{"A": text + "A", "Longer key": text + "Longer key", "odd": text + "odd"}
		if got := v.Strings(language); !maps.Equal(got, want) {
			t.Errorf("language %#x: %q", language, got)
		}
	}
	if got := v.Strings(0x40c); !maps.Equal(got, v.First()) || len(got) != 3 {
		t.Errorf("a language that is not there: %q", got)
	}
}

// node writes one structure of version information.
func node(key string, valueLength int, value []byte, children ...[]byte) []byte {
	b := make([]byte, 6)
	for _, c := range key + "\x00" {
		b = append(b, byte(c), 0)
	}
	pad := func() {
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	pad()
	b = append(b, value...)
	for _, c := range children {
		pad()
		b = append(b, c...)
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	binary.LittleEndian.PutUint16(b[2:], uint16(valueLength))
	return b
}

func TestParseVersionLengths(t *testing.T) {
	text := []byte("a\x00b\x00\x00\x00")
	whole := func(stringLength int) []byte {
		table := node("040904B0", 0, nil, node("K", stringLength, text))
		return node("VS_VERSION_INFO", 0, nil, node("StringFileInfo", 0, nil, table))
	}
	for name, length := range map[string]int{"in UTF-16 units": 3, "in bytes": 6, "without the zero": 2, "far too long": 60000} {
		v, err := resource.ParseVersion(whole(length))
		if err != nil || v.First()["K"] != "ab" || v.Tables[0].Language != english {
			t.Errorf("text counted %s: %+v, %v", name, v, err)
		}
	}
	good := encoded(t)
	for name, b := range map[string][]byte{
		"empty":              nil,
		"cut short":          good[:len(good)/2],
		"length 0":           append([]byte{0, 0}, good[2:]...),
		"other structure":    node("VS_VERSION", 0, nil),
		"key without end":    {8, 0, 0, 0, 0, 0, 'V', 0},
		"value too long":     node("VS_VERSION_INFO", 60000, nil),
		"table too long":     node("VS_VERSION_INFO", 0, nil, node("StringFileInfo", 0, nil, node("040904B0", 8, nil))),
		"more than 64 KiB":   make([]byte, 1<<16+1),
		"string is too long": node("VS_VERSION_INFO", 0, nil, node("StringFileInfo", 0, nil, node("040904B0", 0, nil, []byte{200, 0, 0, 0, 0, 0, 0, 0}))),
	} {
		if v, err := resource.ParseVersion(b); err == nil {
			t.Errorf("%s: got %+v, want an error", name, v)
		}
	}
	if v, err := resource.ParseVersion(node("VS_VERSION_INFO", 0, nil)); err != nil || v.First() != nil || v.Strings(english) != nil {
		t.Errorf("nothing in it: %+v, %v", v, err)
	}
}

func open(t testing.TB, path string) (*peimage.Image, *bytes.Reader) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(b)
	im, err := peimage.Parse(r, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return im, r
}

// TestReadVersion compares with saferwall/pe.
func TestReadVersion(t *testing.T) {
	dir := formatstest.SaferwallSamples(t)
	for _, name := range []string{"putty.exe", "kernel32.dll", "mfc140u.dll", "brave.exe", "acpi.sys", "pwsh.exe", "mscorlib.dll"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			im, r := open(t, path)
			v, err := resource.ReadVersion(im, r)
			if err != nil || v == nil {
				t.Fatalf("got %v, %v", v, err)
			}
			want := saferwallStrings(t, path)
			for key, text := range v.First() {
				if strings.TrimSpace(want[key]) != strings.TrimSpace(text) {
					t.Errorf("%s is %q, saferwall/pe has %q", key, text, want[key])
				}
			}
			if len(v.First()) != len(want) {
				t.Errorf("%d texts, saferwall/pe has %d", len(v.First()), len(want))
			}
		})
	}
}

func saferwallStrings(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := saferwall.New(path, &saferwall.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Parse(); err != nil {
		t.Fatal(err)
	}
	want, err := f.ParseVersionResources()
	if err != nil {
		t.Fatal(err)
	}
	return want
}

func TestReadVersionNone(t *testing.T) {
	im, r := open(t, formatstest.GoProgram(t, "amd64"))
	if v, err := resource.ReadVersion(im, r); v != nil || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
}

func FuzzParseVersion(f *testing.F) {
	b := encoded(f)
	f.Add(b)
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := resource.ParseVersion(b)
		if err == nil && v == nil {
			t.Fatal("neither version nor error")
		}
		if err == nil && len(fmt.Sprint(v.Tables)) > 64*len(b)+64 {
			t.Fatal("more came out than went in")
		}
	})
}

// FuzzFind walks damaged directories in an otherwise whole image.
func FuzzFind(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x10\x00\x00\x00\x18\x00\x00\x80"))
	f.Fuzz(func(t *testing.T, b []byte) {
		im := &peimage.Image{Size: int64(len(b)), Directories: make([]peimage.Directory, peimage.DirectoryResource+1),
			Sections: []peimage.Section{{VirtualAddress: 0x1000, SizeOfRawData: uint32(len(b))}}}
		im.Directories[peimage.DirectoryResource] = peimage.Directory{Address: 0x1000, Size: uint32(len(b))}
		if got, err := resource.Find(im, bytes.NewReader(b), resource.TypeVersion); err != nil && got != nil {
			t.Fatal("data and an error")
		}
	})
}
