package goreleaser

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hallmark-dev/hallmark/internal/builder"
)

// config is the part of goreleaser's configuration that we write
// (https://goreleaser.com/customization/).
type config struct {
	Version     int      `yaml:"version"`
	ProjectName string   `yaml:"project_name"`
	Dist        string   `yaml:"dist"`
	Snapshot    snapshot `yaml:"snapshot"`
	Builds      []build  `yaml:"builds"`
}

type snapshot struct {
	VersionTemplate string `yaml:"version_template"`
}

type build struct {
	ID           string   `yaml:"id"`
	Main         string   `yaml:"main"`
	Binary       string   `yaml:"binary"`
	Targets      []string `yaml:"targets"`
	Env          []string `yaml:"env"`
	Flags        []string `yaml:"flags"`
	Tags         []string `yaml:"tags,omitempty"`
	LDFlags      []string `yaml:"ldflags"`
	ModTimestamp string   `yaml:"mod_timestamp,omitempty"`
}

// suffixes are the instruction set levels in goreleaser's target names; they
// equal those of builder.Environment.
var suffixes = map[string]string{"amd64": "v1", "arm64": "v8.0", "386": "sse2"}

// configuration is the file that goreleaser is given: the user's, adapted, or
// one made from release.yaml. dist is the folder that goreleaser writes to.
func configuration(req builder.Request, dist string) ([]byte, error) {
	if req.Spec.Config != "" {
		return adapt(req, dist)
	}
	return generate(req, dist)
}

// generate writes literal values only: no template of goreleaser's decides
// anything, so the file is complete.
func generate(req builder.Request, dist string) ([]byte, error) {
	c := config{
		Version:     2,
		ProjectName: literal(req.Project.Name),
		Dist:        filepath.ToSlash(dist),
		Snapshot:    snapshot{literal(req.Version)},
	}
	for _, b := range req.Spec.Binaries {
		flags, err := builder.LDFlags(req, b)
		if err != nil {
			return nil, err
		}
		entry := build{
			ID:     b.ID,
			Main:   literal(b.Main),
			Binary: literal(b.Name),
			Env:    builder.Settings(req, builder.Job{Binary: b}),
			Flags:  builder.Flags(req.Spec),
			Tags:   literals(req.Spec.Tags),
			// Without an entry goreleaser would use its own flags.
			LDFlags: []string{literal(flags)},
		}
		for _, name := range req.Spec.Targets {
			t, err := builder.ParseTarget(name)
			if err != nil {
				return nil, err
			}
			entry.Targets = append(entry.Targets, t.GOOS+"_"+t.GOARCH+"_"+cmp.Or(t.Level, suffixes[t.GOARCH]))
		}
		if !req.Date.IsZero() {
			entry.ModTimestamp = strconv.FormatInt(req.Date.Unix(), 10)
		}
		c.Builds = append(c.Builds, entry)
	}
	return encode("# Written by hallmark from release.yaml.\n", c)
}

func encode(head string, v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(head)
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("writing goreleaser's configuration: %v", err)
	}
	return b.Bytes(), e.Close()
}

// literal keeps goreleaser from reading s as a template.
func literal(s string) string { return strings.ReplaceAll(s, "{{", `{{ "{{" }}`) }

func literals(list []string) []string {
	out := make([]string, 0, len(list)+1)
	for _, s := range list {
		out = append(out, literal(s))
	}
	return out
}
