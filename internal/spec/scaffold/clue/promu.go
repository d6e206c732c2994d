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
	if err := decode(b, &p); err != nil {
		return Build{}, err
	}
	out := Build{From: from}
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

// decode reads the first YAML document of a foreign file; what we do not know
// is not looked at.
func decode(b []byte, into any) error {
	err := yaml.NewDecoder(bytes.NewReader(b)).Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
