package builder

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// maxNamed is how many changed files an error names.
const maxNamed = 5

// CheckVCS makes sure, for build.vcs: on, that what is stamped into the program
// is true: git is there and the tree equals its commit. For trying out a stamp
// that says +dirty will do, and note tells of it; building twice from a clone of
// the commit would not give it.
func CheckVCS(ctx context.Context, req Request, env []string) (note string, err error) {
	if req.Spec.VCS != "on" {
		return "", nil
	}
	out, err := childproc.Run(ctx, childproc.Cmd{Path: "git", Args: []string{"status", "--porcelain"}, Dir: req.Root, Env: env})
	if errors.Is(err, exec.ErrNotFound) {
		return "", fault.New(fault.Other, "build.vcs is on, but git is not in PATH").Hint("install git, or set build.vcs to off")
	}
	if err != nil {
		return "", fault.New(fault.Other, "build.vcs is on, but %s is not a git work tree: %w", req.Root, err).
			Hint("set build.vcs to off to build outside a repository")
	}
	if out = strings.TrimRight(out, "\n"); out == "" {
		return "", nil
	}
	changed := strings.Split(out, "\n")
	if req.Trying && req.Spec.Reproducible != "verify" {
		return fmt.Sprintf("the work tree has %d change(s), so Go stamps the version with +dirty", len(changed)), nil
	}
	named := changed[:min(len(changed), maxNamed)]
	return "", fault.New(fault.Other, "build.vcs is on, but the work tree has %d change(s):\n%s", len(changed), strings.Join(named, "\n")).
		Hint("commit or remove them (is dist/ in .gitignore?), or set build.vcs to off")
}
