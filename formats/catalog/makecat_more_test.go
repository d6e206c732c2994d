package catalog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

const v2Header = "CatalogVersion=2\nHashAlgorithms=SHA256\n"

// TestMakecatEqualContents: members of one digest or one tag stand in makecat's order,
// which depends on the order of the definition.
func TestMakecatEqualContents(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	for i := range 5 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), fmt.Appendf(nil, "contents %d", i))
	}
	for _, header := range []string{"", v2Header} {
		for _, order := range permutations(3) {
			compareWithMakecat(t, rig, dir, equalFiles(header, 1, order))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{2, 4, 5, 8, 9, 17, 40, 150} { // qsort changes its way above eight elements; version 2 has two for each file
		compareWithMakecat(t, rig, dir, equalFiles(v2Header, 1+n%5, random.Perm(n)))
		compareWithMakecat(t, rig, dir, equalFiles("", 1+n%5, random.Perm(n)))
	}
	tags := "[CatalogHeader]\nName=t.cat\n[CatalogFiles]\n" // a label may come again where another stands between
	for i := range 24 {
		label := []string{"same", "other", "ü", "<HASH>"}[i%4]
		tags += fmt.Sprintf("%s=%d\n%sATTR1=0x10010001:File:%d\n", label, i%5, label, i)
	}
	compareWithMakecat(t, rig, dir, tags)
}

// equalFiles lists files of so many different contents, each with an attribute of its own.
func equalFiles(header string, contents int, order []int) string {
	var b strings.Builder
	b.WriteString("[CatalogHeader]\nName=t.cat\n" + header + "[CatalogFiles]\n")
	for i, n := range order {
		fmt.Fprintf(&b, "<HASH>%d=%d\n<HASH>%dATTR1=0x10010001:File:name %d\n", i, n%contents, i, n)
	}
	return b.String()
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

// TestMakecatOddDefinitions: what makecat makes of definitions that look wrong, or are.
func TestMakecatOddDefinitions(t *testing.T) {
	if testing.Short() {
		t.Skip("runs makecat for each")
	}
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	for _, f := range []string{"a", "b", "ü"} {
		write(t, filepath.Join(dir, f), []byte(f))
	}
	const head, files = "[CatalogHeader]\r\nName=t.cat\r\n", "[CatalogFiles]\r\n<HASH>1=a\r\n"
	long := strings.Repeat("x", 2100)
	for name, text := range map[string]string{
		"files first":             files + head,
		"header twice":            head + "[CatalogHeader]\r\nCatalogVersion=3\r\n" + files,
		"files twice":             head + files + "[CatalogFiles]\r\n<HASH>2=b\r\n",
		"name twice":              head + "Name=u.cat\r\n" + files,
		"no end of line":          head + strings.TrimSpace(files),
		"end of file of CP/M":     head + files + "<HASH>2=b\x1a",
		"NUL in a line":           head + files + "<HASH>2=b\x00c\r\n<HASH>2ATTR1=0x10010001:n:v\x00w\r\n",
		"NUL in a label":          head + files + "<HASH>2\x00=b\r\n",
		"empty lines":             "\n\n" + head + "\n\n\n" + files + "\n\r\n\r\r\n<HASH>2=b\n\n",
		"byte order mark":         "\ufeff" + head + files,
		"mark in a comment":       "\ufeff#\r\n" + head + files,
		"file in UTF-8":           head + files + "<HASH>ü=ü\r\n",
		"space before":            head + files + " <HASH>2=b\r\n",
		"semicolon":               head + files + ";x=b\r\n",
		"file that is not there":  head + files + "<HASH>2=c\r\n",
		"attribute away from its": head + files + "<HASH>2=b\r\n<HASH>1ATTR1=0x10010001:n:v\r\n",
		"label continues label":   head + files + "<HASH>1ATTR1=0x10010001:n:v\r\n<HASH>12=b\r\n<HASH>12ATTR1=0x10010001:n:w\r\n",
		"line that ends the file": head + files + "# " + long + "\r\n<HASH>2=b\r\n",
		"the same, not quite":     head + files + "# " + long[:2040] + "\r\n<HASH>2=b\r\n",
		"the same, before":        head + "# " + long + "\r\n" + files,
		"long line of 3 bytes":    head + files + "# " + strings.Repeat("日", 1000) + "\r\n<HASH>2=b\r\n<HASH>2ATTR1=0x10010001:n:v\r\n",
		"longest line":            head + files + "<HASH>1ATTR1=0x10010001:n:" + long[:1021-26] + "\r\n",
		"one too long":            head + files + "<HASH>1ATTR1=0x10010001:n:" + long[:1022-26] + "\r\n",
		"longest line, LF":        head + files + "<HASH>1ATTR1=0x10010001:n:" + long[:1022-26] + "\n#\n",
		"longest tag":             head + files + strings.Repeat("ü", 128) + "=b\r\n",
		"tag too long":            head + files + strings.Repeat("ü", 129) + "=b\r\n",
		"flags beyond 32 bits":    head + files + "<HASH>1ATTR1=0x110010001:n:v\r\n",
		"negative flags":          head + files + "<HASH>1ATTR1=-0x6FFEFFFF:n:v\r\n",
		"white space in base64":   head + files + "<HASH>1ATTR1=0x10020001:n: aGVs bG8=\r\n",
		"GUID without braces":     head + files + "<HASH>1ALTSIPID=DE351A42-8E59-11D0-8C47-00C04FC295EE\r\n",
		"GUID with a space":       head + files + "<HASH>1ALTSIPID= {DE351A42-8E59-11D0-8C47-00C04FC295EE}\r\n",
		"GUID of nothing":         head + files + "<HASH>1ALTSIPID={DE351A42-8E59-11D0-8C47-00C04FC295E0}\r\n",
	} {
		t.Run(name, func(t *testing.T) { agree(t, rig, dir, "t", text) })
	}
}

// TestQsort: whatever the order of equal elements, the keys are sorted and nothing is lost.
func TestQsort(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 300 {
		type element struct{ key, number int }
		s := make([]element, n)
		for i := range s {
			s[i] = element{random.IntN(1 + n/3), i}
		}
		want := slices.Clone(s)
		slices.SortFunc(want, func(a, b element) int { return a.key*1000 + a.number - b.key*1000 - b.number })
		qsort(s, func(a, b element) int { return a.key - b.key })
		if !slices.IsSortedFunc(s, func(a, b element) int { return a.key - b.key }) {
			t.Fatalf("%d elements: not sorted: %v", n, s)
		}
		slices.SortFunc(s, func(a, b element) int { return a.key*1000 + a.number - b.key*1000 - b.number })
		if !slices.Equal(s, want) {
			t.Fatalf("%d elements: not the same elements", n)
		}
	}
}

// TestMakecatFlags compares all combinations of the flags that makecat takes, of
// members and of the whole catalog, in both versions.
func TestMakecatFlags(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), []byte("a"))
	var attrs []string
	for _, name := range []int{1, 2, 3} {
		for _, value := range []int{1, 2, 3, 5} {
			for _, high := range []int{0x00, 0x01, 0x10, 0x11, 0x40, 0x50} {
				text := "text"
				if value&2 != 0 {
					text = "aGVsbG8="
				}
				attrs = append(attrs, fmt.Sprintf("0x%02X0%d000%d:1.2.%d.%d:%s", high, value, name, len(attrs), name, text))
			}
		}
	}
	for _, header := range []string{"", v2Header} {
		text := "[CatalogHeader]\nName=t.cat\n" + header
		for i, a := range attrs {
			if !strings.HasPrefix(a[5:], "5") { // that one replaces, below
				text += fmt.Sprintf("CATATTR%d=%s\n", strings.Count(text, "CATATTR")+1, attrs[i])
			}
		}
		text += "[CatalogFiles]\n<HASH>a=a\n"
		for i, a := range attrs {
			text += fmt.Sprintf("<HASH>aATTR%d=%s\n", i+1, a)
		}
		compareWithMakecat(t, rig, dir, text)
	}
	compareWithMakecat(t, rig, dir, "[CatalogHeader]\nName=t.cat\nCATATTR1=0x10010001:n:one\nCATATTR2=0x10020001:n:AAE=\nCATATTR3=0x10050001:n:three:3\n"+
		"CATATTR4=0x10010001:m:four\nCATATTR5=0x10050001:x:lost\nCATATTR6=0x10010001:y:lost\n[CatalogFiles]\n<HASH>a=a\n")
}

