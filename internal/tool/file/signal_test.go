//go:build unix

package file

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// TestTerminated: SIGTERM, with which CI systems end a args.Job, leaves the program as it was and nothing beside it.
func TestTerminated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.exe")
	if err := os.WriteFile(path, []byte("program"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := args.Each(t.Context(), console.New(io.Discard, console.Options{}), []args.Job{{In: path, Out: path}}, 0, func(ctx context.Context, j args.Job) (string, error) {
		return "", rewrite(j, func(_ *args.Source, dst *os.File) error {
			if _, err := dst.WriteString("half"); err != nil {
				return err
			}
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		})
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "program" {
		t.Errorf("the program is %q, %v", b, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%d files in the folder, %v", len(left), err)
	}
}
