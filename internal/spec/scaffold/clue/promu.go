package clue

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// promu is what we read of a .promu.yml (https://github.com/prometheus/promu).
type promu struct {
	Go struct {
		CGo bool `yaml:"cgo"`
	} `yaml:"go"`
	Build struct {
		Binaries []struct {
			Name string `yaml:"name"`
			Path string `yaml:"path"`
		} `yaml:"binaries"`
		Flags   string              `yaml:"flags"`
		LDFlags string              `yaml:"ldflags"`
		Tags    map[string][]string `yaml:"tags"`
	} `yaml:"build"`
	Crossbuild struct {
		Platforms []string `yaml:"platforms"`
	} `yaml:"crossbuild"`
}

// Promu reads a .promu.yml. Errors are those of YAML.
func Promu(from string, b []byte) (Build, error) {
	var p promu
	odd, err := decode(b, &p)
	if err != nil {
		return Build{}, err
	}
	out := Build{From: from, Notes: odd}
	if list := p.Crossbuild.Platforms; len(list) > 0 && !slices.ContainsFunc(list, onWindows) {
		return out, nil
	}
	for _, one := range p.Build.Binaries {
		program := Program{Main: mainOf("", one.Path), Name: programName(one.Name, ""), Cgo: p.Go.CGo}
		program.Link, program.GUI = readLink(expand(p.Build.LDFlags, ""))
		program.Tags = tagsOf(slices.Concat(p.Build.Tags["all"], p.Build.Tags["windows"]), []string{p.Build.Flags}, "")
		for _, arch := range known {
			if slices.Contains(p.Crossbuild.Platforms, "windows/"+arch) {
				program.Architectures = append(program.Architectures, arch)
			}
		}
		out.Programs = append(out.Programs, program)
	}
	return out, nil
}

func onWindows(platform string) bool { return strings.HasPrefix(platform, "windows") }

// decode reads the first YAML document of a foreign file. What is unknown here is
// not looked at; values of another kind than expected are left out, and odd
// names where.
func decode(b []byte, into any) (odd []string, err error) {
	err = yaml.NewDecoder(bytes.NewReader(b)).Decode(into)
	if kinds := (*yaml.TypeError)(nil); errors.As(err, &kinds) {
		for _, e := range kinds.Errors {
			where, _, _ := strings.Cut(e, ":")
			odd = append(odd, where+" has a value of another kind than expected, which was left out")
		}
		return odd, nil
	}
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return nil, err
}
