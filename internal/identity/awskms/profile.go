package awskms

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// profiles are the sections of the shared config and credentials files, by
// profile, both files together.
type profiles map[string]map[string]string

// get is the profile of that name, default for "".
func (p profiles) get(name string) map[string]string { return p[cmp.Or(name, "default")] }

// maxProfileFile bounds a file in bytes.
const maxProfileFile = 1 << 20

// readProfiles reads ~/.aws/config and ~/.aws/credentials, or what the
// environment names instead. The credentials file goes first where both say
// something.
func readProfiles(env service.Env) (profiles, error) {
	p := profiles{}
	for _, f := range []struct {
		variable, name string
		config         bool
	}{{"AWS_CONFIG_FILE", "config", true}, {"AWS_SHARED_CREDENTIALS_FILE", "credentials", false}} {
		path := env.Getenv(f.variable)
		if path == "" && env.Home == "" {
			continue
		}
		b, err := os.ReadFile(cmp.Or(path, filepath.Join(env.Home, ".aws", f.name)))
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == "":
			continue
		case err != nil:
			return nil, fault.New(fault.Usage, "reading AWS profiles: %v", err).Hint("see %s", f.variable)
		case len(b) > maxProfileFile:
			return nil, fault.New(fault.Usage, "reading AWS profiles: the file %s is larger than %d bytes", f.name, maxProfileFile).Hint("see %s", f.variable)
		}
		p.add(b, f.config)
	}
	return p, nil
}

// add reads one file (AWS SDKs and Tools Reference Guide, "Shared config and
// credentials files"). In the config file a section is [profile NAME] or
// [default]; sections of other kinds, such as sso-session, are left out.
// Indented lines belong to nested settings, which nothing here needs.
func (p profiles) add(b []byte, config bool) {
	var current map[string]string
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, maxProfileFile)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), " \t\r")
		switch {
		case line == "" || strings.ContainsAny(line[:1], "#;"):
		case line[0] == '[':
			current = p.section(line, config)
		case line[0] == ' ' || line[0] == '\t' || current == nil:
		default:
			if name, value, ok := strings.Cut(line, "="); ok {
				value, _, _ = strings.Cut(value, " #") // a comment needs white space before it
				current[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
			}
		}
	}
}

// section is the map of the profile that a line in brackets begins, or nil.
func (p profiles) section(line string, config bool) map[string]string {
	title, _, ok := strings.Cut(line[1:], "]")
	if !ok {
		return nil
	}
	name := strings.TrimSpace(title)
	if words := strings.Fields(title); config && name != "default" {
		if len(words) != 2 || words[0] != "profile" {
			return nil
		}
		name = words[1]
	}
	if p[name] == nil {
		p[name] = map[string]string{}
	}
	return p[name]
}
