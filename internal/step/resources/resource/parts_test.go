package resource

import (
	"bytes"
	"encoding/binary"
	"flag"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tc-hib/winres"

	"github.com/hallmark-dev/hallmark/formats/peimage/resource"
)

var update = flag.Bool("update", false, "write the golden files")

var sampleManifest = Manifest{
	Name: "example.beacon", Version: [4]uint16{1, 4, 2, 7}, Description: "Health <beacon> & friends",
	Level: "asInvoker", LongPaths: true, UTF8: true, DPI: "per-monitor-v2", Windows: "10",
}

func TestManifestGolden(t *testing.T) {
	all := Manifest{Level: "requireAdministrator", UIAccess: true, DPI: "unaware", Windows: "vista"}
	controls := sampleManifest
	controls.CommonControls = true
	for name, m := range map[string]Manifest{"usual": sampleManifest, "oldest": all, "controls": controls} {
		t.Run(name, func(t *testing.T) {
			got, err := m.XML()
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckManifest(got); err != nil {
				t.Error(err)
			}
			golden := filepath.Join("testdata", name+".manifest")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := read(t, golden); !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestManifestRefuses(t *testing.T) {
	for name, change := range map[string]func(*Manifest){
		"level":   func(m *Manifest) { m.Level = "root" },
		"dpi":     func(m *Manifest) { m.DPI = "high" },
		"windows": func(m *Manifest) { m.Windows = "xp" },
	} {
		m := sampleManifest
		change(&m)
		if _, err := m.XML(); err == nil {
			t.Errorf("a wrong %s is accepted", name)
		}
	}
}

func TestCheckManifest(t *testing.T) {
	for name, c := range map[string]struct{ xml, want string }{
		"good":            {`<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"/>`, ""},
		"empty":           {"", "is empty"},
		"not XML":         {"{}", "is empty"},
		"cut short":       {`<assembly xmlns="urn:schemas-microsoft-com:asm.v1">`, "is not XML: line 1"},
		"wrong root":      {`<project/>`, "root is project"},
		"wrong namespace": {`<assembly/>`, `namespace ""`},
		"too large":       {strings.Repeat(" ", MaxManifest+1), "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckManifest([]byte(c.xml))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseVersion(t *testing.T) {
	for s, want := range map[string][4]uint16{"1.2.3.4": {1, 2, 3, 4}, "7": {7}, "65535.0.1": {65535, 0, 1}} {
		if got, err := ParseVersion(s); err != nil || got != want {
			t.Errorf("%s: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1.2.3.4.5", "65536", "-1", "1..2", "1.2.3-rc", "v1", "+1", " 1"} {
		if got, err := ParseVersion(s); err == nil {
			t.Errorf("%q: got %v, want an error", s, got)
		}
	}
}

func TestVersionLimits(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Version)
		want   string
	}{
		"string too long":   {func(v *Version) { v.InternalName = strings.Repeat("x", maxString+1) }, "InternalName of the version information has 2049"},
		"counted in UTF-16": {func(v *Version) { v.InternalName = strings.Repeat("🚨", maxString/2+1) }, "has 2050"},
		"control character": {func(v *Version) { v.InternalName = "a\x00b" }, "control character 0x00"},
		"no language":       {func(v *Version) { v.Strings = nil }, "has no language"},
	} {
		t.Run(name, func(t *testing.T) {
			v := sampleVersion()
			c.change(v)
			err := v.merge(table{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// The structure's lengths have 16 bits: too much in all must not wrap around.
func TestVersionTotal(t *testing.T) {
	long := map[string]string{}
	for i := range 20 {
		long[string(rune('a'+i))] = strings.Repeat("x", maxString)
	}
	if _, err := sampleVersion().encode(german, long); err == nil || !strings.Contains(err.Error(), "the format allows 65535") {
		t.Errorf("got %v", err)
	}
}

func TestReadStringsReadsWhatEncodeWrites(t *testing.T) {
	want := map[string]string{"A": "1", "Longer key": "«ü» 🚨", "odd": "abc"}
	b, err := sampleVersion().encode(german, want)
	if err != nil {
		t.Fatal(err)
	}
	v, err := resource.ParseVersion(b)
	if err != nil {
		t.Fatal(err)
	}
	got := v.Strings(german)
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
}

func pngOf(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 200, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngHeader is the beginning of a PNG file of the given width and height:
// signature and IHDR chunk (PNG specification, section 11.2.2).
func pngHeader(width uint32) []byte {
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	chunk = binary.BigEndian.AppendUint32(chunk, width)
	chunk = append(chunk, 8, 6, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(b, chunk...), crc32.ChecksumIEEE(chunk))
}

// icoOf makes an icon file of one 16 × 16 image given as PNG.
func icoOf(t testing.TB) []byte {
	img := pngOf(t, 16, 16)
	b := []byte{0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(img)))
	b = binary.LittleEndian.AppendUint32(b, 22)
	return append(b, img...)
}

func TestParseIcon(t *testing.T) {
	for name, c := range map[string]struct {
		b      []byte
		images int
	}{"ico": {icoOf(t), 1}, "png 256": {pngOf(t, 256, 256), 7}, "png 40": {pngOf(t, 40, 40), 3}} {
		icon, err := ParseIcon(c.b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rs, err := table{}.set(icon, winres.ID(1))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(imagesOf(tableOf(rs), winres.ID(1))); got != c.images {
			t.Errorf("%s: %d images, want %d", name, got, c.images)
		}
	}
}

func TestParseIconRefuses(t *testing.T) {
	ico := icoOf(t)
	huge := bytes.Clone(ico)
	binary.LittleEndian.PutUint32(huge[14:], 0xffffffff)
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":         {nil, "neither an ICO nor a PNG"},
		"JPEG":          {[]byte("\xff\xd8\xff\xe0"), "neither an ICO nor a PNG"},
		"not square":    {pngOf(t, 64, 32), "must be square"},
		"too small":     {pngOf(t, 8, 8), "8 pixels wide"},
		"too wide":      {pngHeader(maxPixels + 1), "4097 pixels wide"},
		"PNG cut short": {pngOf(t, 64, 64)[:60], "reading the icon"},
		"ICO cut short": {ico[:30], "reading the icon"},
		"no images":     {[]byte{0, 0, 1, 0, 0, 0}, "0 images"},
		"many images":   {[]byte{0, 0, 1, 0, 255, 255}, "65535 images"},
		"huge image":    {huge, "reading the icon"},
		"too large":     {make([]byte, MaxIcon+1), "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseIcon(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzParseIcon(f *testing.F) {
	f.Add(icoOf(f))
	f.Add(pngOf(f, 16, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		icon, err := ParseIcon(b)
		if (icon == nil) == (err == nil) {
			t.Error("neither an icon nor an error, or both")
		}
	})
}
