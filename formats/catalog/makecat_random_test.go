package catalog

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// FuzzMakecat holds ours against Microsoft's makecat on definitions made at random,
// which use and misuse everything that the form has. The number is the seed; a few of
// them are the test, and go test -fuzz FuzzMakecat goes on for as long as it is let.
func FuzzMakecat(f *testing.F) {
	formatstest.NewRig(f) // or skip
	dir := workshop(f)
	for seed := range uint64(12) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		name := fmt.Sprintf("r%d-%d", os.Getpid(), seed)
		agree(t, formatstest.NewRig(t), dir, name, randomDefinition(seed, name+".cat"))
	})
}

// agree reports whether makecat refuses a definition, which names its catalog name.cat.
// Ours has to refuse it as well then, and to make the same file otherwise.
func agree(t *testing.T, rig *formatstest.Rig, dir, name, text string) (refused bool) {
	t.Helper()
	file, cat := filepath.Join(dir, name+".cdf"), filepath.Join(dir, name+".cat")
	write(t, file, []byte(text))
	defer os.Remove(file)
	defer os.Remove(cat)
	out, err := rig.Makecat(file)
	theirs, readErr := os.ReadFile(cat)
	refused = err != nil || readErr != nil || !strings.Contains(out, "Succeeded")
	if !refused {
		theirs = asOnWindows(t, theirs)
	} else if !strings.Contains(out, "rror") && !strings.Contains(out, "Failed") {
		t.Fatalf("makecat: %v\n%s", err, out)
	}
	ours, ourErr := likeMakecat(dir, text, theirs)
	switch {
	case refused && ourErr == nil:
		t.Errorf("makecat refuses, ours does not:\n%s\n%s", out, numbered(text))
	case !refused && ourErr != nil:
		t.Errorf("makecat takes it, ours says %v\n%s", ourErr, numbered(text))
	case !refused && !bytes.Equal(ours, theirs):
		t.Errorf("differs from makecat: %s\n%s", firstDifference(ours, theirs), numbered(text))
	}
	return refused
}

// likeMakecat makes the catalog of a definition with the identifier and time of one
// that makecat made.
func likeMakecat(dir, text string, theirs []byte) ([]byte, error) {
	def, err := ParseCDF(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var id [16]byte
	when := testTime
	if c, err := Parse(theirs); err == nil {
		id, when = [16]byte(c.ListID), c.Updated
	}
	c, err := def.Build(context.Background(), folder(dir), when, id)
	if err != nil {
		return nil, err
	}
	return c.Marshal()
}

func numbered(text string) string {
	var b strings.Builder
	for i, l := range strings.Split(text, "\n") {
		fmt.Fprintf(&b, "%4d %.200q\n", i+1, l)
	}
	return b.String()
}

// randomDefinition is the definition that a seed stands for. What it does not contain
// are values for which makecat asks wine: bytes that are not base64, and object
// identifiers that Windows has an encoder for.
func randomDefinition(seed uint64, name string) string {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), eol: "\r\n"}
	g.eol = g.pick("\r\n", "\r\n", "\n", "\r")
	g.v2 = g.IntN(3) > 0
	g.maybe(10, func() { g.line("# a comment=1") })
	g.line("[CatalogHeader]")
	g.noise()
	g.line(g.pick("Name", "Name", "NAME", "Name2") + "=" + name)
	g.version()
	g.maybe(3, func() { g.line("PageHashes=" + g.pick("true", "TRUE", "false", "maybe", "", " false")) })
	g.maybe(10, func() { g.line("EncodingType=" + g.pick("0x00010001", "10001")) })
	g.maybe(10, func() { g.line("PublicVersion=0x0000001") })
	g.maybe(3, func() { g.attributes("CATATTR") })
	g.noise()
	g.line(g.pick("[CatalogFiles]", "[CATALOGFILES]", "[CatalogFiles] x"))
	count := 1 + g.IntN(6)
	g.maybe(6, func() { count = 1 + g.IntN(200) })
	g.few = 1 + g.IntN(12)
	for range count {
		g.noise()
		g.member()
	}
	g.maybe(20, func() { g.line("[Another]"); g.line("x=y") })
	text := g.String()
	if g.IntN(4) == 0 {
		text = strings.TrimSuffix(text, g.eol)
	}
	return text
}

type generator struct {
	*rand.Rand
	strings.Builder
	eol string
	v2  bool
	few int // how many different files
	n   int
}

func (g *generator) pick(s ...string) string { return s[g.IntN(len(s))] }

// maybe does something once in n times.
func (g *generator) maybe(n int, do func()) {
	if g.IntN(n) == 0 {
		do()
	}
}

func (g *generator) line(s string) {
	g.WriteString(s)
	if g.IntN(40) == 0 {
		g.WriteString(g.pick("\n", "\r\n", "\r"))
		return
	}
	g.WriteString(g.eol)
}

// noise is what makecat passes over.
func (g *generator) noise() {
	g.maybe(12, func() {
		g.line(g.pick("", "", "# comment", "#x=y", "; comment", "no key", " ", "# "+strings.Repeat("x", 1500), strings.Repeat("y", 1021), strings.Repeat("ä", 1030)))
	})
	g.maybe(400, func() { g.line(strings.Repeat("z", 2040+g.IntN(20))) })
}

