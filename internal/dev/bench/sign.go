package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Bars of signing, as parts of what osslsigncode takes, and of verifying, as
// part of what hashing the same file with openssl takes.
const (
	signLargeBar   = 0.5
	signManyBar    = 0.25
	verifyLargeBar = 1.15
	twoBar         = 1 / 1.8  // time on two processors, of that on one
	memoryBar      = 24 << 20 // bytes, whatever the size of the file
)

// out is a folder for results of one tool.
func (s *session) out(tool string) string { return filepath.Join(s.dir, "out-"+tool) }

// against is one tool to compare with: its name, its command and the bars of
// its ratios.
type against struct {
	name string
	command
	bar float64
}

// versus runs ours in turn with the others, adds a row for wall time and one
// for processor time for each, and returns all runs, ours first.
func (s *session) versus(ctx context.Context, what string, n int, ours command, others ...against) ([][]usage, error) {
	commands := []command{ours}
	for _, o := range others {
		commands = append(commands, o.command)
	}
	all, err := s.inTurn(ctx, n, commands...)
	if err != nil {
		return nil, err
	}
	if len(others) == 0 {
		s.table.compare(what+": wall time", of(all[0], wall), nil, 0, "", duration)
	}
	for i, o := range others {
		s.table.compare(what+": wall time", of(all[0], wall), of(all[i+1], wall), o.bar, o.name, duration)
	}
	for i, o := range others {
		s.table.compare(what+": processor time", of(all[0], cpu), of(all[i+1], cpu), 0, o.name, duration)
	}
	return all, nil
}

func (s *session) signLarge(ctx context.Context) error {
	for _, pages := range []bool{false, true} {
		what := "sign 100 MB"
		if pages {
			what += " with page hashes"
		}
		ours, others := s.signers(pages)
		all, err := s.versus(ctx, what, s.runs, ours, others...)
		if err != nil {
			return err
		}
		s.table.add(what+": peak memory", median(of(all[0], rss)), memoryBar, size)
		for i, o := range others {
			s.table.compare(what+": peak memory", of(all[0], rss), of(all[i+1], rss), 0, o.name, size)
		}
		for _, tool := range []string{"ours", "osslsigncode", "relic"} {
			file := filepath.Join(s.out(tool), filepath.Base(s.in.large))
			if _, err := os.Stat(file); err != nil {
				continue // not installed
			}
			if err := s.verified(ctx, file); err != nil {
				return fmt.Errorf("what %s signed: %w", tool, err)
			}
		}
	}
	return nil
}

// signers are the commands that sign the large file.
func (s *session) signers(pages bool) (command, []against) {
	var others []against
	if s.ossl != "" {
		others = append(others, against{"osslsigncode", s.osslSigns(s.in.large, s.out("osslsigncode"), pages), signLargeBar})
	}
	if s.relic != "" {
		others = append(others, against{"relic", s.relicSigns(s.out("relic"), pages, s.in.large), 0})
	}
	return s.oursSigns(s.in.large, s.out("ours"), pages), others
}

// signMany signs many small files: in one run, beside one call for each; on
// one processor, then on two.
func (s *session) signMany(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(s.in.many, "*.exe"))
	if err != nil {
		return err
	}
	ours := s.oursSigns(filepath.Join(s.in.many, "*.exe"), s.out("ours"), false)
	ours.cpus = 1
	var others []against
	if s.ossl != "" {
		others = append(others, against{"osslsigncode", s.osslSignsEach(files, s.out("osslsigncode")), signManyBar})
	}
	if s.relic != "" {
		c := s.relicSigns(s.out("relic"), false, files...)
		c.cpus = 1
		others = append(others, against{"relic", c, 0})
	}
	what := fmt.Sprintf("sign %d files of 1.7 MB, one processor", manyFiles)
	if _, err := s.versus(ctx, what, s.few(), ours, others...); err != nil {
		return err
	}
	if err := s.verifyMany(ctx); err != nil {
		return err
	}
	return s.scaling(ctx, ours)
}

// osslSignsEach calls osslsigncode once for each file, from a shell.
func (s *session) osslSignsEach(files []string, out string) command {
	var script strings.Builder
	for _, f := range files {
		for _, a := range s.osslSigns(f, out, false).args {
			fmt.Fprintf(&script, "'%s' ", a)
		}
		script.WriteString("|| exit 1\n")
	}
	return command{args: []string{"sh", "-c", script.String()}, dir: s.dir, clean: emptied(out), cpus: 1}
}

// verifyMany lets both sides verify what ours signed.
func (s *session) verifyMany(ctx context.Context) error {
	all := filepath.Join(s.out("ours"), "*.exe")
	if _, err := s.once(ctx, s.oursVerifies(all)); err != nil {
		return err
	}
	signed, err := filepath.Glob(all)
	if err != nil || len(signed) != manyFiles {
		return fmt.Errorf("%d files were signed, wanted %d", len(signed), manyFiles)
	}
	for _, f := range signed {
		if s.ossl == "" {
			break
		}
		if _, err := s.once(ctx, s.osslVerifies(f)); err != nil {
			return err
		}
	}
	return nil
}

// scaling compares the same command on one and on two processors. Without the
// overhead of starting, half the time would be the best.
func (s *session) scaling(ctx context.Context, one command) error {
	if !canPin {
		s.table.note("How signing scales with processors was not measured: this system cannot bind a program to some of them.")
		return nil
	}
	two := one
	two.cpus = 2
	all, err := s.inTurn(ctx, s.few(), two, one)
	if err != nil {
		return err
	}
	s.table.compare(fmt.Sprintf("sign %d files, two processors beside one: wall time", manyFiles), of(all[0], wall), of(all[1], wall), twoBar, "one processor", duration)
	return nil
}

// signMemory shows that memory does not depend on the size of the file.
func (s *session) signMemory(ctx context.Context) error {
	huge := filepath.Join(s.dir, "huge.exe")
	if err := sparse(huge, s.in.small, hugeSize); err != nil {
		return err
	}
	defer os.Remove(huge)
	for _, c := range []struct{ what, file string }{{"1.7 MB", s.in.small}, {"1 GB", huge}} {
		u, err := s.once(ctx, s.oursSigns(c.file, s.out("ours"), false))
		if err != nil {
			return err
		}
		s.table.add("sign "+c.what+": peak memory", rss(u), memoryBar, size)
	}
	return emptied(s.out("ours"))()
}

func (s *session) verifyLarge(ctx context.Context) error {
	for _, pages := range []bool{false, true} {
		what := "verify 100 MB"
		if pages {
			what += " with page hashes"
		}
		if _, err := s.once(ctx, s.oursSigns(s.in.large, s.out("ours"), pages)); err != nil {
			return err
		}
		file := filepath.Join(s.out("ours"), filepath.Base(s.in.large))
		var others []against
		if s.ossl != "" {
			others = append(others, against{"osslsigncode", s.osslVerifies(file), 0})
		}
		if s.openssl != "" {
			others = append(others, against{"openssl dgst", command{args: []string{s.openssl, "dgst", "-sha256", file}, dir: s.dir}, verifyLargeBar})
		}
		if _, err := s.versus(ctx, what, s.runs, s.oursVerifies(file), others...); err != nil {
			return err
		}
	}
	return nil
}
