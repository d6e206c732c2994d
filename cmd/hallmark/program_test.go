package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// TestEveryTargetHasItsFunction: a target of the table is a function that takes
// a context, if it wants one, and a pointer of the flag's type for each flag.
func TestEveryTargetHasItsFunction(t *testing.T) {
	table := calls()
	for _, target := range command.Targets() {
		f := reflect.TypeOf(table[target.Name])
		if f == nil {
			t.Errorf("%s has no function", target.Name)
			continue
		}
		first := f.NumIn() - len(target.Flags)
		if first != 0 && first != 1 {
			t.Errorf("%s: %d parameters for %d flags", target.Name, f.NumIn(), len(target.Flags))
			continue
		}
		for i, flag := range target.Flags {
			if got := f.In(first + i).String(); got != "*"+string(flag.Kind) {
				t.Errorf("%s -%s: %s, want *%s", target.Name, flag.Name, got, flag.Kind)
			}
		}
	}
	if len(table) != len(command.Targets()) {
		t.Errorf("%d functions for %d targets", len(table), len(command.Targets()))
	}
}

// recorded is a program whose targets only write down that they ran.
func recorded(t *testing.T, ran *[]string, failing string) (program, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	table := calls()
	for name, fn := range table {
		table[name] = reflect.MakeFunc(reflect.TypeOf(fn), func(in []reflect.Value) []reflect.Value {
			line := name
			for _, v := range in {
				if v.Kind() == reflect.Pointer && !v.IsNil() {
					line += " " + strings.Trim(v.Elem().String(), "<>")
				}
			}
			*ran = append(*ran, line)
			out := make([]reflect.Value, reflect.TypeOf(fn).NumOut())
			for i := range out {
				out[i] = reflect.Zero(reflect.TypeOf(fn).Out(i))
				if name == failing {
					out[i] = reflect.ValueOf(error(fault.New(fault.Service, "down")))
				}
			}
			return out
		}).Interface()
	}
	var out, errs bytes.Buffer
	return program{out: &out, err: &errs, calls: table, setenv: func(k, v string) error { t.Setenv(k, v); return nil }}, &out, &errs
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		ran  []string
		code int
		says string
	}{
		"nothing":                {"", []string{"release"}, 0, ""},
		"two targets":            {"-v build file:strip -in=a,b -out=c", []string{"build", "file:strip a,b c"}, 0, ""},
		"first problem stops":    {"build sign release", []string{"build", "sign"}, fault.Service, "error: down"},
		"a typo runs nothing":    {"build sgin -x", nil, fault.Usage, "did you mean sign?"},
		"dry run runs nothing":   {"release --dry-run", nil, fault.Usage, "hallmark plan"},
		"unknown option":         {"-q release", nil, fault.Usage, "hallmark -h"},
		"missing folder":         {"-w nowhere release", nil, fault.Usage, "-w=nowhere"},
		"timeout that is none":   {"-t soon release", nil, fault.Usage, "hallmark -h"},
		"completion of no shell": {"completion", nil, fault.Usage, "bash, zsh, fish or powershell"},
		"completion of a path":   {"completion ../main.go", nil, fault.Usage, "name one shell"},
		"help for nothing known": {"help sgin", nil, fault.Usage, "did you mean sign?"},
		"each problem is named":  {"sgin bulid", nil, fault.Usage, "error: there is no target \"bulid\""},
	} {
		t.Run(name, func(t *testing.T) {
			var ran []string
			p, _, errs := recorded(t, &ran, "sign")
			code := p.exit(p.run(context.Background(), strings.Fields(c.args)))
			if code != c.code || !reflect.DeepEqual(ran, c.ran) || !strings.Contains(errs.String(), c.says) {
				t.Errorf("ran %q, exit %d\n%s", ran, code, errs)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for args, want := range map[string]string{
		"--help":              "hallmark init",
		"-h":                  "hallmark init",
		"help":                "hallmark init",
		"-h file:sign":        "-identity=TEXT",
		"help FILE:SIGN":      "-identity=TEXT",
		"file:sign --help":    "-identity=TEXT",
		"build plan -h":       "usage: hallmark plan",
		"-l":                  "release*",
		"completion bash":     "complete -o default",
		"completion ZSH":      "#compdef hallmark",
		"completion fish":     "complete -c hallmark",
		"__complete file:st":  "file:strip\t",
		"__complete release ": "",
	} {
		t.Run(args, func(t *testing.T) {
			var ran []string
			p, out, _ := recorded(t, &ran, "")
			if err := p.run(context.Background(), strings.Fields(args)); err != nil || len(ran) != 0 {
				t.Fatalf("%v, ran %q", err, ran)
			}
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not in\n%s", want, out)
			}
		})
	}
}

// TestVersion: the target prints to standard output itself.
func TestVersion(t *testing.T) {
	for _, arg := range []string{"-version", "--version", "version"} {
		var ran []string
		p, _, _ := recorded(t, &ran, "")
		if err := p.run(context.Background(), []string{arg}); err != nil || !reflect.DeepEqual(ran, []string{"version"}) {
			t.Errorf("%s ran %q, %v", arg, ran, err)
		}
	}
}

func TestWorkingFolder(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	was, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chdir(was) })
	var ran []string
	p, _, _ := recorded(t, &ran, "")
	got := ""
	p.calls["plan"] = func(context.Context) error { got, _ = os.Getwd(); return nil }
	if err := p.run(context.Background(), []string{"-w", dir, "plan"}); err != nil || got != dir {
		t.Errorf("worked in %q, want %q: %v", got, dir, err)
	}
}

func TestTimeout(t *testing.T) {
	var ran []string
	p, _, _ := recorded(t, &ran, "")
	p.calls["plan"] = func(ctx context.Context, _ *bool) error { <-ctx.Done(); return context.Cause(ctx) }
	err := p.run(context.Background(), []string{"-t", "1ms", "plan"})
	if err == nil || !strings.Contains(err.Error(), "as -t asked") || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
