package catalog

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// cabinet writes an uncompressed cabinet of one file. reserve, if not nil, is the
// reserved area of the header.
func cabinet(data string, reserve []byte) []byte {
	le := binary.LittleEndian
	var extra []byte
	flags := uint16(0)
	if reserve != nil {
		flags = 4 // reserved areas
		extra = append(le.AppendUint16(nil, uint16(len(reserve))), 0, 0)
		extra = append(extra, reserve...)
	}
	const fileName = "a.txt\x00"
	folders := uint32(36 + len(extra))
	files := folders + 8
	blocks := files + 16 + uint32(len(fileName))
	total := blocks + 8 + uint32(len(data))
	b := append([]byte("MSCF"), 0, 0, 0, 0)
	for _, v := range []uint32{total, 0, files, 0} {
		b = le.AppendUint32(b, v)
	}
	b = append(b, 3, 1) // version 1.3
	for _, v := range []uint16{1, 1, flags, 0x1234, 0} {
		b = le.AppendUint16(b, v)
	}
	b = append(b, extra...)
	b = le.AppendUint16(le.AppendUint16(le.AppendUint32(b, blocks), 1), 0)
	b = le.AppendUint32(le.AppendUint32(b, uint32(len(data))), 0)
	for _, v := range []uint16{0, 0x5000, 0x6000, 0x20} {
		b = le.AppendUint16(b, v)
	}
	b = append(b, fileName...)
	b = le.AppendUint16(le.AppendUint16(le.AppendUint32(b, 0), uint16(len(data))), uint16(len(data)))
	return append(b, data...)
}

// workshop is a folder with one file of every kind.
func workshop(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"wineyes.exe", "minimal.msi", "minimal.msix", "hello-world.ps1", "hello-world.js", "minimal-signed-with-signtool.msi"} {
		put(name, read(t, formatstest.Corpus(t, "jsign/"+name)))
	}
	put("net.dll", read(t, formatstest.Corpus(t, "relic/ClassLibrary1.dll")))
	put("net.exe", read(t, formatstest.Corpus(t, "relic/WindowsFormsApplication1.exe")))
	put("hello.exe", read(t, formatstest.GoProgram(t, "amd64")))
	put("arm.exe", read(t, formatstest.GoProgram(t, "arm64")))
	put("x86.exe", read(t, formatstest.GoProgram(t, "386")))
	put("signed.exe", read(t, formatstest.SignOssl(t, formatstest.NewPKI(t).Leaf, formatstest.GoProgram(t, "amd64"))))
	put("a.txt", []byte("hello"))
	put("dup.txt", []byte("hello"))
	put("one.bin", []byte{0})
	put("a.cab", cabinet("cabinet contents", nil))
	room := make([]byte, 20)
	room[2] = 0x10 // as signers write it
	copy(room[12:], "ABCDefgh")
	put("room.cab", cabinet("room for a signature", room))
	put("signed.cab", read(t, formatstest.SignOssl(t, formatstest.NewPKI(t).Leaf, filepath.Join(dir, "a.cab"))))
	return dir
}

// cabSIP makes the rig treat cabinets as Windows does: the test rig's stand-in for
// CryptSIPRetrieveSubjectGuidForCatalogFile takes them for flat files, but the cabinet
// code of wintrust is Microsoft's.
const cabSIP = "ALTSIPID={C689AABA-8E78-11D0-8C47-00C04FC295EE}"

