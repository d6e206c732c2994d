package spec_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/spectest"
)

const smallest = `version: 1
project: {name: app, version: 1.4.2, company: Example Ltd}
build: {binaries: [{main: ./cmd/app}]}
`

// TestFifteenProblems holds the promise that one run shows everything.
func TestFifteenProblems(t *testing.T) {
	b, err := os.ReadFile("testdata/fifteen.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = spec.Parse("release.yaml", b, spec.Env{Root: spectest.Project(t)})
	var p *spec.Problems
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want *Problems", err)
	}
	if len(p.List) != 15 {
		t.Errorf("%d problems, want 15", len(p.List))
	}
	for i, one := range p.List {
		if one.Line == 0 || one.Path == "" || one.Message == "" || one.Hint == "" {
			t.Errorf("problem %d lacks line, path, message or hint: %+v", i, one)
		}
		if i > 0 && one.Line < p.List[i-1].Line {
			t.Errorf("problem %d is not sorted by line", i)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the message shows the literal password")
	}
	golden(t, "testdata/fifteen.txt", err.Error()+"\n")
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("%s: got:\n%s\nwant:\n%s", file, got, want)
	}
}

// TestBytes feeds what is wrong before the first key is read.
func TestBytes(t *testing.T) {
	bomb := "version: 1\nproject: {name: app, version: 1.0.0, company: E}\nresources:\n  translations:\n" +
		"    de-DE: &d {product: a, comments: b, company: c, copyright: d, trademarks: e, description: f}\n    en-US: &l {<<: [" +
		strings.Repeat("*d, ", 9000) + "*d]}\n    fr-FR: {<<: [" + strings.Repeat("*l, ", 9000) + "*l]}\n"
	for name, c := range map[string]struct{ yaml, want string }{
		"empty":                     {"", "release.yaml: the file is empty"},
		"comments only":             {"# nothing\n---\n", "release.yaml: the file is empty"},
		"null":                      {"~\n", "release.yaml: the file is empty"},
		"scalar":                    {"hello\n", "release.yaml: line 1: expected a section of keys, found a text"},
		"list":                      {"\n- a\n", "release.yaml: line 2: expected a section of keys, found a list"},
		"no version":                {strings.Replace(smallest, "version: 1\n", "", 1), "release.yaml: line 1: version: is missing"},
		"second document":           {smallest + "---\nversion: 1\n", "release.yaml: line 4: a second YAML document begins here"},
		"second document, broken":   {smallest + "---\na: [\n", "this is not YAML"},
		"tab":                       {"version: 1\nproject:\n\tname: app\n", "release.yaml: line 3: the line is indented with a tab"},
		"unclosed bracket":          {"version: 1\nproject: [\n", "this is not YAML"},
		"colon in a text":           {"version: 1\nproject:\n  name: a: b\n", "release.yaml: line 3: this is not YAML: mapping values are not allowed"},
		"Latin-1":                   {"version: 1\n# M\xfcller\n", "release.yaml: line 2: the file is not UTF-8 text"},
		"UTF-16":                    {"\xff\xfev\x00e\x00", "release.yaml: line 1: the file is not UTF-8 text"},
		"NUL":                       {"version: 1\nproject: \x00\n", "release.yaml: line 2: the file holds the control character U+0000"},
		"escape":                    {"version: 1\n# \x1b[31m\n", "release.yaml: line 2: the file holds the control character U+001B"},
		"1 MiB and a byte":          {smallest + strings.Repeat("#", 1<<20), "release.yaml: the file is larger than 1048576 bytes"},
		"deep nesting":              {"a: " + strings.Repeat("[", 20000), "this is not YAML"},
		"merge of itself":           {"version: 1\nproject: &p\n  <<: *p\n  name: app\n", "the merge key << refers to itself"},
		"alias of itself":           {"version: 1\nbuild: {tags: &t [*t]}\n", "build.tags[0]: expected a single value, found a list"},
		"aliases without end":       {bomb, "the file is too large when its aliases are written out"},
		"nothing but unknown keys":  {manyKeys(), "release.yaml: 50 more problems"},
		"a key of several lines":    {smallest + "\"a\\nb\": 1\n", `release.yaml: line 4: ["a\nb"]: unknown key`},
		"a number of 1025 letters":  {strings.Replace(smallest, "Example Ltd", strings.Repeat("é", 1025), 1), "project.company: the text is longer than 1024 characters"},
		"Windows line ends and BOM": {"\xef\xbb\xbf" + strings.ReplaceAll(smallest, "\n", "\r\n"), ""},
		"1024 letters":              {strings.Replace(smallest, "Example Ltd", strings.Repeat("é", 1024), 1), ""},
		"a directive":               {"%YAML 1.2\n---\n" + smallest, "hint: delete the line %YAML"},
		"document marks":            {"---\n" + smallest + "...\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := spec.Parse("release.yaml", []byte(c.yaml), spec.Env{Root: spectest.Project(t)})
			if c.want == "" && err == nil {
				return
			}
			if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.2000v\nwant %s", err, c.want)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func manyKeys() string {
	var b strings.Builder
	b.WriteString(smallest)
	for i := range 150 {
		fmt.Fprintf(&b, "unknown%d: 1\n", i)
	}
	return b.String()
}

func TestLoadFiles(t *testing.T) {
	root := spectest.Project(t)
	big := filepath.Join(root, "big.yaml")
	if err := os.WriteFile(big, []byte(strings.Repeat("a: b\n", 2<<20)), 0o644); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(root, "release.yaml")
	if err := os.WriteFile(good, []byte(smallest), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want, hint string }{
		"absent": {filepath.Join(root, "absent.yaml"), "there is no such file", "hallmark init"},
		"folder": {root, "is a folder", "RELEASE_SPEC"},
		"10 MB":  {big, "the file is larger than 1048576 bytes", "right file"},
		"good":   {path: good},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := spec.Load(c.path, spec.Env{Root: root})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var p *spec.Problems
			if !errors.As(err, &p) || p.ExitStatus() != 2 {
				t.Fatalf("got %v, want *Problems with exit status 2", err)
			}
			if want := c.path + ": " + c.want; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "\nhint: ") || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("got %v\nwant %s and a hint with %s", err, want, c.hint)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	repo := func(tags ...string) gitinfo.Info {
		return gitinfo.Info{Commit: strings.Repeat("a", 40), Time: time.Unix(1770000000, 0), Tags: tags}
	}
	for name, c := range map[string]struct {
		from, env string
		git       gitinfo.Info
		want      string
		wrong     string
	}{
		"literal":              {from: "1.4.2", want: "1.4.2"},
		"variable":             {from: "env:V", env: "1.4.2-rc.1", want: "1.4.2-rc.1"},
		"variable with v":      {from: "env:V", env: "v1.4.2", want: "1.4.2"},
		"variable unset":       {from: "env:V", wrong: "the environment variable V is not set"},
		"variable nonsense":    {from: "env:V", env: "main", wrong: `holds "main", which is not a semantic version`},
		"tag":                  {from: "git", git: repo("v1.4.2"), want: "1.4.2"},
		"tag without v":        {from: "git", git: repo("1.4.2"), want: "1.4.2"},
		"highest tag":          {from: "git", git: repo("v1.9.0", "v1.10.0", "latest", "v1.10.0-rc.2"), want: "1.10.0"},
		"highest pre-release":  {from: "git", git: repo("v1.0.0-rc.2", "v1.0.0-rc.10", "v1.0.0-beta", "v1.0.0-rc"), want: "1.0.0-rc.10"},
		"numbers below texts":  {from: "git", git: repo("v1.0.0-1", "v1.0.0-a"), want: "1.0.0-a"},
		"more fields win":      {from: "git", git: repo("v1.0.0-a", "v1.0.0-a.0"), want: "1.0.0-a.0"},
		"huge numbers":         {from: "git", git: repo("v1.0.99999999999999999999", "v1.0.100000000000000000000"), want: "1.0.100000000000000000000"},
		"no tag":               {from: "git", git: repo("latest"), wrong: "no tag on the commit aaaaaaaaaaaa is a semantic version"},
		"no repository":        {from: "git", git: gitinfo.Info{Absent: "git is not installed"}, wrong: "cannot take the version from git: git is not installed"},
		"the default is git":   {from: "", git: repo("v2.0.0"), want: "2.0.0"},
		"default without tags": {from: "", git: repo(), wrong: "no tag on the commit"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(smallest, "version: 1.4.2", "version: "+c.from, 1)
			if c.from == "" {
				text = strings.Replace(smallest, "version: 1.4.2, ", "", 1)
			}
			s, err := spec.Parse("release.yaml", []byte(text), spec.Env{
				Root:   spectest.Project(t),
				Getenv: func(name string) string { return map[string]string{"V": c.env}[name] },
				Git:    func(*spec.Spec) (gitinfo.Info, error) { return c.git, nil },
			})
			if c.wrong == "" && err == nil && s.Project.Version == c.want {
				return
			}
			if c.wrong == "" || err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %+v, %v", s, err)
			}
		})
	}
}

