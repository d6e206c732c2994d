package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// windows is a machine that answers as Windows would, with what answers names
// changed. The release is made of a few small files.
func windows(t *testing.T, answers map[string]string) *machine {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range []string{"release/b_windows_amd64/b.exe", "build/b_windows_amd64/b.exe", "catalog/b.cat", "wdac/b.xml", "wdac/b.cip", "test-root.cer"} {
		path := filepath.Join("dist", filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 0x2000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &machine{exec: func(env []string, name string, args ...string) (string, error) {
		line := name + " " + strings.Join(args, " ") + " " + strings.Join(env, " ")
		for part, answer := range answers {
			if strings.Contains(line, part) {
				if answer == "fails" {
					return "it failed", errors.New("exit status 1")
				}
				return answer, nil
			}
		}
		return good(env, line)
	}}
}

func good(env []string, line string) (string, error) {
	switch {
	case strings.Contains(line, "changed.exe"):
		return "HashMismatch|True", nil
	case strings.Contains(line, "Get-AuthenticodeSignature"):
		return "Valid|True", nil
	case strings.Contains(line, "Test-FileCatalog"):
		return "Valid", nil
	case strings.Contains(line, "ConvertFrom-CIPolicy -Xml"):
		_, path, _ := strings.Cut(env[1], "=")
		return "", os.WriteFile(path, make([]byte, 0x2000), 0o644)
	case strings.Contains(line, "SiPolicy.PolicyID"), strings.Contains(line, "--list-policies"):
		return "{AB}", nil
	case strings.Contains(line, "RealTimeProtection"):
		return "True", nil
	case strings.Contains(line, "New-Service"):
		return "ok", nil
	case strings.Contains(line, "TabExpansion2"):
		return "file:strip", nil
	}
	return "", nil
}

func TestProve(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no signtool
	for name, c := range map[string]struct {
		answers map[string]string
		open    []string
		refuted []string
	}{
		"all is well":          {nil, nil, nil},
		"a signature is not":   {map[string]string{"Get-AuthenticodeSignature": "NotTrusted|True"}, nil, []string{"PowerShell calls the signatures valid", "a changed byte is noticed"}},
		"no timestamp":         {map[string]string{"Get-AuthenticodeSignature": "Valid|False"}, nil, []string{"PowerShell calls the signatures valid", "a changed byte is noticed"}},
		"catalog is refused":   {map[string]string{"Test-FileCatalog": "NotSigned"}, nil, []string{"Test-FileCatalog accepts the catalog"}},
		"other binary":         {map[string]string{"ConvertFrom-CIPolicy -Xml": "fails"}, nil, []string{"ConfigCI compiles the policy to the same bytes"}},
		"no ConfigCI":          {map[string]string{"Get-Command ConvertFrom": "fails", "Get-Command citool": "fails"}, []string{"ConfigCI compiles the policy to the same bytes", "CiTool loads the policy in audit mode"}, nil},
		"policy is not listed": {map[string]string{"--list-policies": "[]"}, nil, []string{"CiTool loads the policy in audit mode"}},
		"Defender is off":      {map[string]string{"RealTimeProtection": "False"}, []string{"in-place signing beside Defender"}, nil},
		"signing in place":     {map[string]string{"file:sign": "fails"}, nil, []string{"in-place signing beside Defender"}},
		"service does not run": {map[string]string{"New-Service": "fails"}, nil, []string{"beacon runs in the service manager"}},
		"no completion":        {map[string]string{"TabExpansion2": "file:seal"}, nil, []string{"PowerShell completes a command line"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := windows(t, c.answers)
			var out strings.Builder
			refuted, err := m.prove(&out)
			if err != nil {
				t.Fatal(err)
			}
			if refuted != len(c.refuted) {
				t.Errorf("%d refuted, want %d\n%s", refuted, len(c.refuted), &out)
			}
			for _, check := range checks() {
				want := "proved"
				switch {
				case strings.HasPrefix(check.name, "signtool"), slices.Contains(c.open, check.name), strings.Contains(check.name, "Test-FileCatalog") && len(c.refuted) == 0:
					want = "open"
				case slices.Contains(c.refuted, check.name):
					want = "refuted"
				}
				if check.name == "Test-FileCatalog accepts the catalog" && want == "proved" {
					want = "open" // its second half needs signtool
				}
				if line := "| " + check.name + " | " + want + " |"; !strings.Contains(out.String(), line) {
					t.Errorf("no line %q in\n%s", line, &out)
				}
			}
		})
	}
}

func TestRootIsTakenAwayOrSaid(t *testing.T) {
	m := windows(t, map[string]string{"-delstore": "fails"})
	if _, err := m.prove(&strings.Builder{}); err == nil || !strings.Contains(err.Error(), "still trusted") {
		t.Errorf("got %v", err)
	}
	m = windows(t, map[string]string{"-addstore": "fails"})
	if _, err := m.prove(&strings.Builder{}); err == nil || !strings.Contains(err.Error(), "administrator") {
		t.Errorf("got %v", err)
	}
}

// TestDocumentNamesEveryCheck: docs/windows-proof.md has a row, with a state,
// for each check and for nothing else that this program claims to run.
func TestDocumentNamesEveryCheck(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(formatstest.Root(t), "docs", "windows-proof.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \| (proved|refuted|open) \|`).FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, m[1])
	}
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	if !slices.Equal(rows, names) {
		t.Errorf("the document has rows\n%s\nand the program checks\n%s", strings.Join(rows, "\n"), strings.Join(names, "\n"))
	}
}