var makecatCases = map[string]struct {
	header, files string
}{
	"v1 every kind":                  {"", "<HASH>1=wineyes.exe\n<HASH>2=minimal.msi\n<HASH>3=minimal.msix\n<HASH>4=hello-world.ps1\n<HASH>5=hello-world.js\n<HASH>6=a.txt\n<HASH>7=net.dll\n<HASH>8=hello.exe\n<HASH>9=one.bin"},
	"v2 every kind":                  {"CatalogVersion=2\nHashAlgorithms=SHA256", "<HASH>1=wineyes.exe\n<HASH>2=minimal.msi\n<HASH>3=minimal.msix\n<HASH>4=hello-world.ps1\n<HASH>5=hello-world.js\n<HASH>6=a.txt\n<HASH>7=net.dll\n<HASH>8=hello.exe\n<HASH>9=one.bin\n<HASH>10=minimal-signed-with-signtool.msi"},
	"architectures and signed files": {"CatalogVersion=2\nHashAlgorithms=SHA256", "<HASH>1=hello.exe\n<HASH>2=arm.exe\n<HASH>3=x86.exe\n<HASH>4=net.exe"},
	"signed file":                    {"CatalogVersion=2\nHashAlgorithms=SHA256", "<HASH>s=signed.exe"},
	"v1 page hashes":                 {"PageHashes=true", "<HASH>1=wineyes.exe\n<HASH>2=net.exe\n<HASH>3=hello.exe\n<HASH>4=a.txt"},
	"v2 page hashes":                 {"CatalogVersion=2\nHashAlgorithms=SHA256\nPageHashes=true", "<HASH>1=wineyes.exe\n<HASH>2=net.exe\n<HASH>3=hello.exe\n<HASH>4=a.txt\n<HASH>5=signed.exe"},
	"v1 cabinets":                    {"", "<HASH>1=a.cab\n<HASH>1" + cabSIP + "\n<HASH>2=room.cab\n<HASH>2" + cabSIP + "\n<HASH>3=signed.cab\n<HASH>3" + cabSIP},
	"v2 cabinets":                    {"CatalogVersion=2\nHashAlgorithms=SHA256", "<HASH>1=a.cab\n<HASH>1" + cabSIP + "\n<HASH>2=room.cab\n<HASH>2" + cabSIP + "\n<HASH>3=signed.cab\n<HASH>3" + cabSIP},
	"v2 cabinets, page hashes":       {"CatalogVersion=2\nHashAlgorithms=SHA256\nPageHashes=true", "<HASH>1=a.cab\n<HASH>1" + cabSIP},
	"PE file as flat":                {"CatalogVersion=2\nHashAlgorithms=SHA256", "<HASH>1=wineyes.exe\n<HASH>1ALTSIPID={DE351A42-8E59-11D0-8C47-00C04FC295EE}"},
	"v1 tags":                        {"", "First=wineyes.exe\nSecond tag=a.txt\nthird=one.bin"},
	"v1 attributes":                  {"CATATTR1=0x10010001:OSAttr:2:6.0\nCATATTR2=0x00010001:HWID1:pci\\ven", "<HASH>1=a.txt\n<HASH>1ATTR1=0x10010001:File:a.txt\n<HASH>1ATTR2=0x11010001:NoRep:xx\n<HASH>2=wineyes.exe\n<HASH>2ATTR1=0x10020001:Bin:aGVsbG8=\nT=one.bin\nTATTR1=0x00010001:Plain:v"},
	"v2 attributes": {"CatalogVersion=2\nHashAlgorithms=SHA256\nCATATTR1=0x10010001:Z:s\nCATATTR2=0x11010001:A:muchlongervalue\nCATATTR3=0x00010001:M:x",
		"<HASH>1=a.txt\n<HASH>1ATTR1=0x10010001:FilePath:sub\\a.txt\n<HASH>1ATTR2=0x11010001:NoRep:xx\n<HASH>1ATTR3=0x10010001:Spaces: lead and trail \n<HASH>1ATTR4=0x00020001:Bin:aGVsbG8=\n<HASH>1ATTR5=0x10010001:Colons:a:b:c\n<HASH>2=hello.exe\n<HASH>2ATTR1=0x10010001:File:one\n<HASH>2ATTR2=0x10010001:File:two\n<HASH>3=a.cab\n<HASH>3" + cabSIP + "\n<HASH>3ATTR1=0x10010001:File:a.cab"},
	"v2 page hashes and attributes": {"CatalogVersion=2\nHashAlgorithms=SHA256\nPageHashes=true", "<HASH>1=hello.exe\n<HASH>1ATTR1=0x10010001:File:hello.exe"},
	"duplicates":                    {"CatalogVersion=2\nHashAlgorithms=SHA256", "<HASH>1=a.txt\n<HASH>2=dup.txt"},
}

// TestMakecat compares whole files with Microsoft's makecat, byte for byte, on
// everything that a definition can ask for.
func TestMakecat(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := workshop(t)
	for name, c := range makecatCases {
		t.Run(name, func(t *testing.T) {
			compareWithMakecat(t, rig, dir, "[CatalogHeader]\nName=t.cat\n"+c.header+"\n\n[CatalogFiles]\n"+c.files+"\n")
		})
	}
}

