package release

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/hallmark-dev/hallmark/internal/step"
)

// goreleaserFiles are where goreleaser looks for its configuration.
var goreleaserFiles = []string{".config/goreleaser.yml", ".config/goreleaser.yaml", ".goreleaser.yml", ".goreleaser.yaml", "goreleaser.yml", "goreleaser.yaml"}

// examineDist warns of a goreleaser configuration that writes into the same
// folder: goreleaser release --clean would empty it.
func examineDist(_ context.Context, o Options) diagnosis {
	for _, name := range goreleaserFiles {
		b, err := os.ReadFile(filepath.Join(o.Root, filepath.FromSlash(name)))
		if err != nil {
			continue
		}
		var c struct{ Dist string }
		if err := yaml.Unmarshal(b, &c); err != nil {
			return diagnosis{what: "dist/", missing: true, text: fmt.Sprintf("%s cannot be read: %v", name, err)}
		}
		if c.Dist == "" || path.Clean(filepath.ToSlash(c.Dist)) == step.Dist {
			return diagnosis{what: "dist/", missing: true, text: fmt.Sprintf("goreleaser writes into the same folder by %s, and goreleaser --clean empties it", name),
				hint: "add dist: out/goreleaser to " + name + " if you also run goreleaser yourself"}
		}
		break
	}
	return examined("dist/", "no other tool is known to write there", nil)
}
