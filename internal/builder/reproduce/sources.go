package reproduce

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// copySources returns the root of a copy. With version control stamping the
// copy is a clone, since the stamp is read from the repository; CheckVCS has
// made sure that the tree equals the commit. Otherwise it is a copy of all
// files but our output and the repository.
func (b *Builder) copySources(ctx context.Context, req builder.Request, work string) (string, error) {
	if req.Spec.VCS == "on" {
		return b.clone(ctx, req.Root, filepath.Join(work, "clone"))
	}
	replaced, err := b.replaced(ctx, req.Root)
	if err != nil {
		return "", err
	}
	root := filepath.Join(work, filepath.FromSlash(strings.Repeat("d/", climbs(replaced))), "src")
	if err := copyTree(ctx, root, req.Root, skip(req)); err != nil {
		return "", err
	}
	return root, appear(ctx, root, req.Root, replaced)
}

func (b *Builder) clone(ctx context.Context, root, to string) (string, error) {
	git := func(dir string, args ...string) (string, error) {
		out, err := childproc.Run(ctx, childproc.Cmd{Path: "git", Args: args, Dir: dir, Env: b.env()})
		return strings.TrimRight(out, "\r\n"), err
	}
	top, err := git(root, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", fmt.Errorf("cloning the repository: %w", err)
	}
	prefix, err := git(root, "rev-parse", "--show-prefix")
	if err != nil {
		return "", fmt.Errorf("cloning the repository: %w", err)
	}
	if _, err := git(root, "clone", "-q", "--", filepath.FromSlash(top), to); err != nil {
		return "", fmt.Errorf("cloning the repository: %w", err)
	}
	return filepath.Join(to, filepath.FromSlash(prefix)), nil
}

// replaced lists the folders outside root that go.mod names by relative path.
func (b *Builder) replaced(ctx context.Context, root string) ([]string, error) {
	out, err := childproc.Run(ctx, childproc.Cmd{Path: "go", Args: []string{"mod", "edit", "-json"}, Dir: root, Env: builder.Environment(b.env())})
	if err != nil {
		return nil, fmt.Errorf("reading go.mod: %w", err)
	}
	var mod struct {
		Replace []struct{ New struct{ Path string } }
	}
	if err := json.Unmarshal([]byte(out), &mod); err != nil {
		return nil, fmt.Errorf("reading go.mod: %v", err)
	}
	var list []string
	for _, r := range mod.Replace {
		if p := filepath.Clean(filepath.FromSlash(r.New.Path)); strings.HasPrefix(r.New.Path, ".") && !filepath.IsLocal(p) {
			list = append(list, p)
		}
	}
	return list, nil
}

// climbs is how many folders the deepest ../../x goes up.
func climbs(paths []string) int {
	most := 0
	for _, p := range paths {
		most = max(most, strings.Count(p+string(filepath.Separator), ".."+string(filepath.Separator)))
	}
	return most
}

// appear makes the replaced folders appear at the same relative path from the
// copy: their path is in the program's build information and must not change.
// Windows asks for a privilege to make links, so they are copied there.
func appear(ctx context.Context, copied, root string, replaced []string) error {
	for _, p := range replaced {
		to := filepath.Join(copied, p)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("linking %s: %w", p, err)
		}
		from := filepath.Join(root, p)
		if runtime.GOOS == "windows" {
			if err := copyTree(ctx, to, from, map[string]bool{".git": true}); err != nil {
				return err
			}
			continue
		}
		if err := os.Symlink(from, to); err != nil {
			return fmt.Errorf("linking the replaced module %s: %w", p, err)
		}
	}
	return nil
}

// skip names what is not source: the repository, our state, and the folder at
// the top of the project that receives the output.
func skip(req builder.Request) map[string]bool {
	names := map[string]bool{".git": true, ".hallmark": true}
	if rel, err := filepath.Rel(req.Root, req.Out); err == nil && filepath.IsLocal(rel) && rel != "." {
		top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		names[top] = true
	}
	return names
}

// copyTree copies files and folders; links are made anew, those to the outside
// with an absolute target.
func copyTree(ctx context.Context, to, from string, skip map[string]bool) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("copying the sources: %w", err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return fmt.Errorf("copying the sources: %w", err)
		}
		if skip[rel] {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if err := copyEntry(filepath.Join(to, rel), path, from, d); err != nil {
			return fmt.Errorf("copying the sources: %w", err)
		}
		return nil
	})
}

func copyEntry(to, from, root string, d fs.DirEntry) error {
	switch {
	case d.IsDir():
		return os.MkdirAll(to, 0o755)
	case d.Type()&fs.ModeSymlink != 0:
		return copyLink(to, from, root)
	case d.Type().IsRegular():
		return copyFile(to, from)
	}
	return nil // sockets, devices: no source
}

func copyLink(to, from, root string) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(target) {
		full := filepath.Join(filepath.Dir(from), target)
		if rel, err := filepath.Rel(root, full); err != nil || !filepath.IsLocal(rel) {
			target = full
		}
	}
	return os.Symlink(target, to)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
