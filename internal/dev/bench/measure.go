package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// usage is what one run of a command took, as the program in launch writes it.
type usage struct {
	Wall, CPU time.Duration
	Peak, Own int64
	Exit      int
}

// command is a program to measure.
type command struct {
	args []string
	env  []string // beside that of this process
	dir  string
	// clean is called before every run and not measured.
	clean func() error
	// cpus bounds the processors that the command may use; 0 is all of them.
	cpus int
}

// buildLauncher compiles the program that runs and measures others.
func (s *session) buildLauncher(ctx context.Context) error {
	s.launcher = filepath.Join(s.dir, "launch.exe")
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: []string{"build", "-ldflags=-s -w", "-o", s.launcher, "github.com/hallmark-dev/hallmark/internal/dev/bench/launch"},
		Env: append(os.Environ(), "CGO_ENABLED=0"),
	})
	return err
}

// once runs the command once. It has to succeed.
func (s *session) once(ctx context.Context, c command) (usage, error) {
	if c.clean != nil {
		if err := c.clean(); err != nil {
			return usage{}, err
		}
	}
	result := filepath.Join(s.dir, "usage.json")
	cmd := exec.CommandContext(ctx, s.launcher, append([]string{result}, c.args...)...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), c.env...)
	if err := startOn(c.cpus, cmd); err != nil {
		return usage{}, err
	}
	if err := cmd.Wait(); err != nil {
		return usage{}, fmt.Errorf("%w\n%s", err, tail(output.String()))
	}
	b, err := os.ReadFile(result)
	if err != nil {
		return usage{}, err
	}
	var u usage
	if err := json.Unmarshal(b, &u); err != nil {
		return usage{}, err
	}
	if u.Exit != 0 {
		return u, fmt.Errorf("%s ended with exit status %d\n%s", strings.Join(c.args, " "), u.Exit, tail(output.String()))
	}
	s.floor = max(s.floor, u.Own)
	return u, nil
}

// inTurn runs the commands n times in turn, after one run each that does not
// count. The result has the runs of each command.
func (s *session) inTurn(ctx context.Context, n int, commands ...command) ([][]usage, error) {
	all := make([][]usage, len(commands))
	for i := range n + 1 {
		for j, c := range commands {
			u, err := s.once(ctx, c)
			if err != nil {
				return nil, err
			}
			if i > 0 {
				all[j] = append(all[j], u)
			}
		}
	}
	return all, nil
}

// of reads one figure of all runs.
func of(runs []usage, figure func(usage) float64) []float64 {
	out := make([]float64, len(runs))
	for i, u := range runs {
		out[i] = figure(u)
	}
	return out
}

func wall(u usage) float64 { return float64(u.Wall) }
func cpu(u usage) float64  { return float64(u.CPU) }
func rss(u usage) float64  { return float64(u.Peak) }

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	if n == 0 {
		return 0
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}

// ratio is the median of a/b, pair by pair.
func ratio(a, b []float64) float64 {
	r := make([]float64, min(len(a), len(b)))
	for i := range r {
		r[i] = a[i] / b[i]
	}
	return median(r)
}

// tail is the end of what a program said, a few lines of it.
func tail(output string) string {
	const most = 12
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if len(lines) > most {
		lines = append([]string{"…"}, lines[len(lines)-most:]...)
	}
	return strings.Join(lines, "\n")
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