func compareWithMakecat(t *testing.T, rig *formatstest.Rig, dir, cdf string) {
	t.Helper()
	file := filepath.Join(dir, "t.cdf")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(cdf, "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := rig.Makecat(file)
	if err != nil || !strings.Contains(out, "Succeeded") {
		t.Fatalf("makecat: %v\n%s", err, out)
	}
	want := asOnWindows(t, read(t, filepath.Join(dir, "t.cat")))
	theirs, err := Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range theirs.Findings() {
		if !strings.Contains(f, "named by an object identifier") && !strings.HasPrefix(f, "and ") {
			t.Errorf("finding in makecat's catalog: %s", f)
		}
	}
	def, err := ParseCDF(bytes.NewReader(read(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := def.Build(context.Background(), folder(dir), theirs.Updated, [16]byte(theirs.ListID))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ours.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from makecat: %s", firstDifference(got, want))
	}
	theirs.updated, theirs.usage, theirs.algorithm = nil, nil, nil // write these anew as well
	if again, err := theirs.Marshal(); err != nil || !bytes.Equal(again, want) {
		t.Errorf("read and written again it differs: %v", err)
	}
}

// asOnWindows completes a catalog that makecat wrote in the rig. Everything in the file
// is the work of Microsoft's makecat and wintrust but the PKCS#7 around the list, which
// they leave to CryptMsgEncodeAndSignCTL of crypt32, and crypt32 is wine's in the rig.
// Of an unsigned message wine leaves out both SETs that are empty, digestAlgorithms and
// signerInfos; the rig puts the first one back, so the second one is what is missing
// here, two bytes at the end, and in the lengths before. PKCS#7 (RFC 2315, 9.1) has
// neither of them optional, and TestWineyes reproduces a whole file of makecat on
// Windows, which has both.
func asOnWindows(t testing.TB, b []byte) []byte {
	t.Helper()
	in := cryptobyte.String(b)
	var info, outer, sd cryptobyte.String
	var oid, version, algorithms, content cryptobyte.String
	ok := in.ReadASN1(&info, cbasn1.SEQUENCE) && in.Empty() && info.ReadASN1Element(&oid, cbasn1.OBJECT_IDENTIFIER) &&
		info.ReadASN1(&outer, tagContext|tagConstructed) && info.Empty() && outer.ReadASN1(&sd, cbasn1.SEQUENCE) && outer.Empty() &&
		sd.ReadASN1Element(&version, cbasn1.INTEGER) && sd.ReadASN1Element(&algorithms, cbasn1.SET) && sd.ReadASN1Element(&content, cbasn1.SEQUENCE)
	if !ok || !sd.Empty() {
		t.Fatalf("makecat's file in the rig is not of the form that wine writes, with signerInfos alone missing: %x", b[:min(len(b), 80)])
	}
	signed := tlv(tagSequence, version, algorithms, content, []byte{tagSet, 0})
	return tlv(tagSequence, oid, tlv(tagContext|tagConstructed, signed))
}

// folder opens the files of a definition relative to a folder.
func folder(dir string) Source {
	return func(path string) (Input, error) {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(path, `\`, "/"))))
		if err != nil {
			return Input{}, err
		}
		info, err := f.Stat()
		if err != nil {
			return Input{}, err
		}
		return Input{f, info.Size(), f.Close}, nil
	}
}

// TestMakecatManyFiles compares a catalog whose members take three-byte lengths and interleave.
func TestMakecatManyFiles(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	var files strings.Builder
	for i := range 300 {
		name := fmt.Sprintf("f%d.txt", i)
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, "file %d", i), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&files, "<HASH>%d=%s\n<HASH>%dATTR1=0x10010001:File:%s\n", i, name, i, name)
	}
	for _, header := range []string{"", "CatalogVersion=2\nHashAlgorithms=SHA256\n"} {
		compareWithMakecat(t, rig, dir, "[CatalogHeader]\nName=t.cat\n"+header+"[CatalogFiles]\n"+files.String())
	}
}

// firstDifference shows where two encodings part.
func firstDifference(got, want []byte) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	around := func(b []byte) string { return fmt.Sprintf("%x", b[max(0, min(i, len(b))-24):min(len(b), i+40)]) }
	return fmt.Sprintf("%d and %d bytes, first difference at %d:\ngot  …%s…\nwant …%s…", len(got), len(want), i, around(got), around(want))
}