// TestObjectIdentifierNames: Windows does not find a file through a catalog that has an
// attribute with an object identifier for a name, as makecat writes it (empty) or with
// a value, and finds it through the same with a name in text.
func TestObjectIdentifierNames(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "a")
	write(t, file, []byte("contents"))
	id := formatstest.NewPKI(t).Leaf
	for name, c := range map[string]struct {
		whole, member []Attribute
		want          bool
	}{
		"text":                  {[]Attribute{Text("1.2.3", "v")}, []Attribute{Text("1.2.3", "v")}, true},
		"of the catalog":        {[]Attribute{{Name: "1.2.3", Flags: FlagAuthenticated | FlagText | FlagNameOID}}, nil, false},
		"of the member":         {nil, []Attribute{{Name: "1.2.3", Flags: FlagAuthenticated | FlagText | FlagNameOID}}, false},
		"with a value":          {nil, []Attribute{{Name: "1.2.3", Flags: FlagAuthenticated | FlagText | FlagNameOID, Value: utf16LE("v")}}, false},
		"with a DER value":      {nil, []Attribute{{Name: "1.2.3", Flags: FlagAuthenticated | FlagBinary | FlagNameOID, Value: nullTLV}}, false},
		"catalog, with a value": {[]Attribute{{Name: "1.2.3", Flags: FlagAuthenticated | FlagText | FlagNameOID, Value: utf16LE("v")}}, nil, false},
	} {
		b, err := NewBuilder(Options{Attributes: c.whole, Time: testTime, defined: true})
		if err != nil {
			t.Fatal(err)
		}
		f, size := open(t, file)
		if err := b.AddFile(context.Background(), "a", f, size, c.member...); err != nil {
			t.Fatal(err)
		}
		cat, err := b.Catalog()
		if err != nil {
			t.Fatal(err)
		}
		list, err := cat.MarshalList()
		if err != nil {
			t.Fatal(err)
		}
		der, err := authenticode.SignList(context.Background(), list, signer(id).SignOptions) // Sign refuses what Windows does not open
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "t.cat")
		write(t, path, der)
		if v := rig.VerifyMember("sha256", path, file); v.OK() != c.want {
			t.Errorf("%s: %v", name, v)
		}
		if _, err := Sign(context.Background(), marshal(t, cat), signer(id)); (err == nil) != c.want {
			t.Errorf("%s: signing: %v", name, err)
		}
	}
}
