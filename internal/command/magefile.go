package command

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// magefile is a compiled magefile, which may have targets besides ours and may
// import ours under a prefix.
type magefile struct {
	ask     func(args ...string) (string, error) // runs the magefile: -l, -h TARGET
	aliases func() []string                      // names that the magefile's source gives to targets
}

// judge reports every word that neither our targets nor those of the magefile
// explain. The magefile is only asked when a word is not ours.
func (m magefile) judge(all []Target, words []string) error {
	if _, err := Parse(all, words); err == nil {
		return nil
	}
	listed := m.list()
	known := m.known(all, listed)
	var errs []error
	for i := 0; i < len(words); {
		word := words[i]
		i++
		flags := i
		for i < len(words) && strings.HasPrefix(words[i], "-") {
			i++
		}
		if t, ok := Find(known, word); ok {
			_, err := t.call(words[flags:i])
			errs = append(errs, err)
			continue
		}
		n, ok := m.foreign(listed, word, words[flags:])
		if !ok {
			errs = append(errs, unknown(append(known, asTargets(listed)...), word))
			continue
		}
		i = flags + n
	}
	return errors.Join(errs...)
}

// list returns the names of all targets that the magefile has.
func (m magefile) list() []string {
	out, err := m.ask("-l")
	if err != nil {
		return nil
	}
	var names []string
	_, out, _ = strings.Cut(out, "Targets:\n")
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); strings.HasPrefix(line, "  ") && len(f) > 0 {
			names = append(names, strings.TrimSuffix(f[0], "*"))
		}
	}
	return names
}

// known returns our targets under the names that they have in this magefile:
// their own, or with a prefix such as win: for all of them. A magefile that
// cannot be asked is taken to have them under their own names.
func (m magefile) known(all []Target, listed []string) []Target {
	if len(listed) == 0 {
		return all
	}
	var known []Target
	for _, prefix := range prefixes(all, listed) {
		for _, t := range all {
			t.Name = prefix + t.Name
			known = append(known, t)
		}
	}
	return known
}

// prefixes returns each prefix, the empty one included, under which all our
// targets are listed.
func prefixes(all []Target, listed []string) []string {
	has := map[string]bool{}
	for _, name := range listed {
		has[strings.ToLower(name)] = true
	}
	var found []string
	for name := range has {
		prefix, ok := strings.CutSuffix(name, strings.ToLower(all[0].Name))
		if !ok || prefix != "" && !strings.HasSuffix(prefix, ":") {
			continue
		}
		if !slices.ContainsFunc(all, func(t Target) bool { return !has[strings.ToLower(prefix+t.Name)] }) {
			found = append(found, prefix)
		}
	}
	slices.Sort(found)
	return found
}

var usage = regexp.MustCompile(`(?m)^Usage:\n\n\t(.*)$`)

// foreign reports whether word is a target of the magefile's author, and how
// many of the words after it belong to it.
func (m magefile) foreign(listed []string, word string, after []string) (int, bool) {
	if !slices.ContainsFunc(listed, func(l string) bool { return strings.EqualFold(l, word) }) {
		return 0, slices.ContainsFunc(m.aliases(), func(a string) bool { return strings.EqualFold(a, word) })
	}
	out, err := m.ask("-h", word)
	if err != nil {
		return 0, false
	}
	line := ""
	if found := usage.FindStringSubmatch(out); found != nil {
		line = found[1]
	}
	required, optional, _ := strings.Cut(line, "[")
	n := min(strings.Count(required, "<"), len(after))
	for optional != "" && n < len(after) && strings.HasPrefix(after[n], "-") {
		n++
	}
	return n, true
}

func asTargets(names []string) []Target {
	out := make([]Target, len(names))
	for i, n := range names {
		out[i] = Target{Name: n}
	}
	return out
}

// askSelf runs this very program with other arguments.
func askSelf(args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := childproc.Run(ctx, childproc.Cmd{Path: self, Args: args})
	if err != nil {
		return "", fault.New(fault.Other, "asking the magefile for its targets: %w", err)
	}
	return out, nil
}

// aliases returns the keys of the variable Aliases in the magefiles of the
// given folders: mage lists targets without their aliases.
func aliases(folders ...string) []string {
	var names []string
	for _, folder := range folders {
		files, _ := filepath.Glob(filepath.Join(folder, "*.go"))
		for _, file := range files {
			if f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution); err == nil {
				names = append(names, aliasesOf(f)...)
			}
		}
	}
	return names
}

func aliasesOf(f *ast.File) []string {
	var names []string
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Names[0].Name != "Aliases" || len(v.Values) == 0 {
			return true
		}
		lit, ok := v.Values[0].(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.BasicLit); ok {
					if s, err := strconv.Unquote(key.Value); err == nil {
						names = append(names, s)
					}
				}
			}
		}
		return true
	})
	return names
}