func (g *generator) version() {
	lines := []string{"CatalogVersion=" + g.pick("1", "1", "", "1x", " 1"), "HashAlgorithms=" + g.pick("SHA1", "sha1", "")}
	if g.v2 {
		lines = []string{"CatalogVersion=" + g.pick("2", "2", "2", "02", " 2", "2;"), "HashAlgorithms=" + g.pick("SHA256", "SHA256", "sha256")}
		g.maybe(60, func() { lines[g.IntN(2)] = "" })
	}
	g.Shuffle(2, func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	g.line(lines[0])
	g.maybe(10, func() { g.line("Unknown=1") })
	g.line(lines[1])
}

// member writes a label with what belongs to it, or nearly.
func (g *generator) member() {
	g.n++
	label := g.label()
	file := g.pick([]string{"a.txt", "dup.txt", "one.bin", "hello-world.ps1", "wineyes.exe", "net.dll", "x86.exe", "arm.exe", "signed.exe", "a.cab",
		"room.cab", "minimal.msi"}[:g.few]...)
	g.maybe(300, func() { file = g.pick("", "missing", " a.txt", "a.txt ", "empty") })
	lines := []string{}
	if strings.HasSuffix(file, ".cab") {
		lines = append(lines, label+cabSIP)
	} else {
		g.maybe(40, func() {
			lines = append(lines, label+"ALTSIPID="+g.pick(kindGUIDs[KindFlat], strings.Trim(kindGUIDs[KindFlat], "{}"), kindGUIDs[KindCAB]))
		})
	}
	g.maybe(12, func() { lines = append(lines, label+"PageHashes="+g.pick("true", "True", "false", "yes", "")) })
	g.line(label + "=" + file)
	for _, l := range lines {
		g.line(l)
	}
	g.maybe(2, func() { g.attributes(label + "ATTR") })
	g.maybe(60, func() { g.line(label + "=" + g.pick("a.txt", "other")) })
}

func (g *generator) label() string {
	if g.v2 || g.IntN(3) > 0 {
		hash := g.pick("<HASH>", "<HASH>", "<hash>", "<Hash>")
		g.maybe(300, func() { hash = g.pick("HASH>", "", ";<HASH>") })
		return hash + g.pick("", "", "a b", "\"q\"", "ü", "Ł") + fmt.Sprint(g.n)
	}
	label := g.pick("tag", "Tag ", " tag", "ü", "Ā", "日本", "😀", "T\tt", "'q\"", "tag", "<HASH", "aa", strings.Repeat("l", 124), strings.Repeat("m", 125))
	if g.IntN(4) > 0 {
		label += fmt.Sprint(g.n)
	}
	return label
}

// attributes writes numbered attributes: most often from 1 on.
func (g *generator) attributes(prefix string) {
	count := 1 + g.IntN(4)
	g.maybe(8, func() { count = 12 })
	numbers := make([]int, count)
	for i := range numbers {
		numbers[i] = i + 1
		g.maybe(25, func() { numbers[i] = g.IntN(14) })
	}
	g.maybe(4, func() { g.Shuffle(count, func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] }) })
	for _, n := range numbers {
		g.line(fmt.Sprintf("%s%d=%s", prefix, n, g.attribute()))
		g.noise()
	}
}

func (g *generator) attribute() string {
	flags := g.pick("1", "1", "1", "2", "3") // the name's kind
	name := g.pick("File", "FilePath", "n", "ü", " sp ", "a.b", "OSAttr", "quo\"te", "", "日本")
	if flags != "1" {
		name = g.pick("1.2.3", "1.3.6.1.4.1.99999.7", "7", "1.2.3.4.5.6")
		g.maybe(80, func() { name = "x.1" })
	}
	kind := g.pick("1", "1", "1", "2", "3", "5")
	high := g.pick("10", "00", "11", "01", "10", "50")
	number := high + "0" + kind + "000" + flags
	g.maybe(200, func() { number = g.pick("20010001", "30010001", "10010000", "10000001", "zz", "FFFFFFFF") })
	value := g.value()
	if kind == "2" || kind == "3" {
		value = g.bytes()
	}
	return g.pick("0x", "0x", "0x", "0X", "", " 0x") + number + ":" + name + ":" + value
}

// bytes is base64 that ends in "=": wine decodes no other for makecat.
func (g *generator) bytes() string {
	b := make([]byte, 3*g.IntN(40)+1+g.IntN(2))
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

func (g *generator) value() string {
	v := g.pick("v", "sub\\file.txt", "a:b:c", " lead", "trail ", "\"quoted\"", "'", "2:6.1,2:10.0", "größe", "日本語", "😀", "=", "a=b", "#", "[x]", "\t", "%s", "\xff", "\xe2\x82", strings.Repeat("long ", 180))
	g.maybe(30, func() { v = strings.Repeat("w", 980+g.IntN(60)) })
	g.maybe(200, func() { v = "" })
	return v
}
