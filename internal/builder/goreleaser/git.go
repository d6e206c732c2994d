package goreleaser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// stubGit is a git that reports no repository.
const stubGit = "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(1) }\n"

// withGit is the environment for goreleaser. goreleaser refuses to start
// without a git command, although a snapshot build needs nothing from it:
// where git is missing a stand-in is compiled.
func (b Builder) withGit(ctx context.Context, work string) ([]string, error) {
	env := builder.Environment(b.Locator.env())
	look := b.Locator.LookPath
	if look == nil {
		look = exec.LookPath
	}
	if _, err := look("git"); err == nil {
		return env, nil
	}
	dir := filepath.Join(work, "git")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making a stand-in for git: %w", err)
	}
	source := filepath.Join(dir, "git.go")
	if err := os.WriteFile(source, []byte(stubGit), 0o644); err != nil {
		return nil, fmt.Errorf("making a stand-in for git: %w", err)
	}
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: []string{"build", "-o", filepath.Join(dir, executable("git")), source}, Dir: dir, Env: env,
	})
	if err != nil {
		return nil, fmt.Errorf("making a stand-in for git: %w", err)
	}
	return builder.Environment(env, "PATH="+dir+string(os.PathListSeparator)+builder.Value(env, "PATH")), nil
}
