package interrupt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
)

// TestMain lets the test binary play a run that is interrupted.
func TestMain(m *testing.M) {
	path := os.Getenv("INTERRUPT_TEST")
	if path == "" {
		os.Exit(m.Run())
	}
	err := Run(context.Background(), func(ctx context.Context) error {
		one := func() error {
			return atomicfile.WriteFunc(path, 0o644, func(f *os.File) error {
				f.WriteString("half")
				fmt.Println("ready")
				halfway()
				<-ctx.Done()
				return fmt.Errorf("a.exe: %w", ctx.Err())
			})
		}
		return errors.Join(one(), fmt.Errorf("b.exe: %w", ctx.Err()))
	})
	fmt.Fprintf(os.Stderr, "Error: %v\n", err)
	os.Exit(1)
}

// start starts such a run and returns when it is halfway through a file.
func start(t *testing.T, prepare func(*exec.Cmd)) (cmd *exec.Cmd, path string, stderr *strings.Builder) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a.exe")
	if err := os.WriteFile(path, []byte("program"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "INTERRUPT_TEST="+path)
	stderr = &strings.Builder{}
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || strings.TrimSpace(line) != "ready" {
		t.Fatalf("the run says %q, %v", line, err)
	}
	go io.Copy(io.Discard, stdout) //nolint:errcheck // nothing more comes
	return cmd, path, stderr
}

// endedWell checks that a run was interrupted and left nothing half-written.
func endedWell(t *testing.T, cmd *exec.Cmd, path, said, by string) {
	t.Helper()
	if want := "Error: interrupted by " + by + "\nhint: run the same command again: "; !strings.HasPrefix(said, want) || strings.Contains(said, "context canceled") {
		t.Errorf("it says %q, want %q and no more", said, want)
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("the exit status is %d, want 1", code)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "program" {
		t.Errorf("the program is %q, %v", b, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%d files in the folder, %v", len(left), err)
	}
}

func TestExplain(t *testing.T) {
	other := errors.New("bad digest")
	signalled, cancel := context.WithCancelCause(t.Context())
	cancel(&Error{os.Interrupt})
	byMage, stop := context.WithCancel(t.Context())
	stop()
	late, end := context.WithTimeout(t.Context(), 0)
	defer end()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want string
	}{
		"nothing failed":        {signalled, nil, "<nil>"},
		"not interrupted":       {t.Context(), other, "bad digest"},
		"every file":            {signalled, errors.Join(fmt.Errorf("a: %w", context.Canceled), fmt.Errorf("b: %w", context.Canceled)), "interrupted by " + names[os.Interrupt] + "\nhint: …"},
		"mage noticed first":    {byMage, context.Canceled, "interrupted by " + names[os.Interrupt] + "\nhint: …"},
		"another fault as well": {signalled, errors.Join(context.Canceled, other), "interrupted by " + names[os.Interrupt] + "\nhint: …\ncontext canceled\nbad digest"},
		"mage's time limit":     {late, context.DeadlineExceeded, "context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			got := fmt.Sprint(explain(c.ctx, c.err))
			got = strings.Replace(got, "run the same command again: every file is either finished or as it was", "…", 1)
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
