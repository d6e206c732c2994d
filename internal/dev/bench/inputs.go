package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// Sizes of the inputs in bytes.
const (
	largeSize = 100_000_000
	hugeSize  = 1_000_000_000
	manyFiles = 200
)

// inputs are the files that are measured with, as paths.
type inputs struct {
	key          keyFiles
	small, large string // a Go program; the same with random data behind it
	many         string // folder of manyFiles programs, all different
}

// makeInputs makes key and files.
func (s *session) makeInputs(ctx context.Context) (err error) {
	if s.in.key, err = makeKey(s.dir); err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	s.in.small = filepath.Join(s.dir, "small.exe")
	if err := compile(ctx, filepath.Join(s.dir, "program"), s.in.small); err != nil {
		return err
	}
	s.in.large = filepath.Join(s.dir, "large.exe")
	if err := grow(s.in.large, s.in.small, largeSize); err != nil {
		return err
	}
	s.in.many = filepath.Join(s.dir, "many")
	if err := os.Mkdir(s.in.many, 0o755); err != nil {
		return err
	}
	for i := range manyFiles {
		if err := tagged(filepath.Join(s.in.many, fmt.Sprintf("p%03d.exe", i)), s.in.small, i); err != nil {
			return err
		}
	}
	return nil
}

const programSource = `package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println("hello from", os.Args[0]) }
`

// compile makes a small Windows program in the folder dir.
func compile(ctx context.Context, dir, out string) error {
	if err := writeAll(dir, map[string]string{"go.mod": "module program\n\ngo 1.26\n", "main.go": programSource}); err != nil {
		return err
	}
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: []string{"build", "-trimpath", "-ldflags=-s -w", "-o", out}, Dir: dir,
		Env: append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"),
	})
	return err
}

// writeAll makes the folder dir with files of the given contents.
func writeAll(dir string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// grow copies the file from to path and appends random bytes up to size.
func grow(path, from string, size int64) error {
	return copied(path, from, func(f *os.File, has int64) error {
		_, err := io.CopyN(f, rand.NewChaCha8([32]byte{1}), size-has)
		return err
	})
}

// tagged copies the file from to path and appends eight bytes that tell n.
func tagged(path, from string, n int) error {
	return copied(path, from, func(f *os.File, _ int64) error {
		_, err := fmt.Fprintf(f, "%08d", n)
		return err
	})
}

// sparse copies the file from to path and lengthens it to size by a hole.
func sparse(path, from string, size int64) error {
	return copied(path, from, func(f *os.File, _ int64) error { return f.Truncate(size) })
}

// copied copies the file from to path and lets more add to it, knowing how
// long it is. The file is on disk afterwards, so that writing it does not
// disturb what is measured.
func copied(path, from string, more func(f *os.File, has int64) error) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.Copy(f, in)
	if err != nil {
		return err
	}
	if err := more(f, n); err != nil {
		return err
	}
	return f.Sync()
}

// emptied returns a function that leaves dir an empty folder.
func emptied(dir string) func() error {
	return func() error {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		return os.Mkdir(dir, 0o755)
	}
}

// removed returns a function that removes a file if it is there.
func removed(path string) func() error {
	return func() error { return os.RemoveAll(path) }
}
