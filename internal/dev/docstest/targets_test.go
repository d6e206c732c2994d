package docstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// targets maps the targets of this repository, in lower case since mage
// ignores case, to their flags.
func targets(t *testing.T, root string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "targets", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, name := range append(files, filepath.Join(root, "magefile.go")) {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.IsExported() {
				out[targetName(fn)] = flags(fn)
			}
		}
	}
	return out
}

func targetName(fn *ast.FuncDecl) string {
	name := strings.ToLower(fn.Name.Name)
	if fn.Recv == nil {
		return name
	}
	return strings.ToLower(fn.Recv.List[0].Type.(*ast.Ident).Name) + ":" + name
}

// flags are the parameters that are pointers.
func flags(fn *ast.FuncDecl) []string {
	var out []string
	for _, p := range fn.Type.Params.List {
		if _, ok := p.Type.(*ast.StarExpr); !ok {
			continue
		}
		for _, n := range p.Names {
			out = append(out, n.Name)
		}
	}
	return out
}

var (
	commands = regexp.MustCompile(`(?m)(?:^|[^\w/.-])(?:mage|hallmark) +(?:-v +)?([a-z][A-Za-z]*(?::[A-Za-z]+)?)(:…)?([^#|\n]*)`)
	oneFlag  = regexp.MustCompile(` -([a-z]+)\b`)
	broken   = regexp.MustCompile(`\\\n *`)
)

// wrongCommands finds commands in the code of a document that name a target or
// flag which does not exist.
func wrongCommands(text string, known map[string][]string) (bad []string, seen int) {
	code := append(fenced.FindAllString(text, -1), span.FindAllString(fenced.ReplaceAllString(text, ""), -1)...)
	for _, m := range commands.FindAllStringSubmatch(broken.ReplaceAllString(strings.Join(code, "\n"), ""), -1) {
		seen++
		name := strings.ToLower(m[1])
		have, ok := known[name]
		switch {
		case m[2] != "" && namespace(name, known): // mage file:…
			continue
		case !ok && (name == "help" || name == "completion"): // the program's own words
			continue
		case !ok:
			bad = append(bad, "mage "+m[1]+": there is no such target")
			continue
		}
		for _, f := range oneFlag.FindAllStringSubmatch(m[3], -1) {
			if !slices.Contains(have, f[1]) {
				bad = append(bad, "mage "+m[1]+": there is no flag -"+f[1])
			}
		}
	}
	return bad, seen
}

func namespace(name string, known map[string][]string) bool {
	for k := range known {
		if strings.HasPrefix(k, name+":") {
			return true
		}
	}
	return false
}

func TestDocumentedCommandsExist(t *testing.T) {
	root := formatstest.Root(t)
	known := targets(t, root)
	total := 0
	for page, text := range pages(t, root) {
		bad, seen := wrongCommands(text, known)
		total += seen
		for _, b := range bad {
			t.Errorf("%s: %s", page, b)
		}
	}
	if total < 50 {
		t.Errorf("only %d commands seen: does the test look at the right text?", total)
	}
}

// TestTargetsAreDocumented: every target stands in some document.
func TestTargetsAreDocumented(t *testing.T) {
	root := formatstest.Root(t)
	var all strings.Builder
	for _, text := range pages(t, root) {
		all.WriteString(strings.ToLower(text))
	}
	for name := range targets(t, root) {
		if !strings.Contains(all.String(), "mage "+name) && !strings.Contains(all.String(), "hallmark "+name) && !strings.Contains(all.String(), "`"+name+"`") {
			t.Errorf("no document names mage %s", name)
		}
	}
}

func TestWrongCommands(t *testing.T) {
	known := map[string][]string{"file:sign": {"in", "out"}, "plan": nil}
	for text, want := range map[string]int{
		"`mage plan`": 0, "`mage -v plan`": 0, "`mage file:…`": 0, "`mage file:sign -in=a-b -out=c`": 0, "mage makes": 0, "`hallmark file:sign -in=a`": 0, "`hallmark completion bash`": 0, "`cmd/hallmark the program`": 0, "`mage -l`": 0,
		"```sh\nmage file:sign -in=x \\\n   -out=y   # not -this\n```": 0, "`mage file:Sign -in=x`": 0,
		"`mage plans`": 1, "`mage file:sing`": 1, "`mage file:sign -inn=x`": 1, "```sh\nmage file:sign -in=x \\\n   -outt=y\n```": 1, "`mage none:…`": 1, "`hallmark plans`": 1, "`hallmark file:sign -inn=x`": 1,
	} {
		if bad, _ := wrongCommands(text, known); len(bad) != want {
			t.Errorf("%q: %v, want %d", text, bad, want)
		}
	}
}
