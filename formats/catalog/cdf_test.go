package catalog

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func TestCDFOfWineyes(t *testing.T) {
	cdf, err := ParseCDF(bytes.NewReader(read(t, formatstest.Corpus(t, "jsign/wineyes.cdf"))))
	if err != nil {
		t.Fatal(err)
	}
	if cdf.Name != "wineyes.cat" || cdf.Version != V2 || len(cdf.Files) != 1 || cdf.Files[0].Tag() != "" || cdf.Files[0].Path != "../wineyes.exe" {
		t.Errorf("%+v", cdf)
	}
}

func TestCDFRoundTrip(t *testing.T) {
	in := &CDF{Name: "n.cat", ResultDir: "out", Version: V2, PageHashes: true, Attributes: []Attribute{Text("OSAttr", "2:10.0")},
		Files: []CDFFile{
			{Label: "<HASH>1", Path: `sub\a.exe`, Kind: KindFlat, Attributes: []Attribute{Text("File", " a: b "), Binary("B", []byte{1, 2, 3})}},
			{Label: "<HASH>10", Path: "b", Attributes: []Attribute{{Name: "1.2.3", Flags: FlagText | FlagNameOID | FlagNoSHA1, Value: utf16LE("ü")}}},
			{Label: "<HASH>2", Path: "b", PageHashes: new(bool)},
		}}
	text, err := in.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	out, err := ParseCDF(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for i := range out.Files {
		out.Files[i].Line = 0
	}
	out.Warnings = nil
	if !reflect.DeepEqual(in, out) {
		t.Errorf("wrote %+v\nread  %+v\n%s", in, out, text)
	}
}

func TestCDFRefuses(t *testing.T) {
	const head, files = "[CatalogHeader]\nName=x\n", "[CatalogFiles]\n<HASH>1=a\n"
	if _, err := ParseCDF(strings.NewReader(head + files)); err != nil {
		t.Fatalf("the test's own definition: %v", err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"no name":              {"[CatalogHeader]\n" + files, "no Name"},
		"no files":             {head + "[CatalogFiles]\n", "lists no file"},
		"no header":            {files, "no section [CatalogHeader]"},
		"byte order mark":      {"\ufeff" + head + files, "byte order mark"},
		"UTF-16":               {"\xff\xfe[\x00", "line 1: the file is UTF-16"},
		"version":              {head + "CatalogVersion=3\n" + files, `line 3: CatalogVersion "3" is not 1 or 2`},
		"v2 without hash":      {head + "CatalogVersion=2\n" + files, "needs HashAlgorithms=SHA256"},
		"v2 with SHA1":         {head + "CatalogVersion=2\nHashAlgorithms=SHA1\n" + files, "needs HashAlgorithms=SHA256"},
		"v1 with SHA256":       {head + "HashAlgorithms=SHA256\n" + files, "version 1 has SHA1 only"},
		"hash with a space":    {head + "HashAlgorithms= SHA1\n" + files, "version 1 has SHA1 only"},
		"v2 with tag":          {head + "CatalogVersion=2\nHashAlgorithms=SHA256\n" + files + "tag=b\n", "line 7: label tag"},
		"semicolon":            {head + "CatalogVersion=2\nHashAlgorithms=SHA256\n" + files + ";old=b\n", "comments start with #"},
		"long tag":             {head + files + strings.Repeat("x", maxTag+1) + "=b\n", "line 5: label xxx"},
		"encoding":             {head + "EncodingType=1\n" + files, "line 3: EncodingType"},
		"no path":              {head + files + "<HASH>2=\n", "names no file"},
		"attribute, two parts": {head + files + "<HASH>1ATTR1=0x10010001:File\n", "line 5"},
		"attribute, empty":     {head + files + "<HASH>1ATTR1=0x10010001:File:\n", "line 5"},
		"attribute flags":      {head + files + "<HASH>1ATTR1=x:File:a\n", "flags 0x00000000 must say"},
		"name of no kind":      {head + files + "<HASH>1ATTR1=0x10010000:File:a\n", "flags 0x10010000 must say 0x1"},
		"value of no kind":     {head + files + "<HASH>1ATTR1=0x10000001:File:a\n", "flags 0x10000001 must say 0x10000"},
		"attribute base64":     {head + files + "<HASH>1ATTR1=0x10020001:File:???\n", "base64"},
		"unauthenticated":      {head + files + "<HASH>1ATTR1=0x20010001:File:a\n", "not supported"},
		"text for an OID":      {head + files + "<HASH>1ATTR1=0x10010002:1.2.x:a\n", "digits and dots"},
		"OID of a structure":   {head + files + "<HASH>1ATTR1=0x10010002:2.5.29.19:a\n", "structure in memory"},
		"SIP":                  {head + files + "<HASH>1ALTSIPID={00000000-0000-0000-0000-000000000000}\n", "line 5: subject interface package"},
	} {
		if _, err := ParseCDF(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCDFWarnings: what makecat loses without a word is named, and lost here too.
func TestCDFWarnings(t *testing.T) {
	const head, files = "[CatalogHeader]\nName=x\n", "[CatalogFiles]\n<HASH>1=a\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":               {"# x\n" + head + "PublicVersion=1\n; c\n\n" + files, ""},
		"before the sections":   {"Name=y\n" + head + files, "line 1"},
		"section":               {head + "[Other]\nx=y\n" + files, "line 3: \"[Other]\" is not read"},
		"no =":                  {head + files + "foo\n", "line 5"},
		"unknown key":           {head + "Foo=1\n" + files, "line 3"},
		"page hashes":           {head + "PageHashes=maybe\n" + files, "line 3: PageHashes=maybe"},
		"page hashes of a file": {head + files + "<HASH>1PageHashes=yes\n", "line 5: <HASH>1PageHashes=yes"},
		"label twice":           {head + files + "<hash>1=b\n", "line 5"},
		"attribute too far":     {head + files + "<HASH>1ATTR1=0x10010001:n:v\n<HASH>1ATTR3=0x10010001:n:v\n", "line 6: <HASH>1ATTR3 is not read"},
		"attribute from zero":   {head + "CATATTR0=0x10010001:n:v\n" + files, "line 3: CATATTR0 is not read"},
		"object identifier":     {head + files + "<HASH>1ATTR1=0x10010002:1.3.6.1.4.1.99999.1:v\n", "line 5: attribute 1.3.6.1.4.1.99999.1: makecat writes an empty value"},
		"nothing to replace":    {head + "CATATTR1=0x10050001:n:v\n" + files, "line 3: attribute n: flag 0x40000"},
		"not UTF-8":             {head + files + "<HASH>2=\xff\n", "line 5: not UTF-8"},
		"long line":             {head + files + "# " + strings.Repeat("x", 1100) + "\n", "line 5: the line is longer"},
		"end of the file":       {head + files + "# " + strings.Repeat("x", 2100) + "\n<HASH>2=b\n", "line 5: the line has 2048"},
	} {
		cdf, err := ParseCDF(strings.NewReader(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := fmt.Sprint(cdf.Warnings); !strings.Contains(got, c.want) || (c.want == "") != (len(cdf.Warnings) == 0) {
			t.Errorf("%s: warnings %v", name, cdf.Warnings)
		}
	}
}

func TestCDFReportsEverything(t *testing.T) {
	_, err := ParseCDF(strings.NewReader("[CatalogHeader]\nCatalogVersion=3\n[CatalogFiles]\n<HASH>1=\n<HASH>2=\n"))
	for _, want := range []string{"line 2", "line 4", "line 5", "no Name"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
}

func TestCDFCannotExpress(t *testing.T) {
	for name, c := range map[string]*CDF{
		"line break":         {Name: "a\nb"},
		"equals sign":        {Name: "n", Files: []CDFFile{{Label: "a=b", Path: "c"}}},
		"colon in name":      {Name: "n", Attributes: []Attribute{Text("a:b", "c")}},
		"broken text":        {Name: "n", Attributes: []Attribute{{Name: "a", Flags: FlagText, Value: []byte{1}}}},
		"empty text":         {Name: "n", Attributes: []Attribute{Text("a", "")}},
		"long text":          {Name: "n", Attributes: []Attribute{Text("a", strings.Repeat("x", cdfReadUnits))}},
		"label continued":    {Name: "n", Files: []CDFFile{{Label: "a", Path: "c"}, {Label: "aATTR7", Path: "d"}}},
		"labels of one name": {Name: "n", Files: []CDFFile{{Label: "a", Path: "c"}, {Label: "A", Path: "d"}}},
		"comment":            {Name: "n", Files: []CDFFile{{Label: "a", Path: "c"}, {Label: "#b", Path: "d"}}},
	} {
		if c.Version = V1; len(c.Files) == 0 {
			c.Files = []CDFFile{{Label: "<HASH>1", Path: "f"}}
		}
		if _, err := c.Marshal(); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if _, err := (&CDF{Name: "n", Version: V1, Files: []CDFFile{{Label: "a", Path: "c"}}}).Marshal(); err != nil {
		t.Errorf("the test's own definition: %v", err)
	}
}

// TestCDFBuildReportsEveryFile: all files that fail are named.
func TestCDFBuildReportsEveryFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty"), nil)
	write(t, filepath.Join(dir, "good"), []byte("x"))
	cdf := &CDF{Name: "n", Version: V2, Files: []CDFFile{{Label: "<HASH>1", Path: "missing"}, {Label: "<HASH>2", Path: "empty"}, {Label: "<HASH>3", Path: "good"}}}
	_, err := cdf.Build(context.Background(), folder(dir), testTime, [16]byte{})
	if err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "empty") {
		t.Errorf("%v", err)
	}
	if err := os.Remove(filepath.Join(dir, "good")); err != nil {
		t.Fatal(err)
	}
}

// TestMakecatReadsOurs: makecat makes the same catalog from a definition that we wrote.
// (The bytes are of a length whose base64 ends in "=": wine does not decode any other
// for makecat.)
func TestMakecatReadsOurs(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := workshop(t)
	cdf := &CDF{Name: "t.cat", Version: V2, PageHashes: true, Attributes: []Attribute{Text("OSAttr", "2:10.0")}, Files: []CDFFile{
		{Label: "<HASH>1", Path: "hello.exe", Attributes: []Attribute{Text("File", "hello.exe"), Binary("B", []byte("hello"))}},
		{Label: "<HASH>2", Path: "a.cab", Kind: KindCAB, Attributes: []Attribute{Text("FilePath", `sub\a.cab`)}},
		{Label: "<HASH>3", Path: "a.txt"},
	}}
	text, err := cdf.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	compareWithMakecat(t, rig, dir, strings.ReplaceAll(string(text), "\r\n", "\n"))
}

// FuzzParseCDF: no definition makes the reader panic, and what it reads can be written
// and reads the same, or cannot be expressed.
func FuzzParseCDF(f *testing.F) {
	for _, c := range makecatCases {
		f.Add("[CatalogHeader]\nName=t.cat\n" + c.header + "\n[CatalogFiles]\n" + c.files)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cdf, err := ParseCDF(strings.NewReader(text))
		if err != nil {
			return
		}
		out, err := cdf.Marshal()
		if err != nil {
			return
		}
		if _, err := ParseCDF(bytes.NewReader(out)); err != nil {
			t.Fatalf("read %q, wrote %q: %v", text, out, err)
		}
	})
}
