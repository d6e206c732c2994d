// Package bench measures what the documentation claims about speed and
// memory, beside osslsigncode and relic on the same files, with the same key
// and the same hash, in the same run. It is behind the target bench of this
// repository's magefile.
//
// Every figure is one of a whole process, as the operating system accounts
// for it: our side is the program hallmark, compiled first, with the targets
// that users call. Programs that are compared run in turn, A B A B, and the ratio is
// the median of the ratios of the pairs, so that a machine that changes its
// speed changes both sides. What was written is verified by both sides.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Runs is how often each measurement of a single file is made; those that take
// seconds are made less often.
const Runs = 11

// session is one run of the benchmark.
type session struct {
	self     string // the program hallmark
	launcher string // the program that runs and measures others
	dir      string // everything that is made
	ossl     string // osslsigncode, "" if it is not installed
	openssl  string // openssl, "" if it is not installed
	relic    string // the program around relic, "" if it could not be built
	runs     int
	log      io.Writer
	table    table
	in       inputs
	floor    int64 // the launcher's own peak memory
}

// Run measures everything and writes the table to out; what is being done goes
// to log. Single files are measured n times, 0 means Runs; with only, just the measurements whose names have it in them are made. That a bar is missed is part of the table and no error; a
// measurement that fails, or a signature that does not verify, is one. The
// other measurements are still made.
func Run(ctx context.Context, out, log io.Writer, n int, only string) (err error) {
	s := &session{log: log, runs: n}
	if n <= 0 {
		s.runs = Runs
	}
	if s.dir, err = os.MkdirTemp("", "hallmark-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if err := s.buildProgram(ctx); err != nil {
		return err
	}
	before := load()
	s.say("making keys and files in %s", s.dir)
	if err := s.makeInputs(ctx); err != nil {
		return err
	}
	if err := s.buildLauncher(ctx); err != nil {
		return err
	}
	s.findOthers(ctx)
	var errs []error
	for _, m := range measurements {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !strings.Contains(m.name, only) {
			continue
		}
		s.say("%s", m.name)
		if err := m.run(s, ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	s.table.machine = machine(before, load(), s.floor)
	_, err = io.WriteString(out, s.table.String())
	return errors.Join(append(errs, err)...)
}

// measurements in the order of the table.
var measurements = []struct {
	name string
	run  func(*session, context.Context) error
}{
	{"starting", (*session).start},
	{"signing a large file", (*session).signLarge},
	{"signing many files", (*session).signMany},
	{"memory of signing", (*session).signMemory},
	{"verifying a large file", (*session).verifyLarge},
	{"verifying hostile files", (*session).hostileFiles},
	{"compiling a policy", (*session).compilePolicy},
	{"making catalogs", (*session).makeCatalogs},
	{"making a catalog beside makecat", (*session).besideMakecat},
	{"scanning for a policy", (*session).scanPolicy},
	{"releasing with nothing to do", (*session).releaseNothing},
}

// buildProgram compiles hallmark as people install it.
func (s *session) buildProgram(ctx context.Context) error {
	s.say("compiling hallmark")
	s.self = filepath.Join(s.dir, "hallmark")
	if runtime.GOOS == "windows" {
		s.self += ".exe"
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", s.self, "./cmd/hallmark").CombinedOutput()
	if err != nil {
		return fmt.Errorf("compiling hallmark: %w\n%s", err, out)
	}
	return nil
}

// startBar is for a start of the program that does nothing.
const startBar = float64(20 * time.Millisecond)

func (s *session) start(ctx context.Context) error {
	all, err := s.inTurn(ctx, s.runs, command{args: []string{s.self, "version"}, dir: s.dir})
	if err != nil {
		return err
	}
	s.table.add("start: wall time", median(of(all[0], wall)), startBar, duration)
	return nil
}

// few is how often something is measured that takes seconds.
func (s *session) few() int { return (s.runs + 2) / 3 }

func (s *session) say(format string, args ...any) { fmt.Fprintf(s.log, format+" …\n", args...) }

// findOthers looks for the tools to compare with. Without them only our own
// figures are shown.
func (s *session) findOthers(ctx context.Context) {
	var err error
	if s.ossl, err = exec.LookPath("osslsigncode"); err != nil {
		s.table.note("osslsigncode is not installed, so nothing is compared with it (Debian, Ubuntu: apt install osslsigncode; macOS: brew install osslsigncode).")
	}
	if s.openssl, err = exec.LookPath("openssl"); err != nil {
		s.table.note("openssl is not installed, so verifying is not compared with hashing.")
	}
	s.say("building a program around relic")
	if s.relic, err = buildRelic(ctx, filepath.Join(s.dir, "relic")); err != nil {
		s.relic = ""
		s.table.note("relic could not be built, so nothing is compared with it: %s", firstLine(err))
	}
}