func TestGitError(t *testing.T) {
	env := spec.Env{Root: spectest.Project(t), Git: func(*spec.Spec) (gitinfo.Info, error) { return gitinfo.Info{}, errors.New("broken index") }}
	if _, err := spec.Parse("release.yaml", []byte(smallest), env); err != nil {
		t.Errorf("a literal version needs no git: %v", err)
	}
	text := strings.Replace(smallest, "version: 1.4.2", "version: git", 1)
	if _, err := spec.Parse("release.yaml", []byte(text), env); err == nil || !strings.Contains(err.Error(), "broken index") {
		t.Errorf("got %v, want the error of git", err)
	}
}

func TestSource(t *testing.T) {
	info := gitinfo.Info{Commit: "abc", Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	for name, c := range map[string]struct {
		epoch     string
		git       gitinfo.Info
		at        time.Time
		copyright string
	}{
		"commit":  {git: info, at: info.Time, copyright: "© 2026 Example Ltd"},
		"epoch":   {epoch: "1577836800", git: info, at: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), copyright: "© 2020 Example Ltd"},
		"neither": {at: gitinfo.NoTime, copyright: "© Example Ltd"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := spec.Parse("release.yaml", []byte(smallest), spec.Env{
				Root:   spectest.Project(t),
				Getenv: func(name string) string { return map[string]string{"SOURCE_DATE_EPOCH": c.epoch}[name] },
				Git:    func(*spec.Spec) (gitinfo.Info, error) { return c.git, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			if !s.Source.Time.Equal(c.at) || s.Source.Commit != c.git.Commit || s.Project.Copyright != c.copyright {
				t.Errorf("got %+v and %q", s.Source, s.Project.Copyright)
			}
		})
	}
	_, err := spec.Parse("release.yaml", []byte(smallest), spec.Env{Root: spectest.Project(t), Getenv: func(string) string { return "yesterday" }})
	if err == nil || !strings.Contains(err.Error(), `SOURCE_DATE_EPOCH is "yesterday"`) {
		t.Errorf("got %v", err)
	}
}

// TestDefaults compares every field that is filled in.
func TestDefaults(t *testing.T) {
	yes, two := true, 2
	text := `version: 1
project: {name: app, version: 1.4.2-rc.1, company: Example Ltd, url: "https://example.com/a", description: Does.}
build: {binaries: [{main: ./cmd/app}, {main: ./cmd/tool, name: Tool}]}
resources: {translations: {de-CH: {product: Ding}}, manifest: {}}
sign: {identity: test}
timestamp: {servers: [test]}
catalog: {}
wdac: {}
portal: {}
`
	s, err := spec.Parse("release.yaml", []byte(text), spec.Env{Root: spectest.Project(t)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want any }{
		"project": {s.Project, spec.Project{Name: "app", Version: "1.4.2-rc.1", Title: "app", Description: "Does.",
			Company: "Example Ltd", Copyright: "© Example Ltd", URL: "https://example.com/a"}},
		"build": {s.Build, spec.Build{Builder: "auto", Workspace: "off", Targets: []string{"windows/amd64", "windows/arm64"}, LDFlags: []string{"-s", "-w"},
			VCS: "off", Reproducible: "off", Binaries: []spec.Binary{{ID: "app", Main: "./cmd/app", Buildmode: "exe", Name: "app"}, {ID: "Tool", Main: "./cmd/tool", Buildmode: "exe", Name: "Tool"}}}},
		"resources": {*s.Resources, spec.Resources{FileVersion: "1.4.2.0", ProductVersion: "1.4.2-rc.1", Company: "Example Ltd", Product: "app",
			Description: "Does.", Copyright: "© Example Ltd", Language: "en-US",
			Translations: map[string]spec.Strings{"de-CH": {Company: "Example Ltd", Product: "Ding", Description: "Does.", Copyright: "© Example Ltd"}},
			Manifest:     &spec.Manifest{ExecutionLevel: "asInvoker", LongPaths: &yes, UTF8: &yes, DPI: "per-monitor-v2", MinimumWindows: "10"}}},
		"sign": {*s.Sign, spec.Sign{Identity: "test", Digest: "sha256", Description: "app", URL: "https://example.com/a"}},
		"timestamp": {*s.Timestamp, spec.Timestamp{Servers: []string{"test"}, Digest: "sha256", Attempts: 3,
			RequestTimeout: spec.Duration(20 * time.Second), Budget: spec.Duration(5 * time.Minute)}},
		"verify":  {*s.Verify, spec.Verify{RequireTimestamp: &yes, Revocation: "off"}},
		"catalog": {*s.Catalog, spec.Catalog{Name: "app", Version: 2, CompatSHA1: &yes, PathAttribute: "FilePath"}},
		"wdac": {*s.WDAC, spec.WDAC{Template: "supplemental", Name: "app", BasePolicyID: "{A244370E-44C9-4C06-B551-F6016E563076}",
			Level: "FilePublisher", Fallback: []string{"Hash"}, KeepReleases: &two, History: ".hallmark/wdac/history.json", Format: 7}},
		"portal": {*s.Portal, spec.Portal{Product: "Microsoft Defender Antivirus (Windows 11)", Hosts: []string{"example.com"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if !reflect.DeepEqual(c.got, c.want) {
				t.Errorf("got  %+v\nwant %+v", c.got, c.want)
			}
		})
	}
}

// TestLinkOutOfProject: a relative path must not lead out through a link.
func TestLinkOutOfProject(t *testing.T) {
	root, outside := spectest.Project(t), filepath.Join(t.TempDir(), "x.ico")
	if err := os.WriteFile(outside, []byte("icon"), 0o644); err != nil {
		t.Fatal(err)
	}
	formatstest.Symlink(t, outside, filepath.Join(root, "assets", "link.ico"))
	for name, c := range map[string]struct{ icon, want string }{
		"link":     {"assets/link.ico", "is a link that leaves the project"},
		"absolute": {filepath.ToSlash(outside), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := spec.Parse("release.yaml", []byte(smallest+"resources: {icon: '"+c.icon+"'}\n"), spec.Env{Root: root})
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// FuzzParse looks for panics, and for problems that do not say where.
func FuzzParse(f *testing.F) {
	for _, c := range spectest.Cases(f) {
		f.Add([]byte(c.YAML))
	}
	f.Add([]byte("a: &a [*a, {<<: *a}]"))
	env := spec.Env{Root: spectest.Project(f)}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := spec.Parse("release.yaml", b, env)
		var p *spec.Problems
		if (err == nil) != (s != nil) || err != nil && (!errors.As(err, &p) || len(p.List) == 0) {
			t.Fatalf("got %v, %v", s, err)
		}
		if err == nil && (s.Version != 1 || s.Project.Name == "" || s.Project.Version == "" || s.Project.Company == "") {
			t.Fatalf("accepted without what is required: %+v", s)
		}
		for _, line := range strings.Split(fmt.Sprint(err), "\n") {
			if err != nil && !strings.HasPrefix(line, "release.yaml: ") && !strings.HasPrefix(line, "hint: ") {
				t.Fatalf("a problem spreads over several lines: %q", err)
			}
		}
	})
}
