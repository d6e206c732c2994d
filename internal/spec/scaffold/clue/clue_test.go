package clue

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Version}}":                                    "\x01version\x03",
		"v{{ .Version }}":                                 "v\x01version\x03",
		"{{- .Tag -}}":                                    "\x01tag\x03",
		"{{ .FullCommit }}":                               "\x01commit\x03",
		`{{ time "2006-01-02T15:04:05Z" }}`:               "\x01commit_date\x03",
		`{{time "2006-01-02"}}`:                           "\x01commit_day\x03",
		`{{ .CommitDate.Format "2006" }}`:                 "\x01commit_day\x03",
		`{{date "20060102-15:04:05"}}`:                    "\x01commit_date\x03",
		"{{ .ProjectName }}":                              "app",
		"{{ .Branch }}":                                   "\x02{{.Branch}}\x03",
		`{{ .Env.X | default "y" }}`:                      "\x02{{.Env.X | default \"y\"}}\x03",
		`{{ if .IsNightly }}a{{ end }}b`:                  "b",
		`{{ if .IsNightly }}a{{ else }}b{{ end }}c`:       "bc",
		`{{ if eq .Os "windows" }}a{{ else }}b{{ end }}c`: "ac",
		`{{ if ne .Os "windows" }}a{{ else }}b{{ end }}c`: "bc",
		`{{ if eq .Os "linux" }}a{{ else if eq .Os "windows" }}b{{ else }}d{{ end }}c`:      "bc",
		`{{ if eq .Os "windows" }}a{{ if .IsSnapshot }}x{{ else }}y{{ end }}z{{ end }}c`:    "ayzc",
		`{{ if .X }}a{{ if eq .Os "windows" }}x{{ end }}z{{ else }}{{ .Version }}{{ end }}`: "\x01version\x03",
		`{{ if .X }}never ends`: "",
		`{{ end }} too many`:    "",
		`plain {{ text`:         "plain {{ text",
	} {
		if got := expand(text, "app"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestReadLink(t *testing.T) {
	for name, c := range map[string]struct {
		flags string
		want  Link
		gui   bool
	}{
		"everything": {`-s -w -X main.version={{.Version}} -X=main.tag=v{{.Version}} --X 'main.what=two words' -X "main.branch={{.Branch}}" -H=windowsgui -extldflags '-static -pie' -buildid=`,
			Link{Said: true, Flags: []string{"-s", "-w", "-buildid="}, Variables: map[string]string{"main.version": "version", "main.tag": "tag"},
				Texts: map[string]string{"main.what": "two words"}, Unclear: map[string]string{"main.branch": "{{.Branch}}"}}, true},
		"blank after -H": {"-H windowsgui", Link{Said: true, Variables: map[string]string{}, Texts: map[string]string{}, Unclear: map[string]string{}}, true},
		"the first wins": {"-X a.b=1 -X a.b=2", Link{Said: true, Variables: map[string]string{}, Texts: map[string]string{"a.b": "1"}, Unclear: map[string]string{}}, false},
		"no assignment":  {"-X main.version -X =x -X x=y", Link{Said: true, Variables: map[string]string{}, Texts: map[string]string{}, Unclear: map[string]string{}}, false},
		"mixed with text": {"-X main.v=1-{{.Version}} -X main.n=v{{.Commit}} -X main.e=", Link{Said: true, Variables: map[string]string{}, Texts: map[string]string{},
			Unclear: map[string]string{"main.v": "1-version", "main.n": "vcommit"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, gui := readLink(expand(c.flags, ""))
			if !reflect.DeepEqual(got, c.want) || gui != c.gui {
				t.Errorf("got  %+v %v\nwant %+v %v", got, gui, c.want, c.gui)
			}
		})
	}
}

func TestGoreleaser(t *testing.T) {
	for name, c := range map[string]struct {
		yaml string
		want []Program
	}{
		"nothing at all":            {"", []Program{{Main: ".", Name: "mod", Architectures: []string{"amd64", "arm64", "386"}}}},
		"not for Windows":           {"builds: [{goos: [linux, darwin]}]", nil},
		"skipped":                   {"builds: [{skip: true}, {main: ./cmd/x, binary: y, skip: false, goarch: [arm64]}]", []Program{{Main: "./cmd/x", Name: "y", Architectures: []string{"arm64"}}}},
		"folders and files":         {"builds: [{dir: ./sub, main: cmd/x/main.go, binary: 'bin/{{ .Os }}/x.exe', goarch: [amd64]}]", []Program{{Main: "./sub/cmd/x", Name: "x", Architectures: []string{"amd64"}}}},
		"a name of a template":      {"builds: [{binary: 'x-{{ .Arch }}', goarch: [amd64]}]", []Program{{Main: ".", Architectures: []string{"amd64"}}}},
		"targets instead of goarch": {"builds: [{targets: [linux_amd64, windows_arm64, windows_amd64_v3]}]", []Program{{Main: ".", Name: "mod", Architectures: []string{"amd64", "arm64"}, Levels: []string{"v3"}}}},
		"first class":               {"builds: [{targets: [go_first_class]}]", []Program{{Main: ".", Name: "mod", Architectures: []string{"amd64", "386"}}}},
		"tags as text and flags":    {"builds: [{tags: a b, flags: ['-tags=c,{{ .Env.T }}', -tags, d], goarch: [amd64]}]", []Program{{Main: ".", Name: "mod", Tags: []string{"a", "b", "c", "d"}, Architectures: []string{"amd64"}}}},
		"environment": {"env: [CGO_ENABLED=1, GOPROXY=off]\nbuilds: [{env: [GOEXPERIMENT=jsonv2, 'GOX={{ .Env.Y }}', SECRET=x], goarch: [amd64]}]",
			[]Program{{Main: ".", Name: "mod", Cgo: true, Env: []string{"GOEXPERIMENT=jsonv2"}, Architectures: []string{"amd64"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Goreleaser(".goreleaser.yaml", []byte(c.yaml), "mod")
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Programs {
				b.Programs[i].Link = Link{}
			}
			if !reflect.DeepEqual(b.Programs, c.want) {
				t.Errorf("got  %+v\nwant %+v", b.Programs, c.want)
			}
		})
	}
	b, err := Goreleaser("f", []byte("env: {a: b}\nbuilds:\n- {goos: windows, goarch: 386, binary: [x]}\nbefore: {hooks: go generate ./a}\n"), "mod")
	if err != nil || len(b.Notes) != 3 || len(b.Programs) != 1 || !slices.Equal(b.Programs[0].Architectures, []string{"386"}) || !slices.Equal(b.Generate, []string{"go generate ./a"}) {
		t.Errorf("odd values: %+v, %v", b, err)
	}
	for _, bad := range []string{"builds: {", "\t"} {
		if _, err := Goreleaser("x", []byte(bad), "mod"); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestPromuForOtherSystems(t *testing.T) {
	b, err := Promu(".promu.yml", []byte("build: {binaries: [{name: a}]}\ncrossbuild: {platforms: [linux/amd64]}\n"))
	if err != nil || b.Programs != nil {
		t.Errorf("got %+v, %v", b, err)
	}
	b, err = Promu(".promu.yml", []byte("build: {binaries: [{name: a, path: .}], flags: -tags x}\n"))
	if err != nil || len(b.Programs) != 1 || b.Programs[0].Main != "." || !slices.Equal(b.Programs[0].Tags, []string{"x"}) {
		t.Errorf("got %+v, %v", b, err)
	}
}

func TestShell(t *testing.T) {
	type found struct {
		main, name       string
		windows, careful bool
		variables        map[string]string
	}
	for name, c := range map[string]struct {
		text string
		want []found
		link map[string]string
	}{
		"a Makefile": {"VERSION ?= $(shell git describe --tags | sed 's/^v//')\nREV := $(shell git rev-parse HEAD)\nNOW = $(shell date -u +%Y-%m-%dT%H:%M:%SZ)\nFLAGS = -s -w \\\n  -X main.version=$(VERSION) \\\n  -X main.rev=${REV}\n" +
			"FLAGS += -X main.date=$(NOW)\n\nall:\n\tGOOS=windows GOARCH=amd64 $(GO) build -ldflags '$(FLAGS)' -o bin/app-windows-amd64.exe ./cmd/app\n\tGOOS=linux go build ./cmd/other\n",
			[]found{{"./cmd/app", "app", true, true, map[string]string{"main.version": "version", "main.rev": "commit", "main.date": "commit_date"}}},
			map[string]string{"main.version": "version", "main.rev": "commit", "main.date": "commit_date"}},
		"recipes define nothing": {"V = x\nrule:\n\tV=1 go build -ldflags=\"-X main.v=$(V)\" .\n", []found{{".", "", false, true, map[string]string{}}}, nil},
		"a workflow": {"env:\n  VERSION: ${{ github.ref_name }}\nsteps:\n- run: go build -trimpath -ldflags \"-X main.tag=${{ env.VERSION }} -X main.sha=${{ github.sha }}\" ./cmd/a ./cmd/b && go build ./cmd/c\n",
			[]found{{"./cmd/a", "", false, true, map[string]string{"main.tag": "tag", "main.sha": "commit"}}, {"./cmd/b", "", false, true, map[string]string{"main.tag": "tag", "main.sha": "commit"}}, {"./cmd/c", "", false, false, nil}},
			map[string]string{"main.tag": "tag", "main.sha": "commit"}},
		"cut by a shell": {"go build -ldflags \"-X main.s=${GITHUB_SHA::7} -X main.v=${GITHUB_REF_NAME#v} -X main.t=${GITHUB_REF_NAME} -X main.r=${GITHUB_REF#refs/tags/} -X main.x=${X:-dev}\" .\n",
			[]found{{".", "", false, true, map[string]string{"main.s": "short_commit", "main.v": "version", "main.t": "tag", "main.r": "tag"}}},
			map[string]string{"main.s": "short_commit", "main.v": "version", "main.t": "tag", "main.r": "tag"}},
		"PowerShell and cmd": {"go build -ldflags \"-X main.v=$env:VERSION -X main.c=%COMMIT%\" -o app.exe .\n",
			[]found{{".", "app", false, true, map[string]string{"main.v": "version", "main.c": "commit"}}}, map[string]string{"main.v": "version", "main.c": "commit"}},
		"services": {"go build -trimpath -ldflags \"-X main.v=${CI_COMMIT_TAG} -X main.c=$CI_COMMIT_SHORT_SHA -X main.r=${{ github.event.release.tag_name }} -X main.o=${{ steps.meta.outputs.version }}\"\n",
			[]found{{".", "", false, true, map[string]string{"main.v": "tag", "main.c": "short_commit", "main.r": "tag", "main.o": "version"}}},
			map[string]string{"main.v": "tag", "main.c": "short_commit", "main.r": "tag", "main.o": "version"}},
		"a Taskfile":          {"cmds:\n  - go build -ldflags=\"-X main.v={{.VERSION}}\" -o out/app.exe .\n", []found{{".", "app", false, true, map[string]string{"main.v": "version"}}}, map[string]string{"main.v": "version"}},
		"a shell script":      {"SHORT=`git rev-parse --short HEAD`\ngo build -ldflags \"-X main.c=$SHORT -X main.t=$(git describe --tags)\"\n", []found{{".", "", false, true, map[string]string{"main.c": "short_commit", "main.t": "tag"}}}, map[string]string{"main.c": "short_commit", "main.t": "tag"}},
		"the module's path":   {"go build example.com/app/cmd/x example.com/other/y\n", []found{{"./cmd/x", "", false, false, nil}, {"./example.com/other/y", "", false, false, nil}}, nil},
		"checks are not":      {"go build ./...\n# go build ./cmd/x\ngo vet ./cmd/x\necho cargo build ./cmd/y\n", nil, nil},
		"a variable of Go":    {"go build -ldflags \"-X main.go=$(GO_VERSION) -X main.golang=$(shell go version)\" .\n", []found{{".", "", false, true, map[string]string{}}}, nil},
		"a library":           {"GOOS=windows go build -buildmode=c-shared -o a.dll ./lib\n", nil, nil},
		"a loop of variables": {"A = $(B)\nB = $(A)\nx:\n\tgo build -ldflags \"$(A) $(MYFLAGS)\" $(B)\nMYFLAGS = $(MYFLAGS) $(MYFLAGS)\n", []found{{".", "", false, true, map[string]string{}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := Shell("f", []byte(c.text), "example.com/app")
			var list []found
			for _, p := range got.Programs {
				list = append(list, found{p.Main, p.Name, p.Windows, p.Careful, p.Link.Variables})
			}
			if !reflect.DeepEqual(list, c.want) {
				t.Errorf("got  %+v\nwant %+v", list, c.want)
			}
			if len(got.Link.Variables)+len(c.link) > 0 && !reflect.DeepEqual(got.Link.Variables, c.link) {
				t.Errorf("the file's variables are %v, want %v", got.Link.Variables, c.link)
			}
		})
	}
}

func TestWinRes(t *testing.T) {
	r, err := WinRes("a/winres/winres.json", []byte(`{
		"RT_GROUP_ICON": {"APP": {"0000": ["16.png", "256.png"]}, "OTHER": {"0000": "other.ico"}},
		"RT_MANIFEST": {"#1": {"0409": {"execution-level": "require administrator", "dpi-awareness": "per monitor v2", "minimum-os": "win10", "ui-access": true, "long-path-aware": true, "use-common-controls-v6": true, "segment-heap": true}}},
		"RT_VERSION": {"#1": {"0000": {"info": {"0407": {"ProductName": "Ding"}, "0409": {"ProductName": "Thing", "CompanyName": " Acme "}}}}}}`))
	want := Resources{From: "a/winres/winres.json", About: About{Company: "Acme", Title: "Thing"}, Icon: "a/winres/256.png",
		Manifest: &Manifest{ExecutionLevel: "requireAdministrator", DPI: "per-monitor-v2", MinimumWindows: "10", UIAccess: true, LongPaths: true, CommonControls: true},
		Notes:    []string{"segment-heap in its manifest has no key in release.yaml; resources.manifest.file takes a whole manifest"}}
	if err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v, %v\nwant %+v", r, err, want)
	}
	for text, want := range map[string]Resources{
		`{"RT_MANIFEST": {"#1": {"0409": "app.manifest"}}}`:                           {From: "winres.json", ManifestFile: "app.manifest"},
		`{"RT_MANIFEST": {"#1": {"0409": {"minimum-os": "win95"}}}}`:                  {From: "winres.json", Notes: []string{"its manifest has a value that is not known here"}},
		`{"RT_GROUP_ICON": {"APP": {"0000": 7}}, "RT_VERSION": {"#1": {"0000": []}}}`: {From: "winres.json"},
		`{}`: {From: "winres.json"},
	} {
		if r, err := WinRes("winres.json", []byte(text)); err != nil || !reflect.DeepEqual(r, want) {
			t.Errorf("%s: got %+v, %v; want %+v", text, r, err, want)
		}
	}
}

func TestLicence(t *testing.T) {
	for text, want := range map[string][2]string{
		"MIT License\n\nCopyright (c) 2018 Jo Example\n\nPermission":           {"Copyright (c) 2018 Jo Example", "Jo Example"},
		"Copyright 2009,2010-2014 The Authors. All rights reserved.\n":         {"Copyright 2009,2010-2014 The Authors", "The Authors"},
		"Copyright (c) 2014- Example, Inc. and others\n":                       {"Copyright (c) 2014- Example, Inc. and others", "Example, Inc. and others"},
		"Copyright © 2020-present Acme Ltd <mail@example.com>":                 {"Copyright © 2020-present Acme Ltd", "Acme Ltd"},
		"Copyright (C) 2012 by Jo http://example.com/jo/\n":                    {"Copyright (C) 2012 by Jo", "Jo"},
		"   Copyright [yyyy] [name of copyright owner]\n":                      {"", ""},
		"Copyright (C) 2007 Free Software Foundation, Inc. <https://fsf.org/>": {"", ""},
		"Copyright 2026 {holder}\nCopyright 2025 Real\n":                       {"Copyright 2025 Real", "Real"},
		"everyone is permitted to copy":                                        {"", ""},
	} {
		notice, holder := Licence([]byte(text))
		if notice != want[0] || holder != want[1] {
			t.Errorf("%q: got %q, %q", text, notice, holder)
		}
	}
}

func TestReadme(t *testing.T) {
	for text, want := range map[string]string{
		"# x\n\n[![b](c)](d) [![e](f)](g)\n\nThe x of all things.\n\nx-tool is a **fast** [tool](u) for `files`. It has more.\n": "x-tool is a fast tool for files.",
		"X Tool\n======\n\nX Tool does\ntwo things at once. Yes.":                                                                "X Tool does two things at once.",
		"<p align=center>x</p>\n\n> x-tool is quoted text.\n\n* x-tool is a list item\n\nA tool for files.\n":                    "A tool for files.",
		"```\nx-tool is a piece of code\n\nA tool in code.\n```\n\nAn exporter of numbers\n":                                     "An exporter of numbers",
		"Special thanks to our sponsor, a good one.\n\nIf you are new here, x-tool is a tool.\n":                                 "",
		"x-tool\n\nshort one\n": "",
		"":                      "",
	} {
		if got := Readme([]byte(strings.ReplaceAll(text, "\n", "\r\n")), "x-tool"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestGenerators(t *testing.T) {
	source := "package x\n\n//go:generate go run ./gen\n// go:generate no\n//go:generate goversioninfo -64\r\n//go:generate go run github.com/tc-hib/go-winres@v0 make\n//go:generate\tstringer -type=T\r\n"
	if got := Generators([]byte(source)); !slices.Equal(got, []string{"go run ./gen", "stringer -type=T"}) {
		t.Errorf("got %q", got)
	}
	if got := IgnoredSources([]byte("*.exe\n/a/b_gen.go\r\nc.go\n*_mock.go\n!keep.go\n# no.go\n")); !slices.Equal(got, []string{"a/b_gen.go", "c.go"}) {
		t.Errorf("got %q", got)
	}
}

// FuzzFiles feeds every reader with foreign bytes: none may panic or hang.
func FuzzFiles(f *testing.F) {
	f.Add([]byte("builds: [{ldflags: ['-X main.v={{ if eq .Os \"windows\" }}{{.Version}}{{ end }}']}]\n"))
	f.Add([]byte("A += -X main.v=$(shell git describe)\n\tGOOS=windows go build -ldflags \"$(A)\" -o x.exe ./...\n"))
	f.Add([]byte(`{"RT_MANIFEST": {"#1": {"0409": {"execution-level": "highest"}}}}`))
	f.Add([]byte("# x\n\nCopyright (c) 2020 Jo\n\nAn *x* for [y](z).\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		Goreleaser("f", b, "m")
		Promu("f", b)
		Shell("f", b, "example.com/m")
		WinRes("f", b)
		VersionInfo("f", b)
		Readme(b, "x")
		Generators(b)
		IgnoredSources(b)
		if notice, holder := Licence(b); (notice == "") != (holder == "") {
			t.Errorf("notice %q, holder %q", notice, holder)
		}
	})
}
