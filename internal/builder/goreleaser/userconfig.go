package goreleaser

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// maxConfig bounds a user's configuration file, in bytes.
const maxConfig = 1 << 20

// signing are the sections of goreleaser's that sign during the build part.
// Here the pipeline signs; a signature from before the version information is
// written could not stay valid.
var signing = []string{"binary_signs", "notarize"}

// adapt takes the user's configuration and changes what has to be: goreleaser
// must not write to the user's dist folder, which holds our results too; the
// version is that of the release; nothing signs.
func adapt(req builder.Request, dist string) ([]byte, error) {
	root, err := readConfig(resolve(req.Root, req.Spec.Config), req.Spec.Config)
	if err != nil {
		return nil, err
	}
	set(root, "dist", scalar(filepath.ToSlash(dist)))
	section := &yaml.Node{Kind: yaml.MappingNode}
	set(section, "version_template", scalar(literal(req.Version)))
	set(root, "snapshot", section)
	for _, key := range signing {
		remove(root, key)
	}
	return encode("# Adapted by hallmark from "+filepath.Base(req.Spec.Config)+".\n", root)
}

func resolve(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, filepath.FromSlash(path))
}

func readConfig(path, name string) (*yaml.Node, error) {
	b, err := readBounded(path, maxConfig)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Usage, "build.config: there is no file %s", name)
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "build.config: reading %s: %w", name, err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, fault.New(fault.Usage, "build.config: reading %s: %v", name, err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fault.New(fault.Usage, "build.config: %s is not a goreleaser configuration", name).
			Hint("goreleaser init writes one")
	}
	return doc.Content[0], nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("it is larger than %d bytes", limit)
	}
	return b, err
}

func scalar(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

func set(mapping *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, scalar(key), value)
}

func remove(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = append(mapping.Content[:i], mapping.Content[i+2:]...)
			return
		}
	}
}
