package bench

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
)

// Bars of App Control policies.
const (
	policyRules = 10_000
	policyBar   = float64(70 * time.Millisecond)

	// scanBar is how much longer a scan may take than reading and hashing the
	// same files on all processors.
	scanBar = 1.15
	// flatBar is how much more memory ten times as many files may take.
	flatBar = 1.25
	// scanTimes is how many links to each program there are.
	scanTimes = 10
)

// compilePolicy compiles the XML of a policy of many rules.
func (s *session) compilePolicy(ctx context.Context) error {
	text := policyOf(policyRules).XML()
	in, out := filepath.Join(s.dir, "policy.xml"), filepath.Join(s.dir, "policy.cip")
	if err := os.WriteFile(in, text, 0o644); err != nil {
		return err
	}
	all, err := s.inTurn(ctx, s.runs, command{args: []string{s.self, "wdac:compile", "-in=" + in, "-out=" + out}, clean: removed(out)})
	if err != nil {
		return err
	}
	if err := compiledRules(out); err != nil {
		return err
	}
	alone, err := compileAlone(s.runs, text)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("compile a policy of %d rules from XML", policyRules)
	s.table.add(what+": wall time of the library", median(alone), policyBar, duration)
	s.table.add(what+": wall time of the process", median(of(all[0], wall)), 0, duration)
	s.table.add(what+": peak memory", median(of(all[0], rss)), 0, size)
	return nil
}

// compileAlone is how long, in nanoseconds, reading and compiling takes n
// times without starting a program and without writing to disk.
func compileAlone(n int, text []byte) ([]float64, error) {
	var took []float64
	for range n {
		began := time.Now()
		p, err := cipolicy.ReadBytes(text)
		if err != nil {
			return nil, err
		}
		if _, err := cipolicy.Compile(p, cipolicy.CompileOptions{}); err != nil {
			return nil, err
		}
		took = append(took, float64(time.Since(began)))
	}
	return took, nil
}

// policyOf makes a policy of n hash rules, as a scan does.
func policyOf(n int) *cipolicy.Policy {
	id := cipolicy.Some(cipolicy.MustGUID("{D0E7F9C8-5B1A-4F0E-9C55-0C6A8F3B2E11}"))
	user := cipolicy.Scenario{ID: "ID_SIGNINGSCENARIO_WINDOWS", Value: cipolicy.ScenarioUser}
	p := &cipolicy.Policy{Type: cipolicy.BasePolicy, PlatformID: cipolicy.PlatformWindows, PolicyID: id, BasePolicyID: id,
		Options: []cipolicy.Option{{Name: cipolicy.OptionUnsigned}}}
	for i := range n {
		sum, rule := sha256.Sum256(fmt.Append(nil, i)), fmt.Sprintf("ID_ALLOW_A_%X", i)
		p.FileRules = append(p.FileRules, cipolicy.FileRule{Kind: cipolicy.Allow, ID: rule, Hash: sum[:],
			FriendlyName: cipolicy.Some(fmt.Sprintf(`C:\Program Files\Product\file%d.dll Hash Sha256`, i))})
		user.Product.FileRules = append(user.Product.FileRules, cipolicy.Ref{ID: rule})
	}
	p.Scenarios = []cipolicy.Scenario{user}
	return p
}

// compiledRules makes sure that all rules are in the binary.
func compiledRules(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d, err := cipolicy.Decompile(b, cipolicy.Quicksort)
	if err != nil {
		return err
	}
	if n := len(d.Policy.FileRules); n != policyRules {
		return fmt.Errorf("the compiled policy has %d rules, wanted %d", n, policyRules)
	}
	return nil
}

// scanPolicy looks at programs, each of them several times under other names,
// beside hashing alone, and at a tenth of them for the memory.
func (s *session) scanPolicy(ctx context.Context) error {
	dir := filepath.Join(s.dir, "scan")
	bytes, err := linked(dir, s.in.many, scanTimes)
	if err != nil {
		return err
	}
	few, err := s.inTurn(ctx, s.few(), s.scans(s.in.many))
	if err != nil {
		return err
	}
	var lot []usage
	var alone []float64
	for range s.few() {
		u, err := s.once(ctx, s.scans(dir))
		if err != nil {
			return err
		}
		h, err := hashing(dir)
		if err != nil {
			return err
		}
		lot, alone = append(lot, u), append(alone, h)
	}
	what := fmt.Sprintf("scan %d programs (%.1f GB)", manyFiles*scanTimes, float64(bytes)/1e9)
	s.table.compare(what+": wall time", of(lot, wall), alone, scanBar, "hashing alone", duration)
	s.table.compare(what+": peak memory", of(lot, rss), of(few[0], rss), flatBar, fmt.Sprintf("of %d", manyFiles), size)
	return nil
}

// scans is this program scanning a folder for the records of a policy.
func (s *session) scans(dir string) command {
	out := filepath.Join(s.dir, "scan.jsonl")
	return command{args: []string{s.self, "wdac:scan", "-dir=" + dir, "-out=" + out, "-shard=1/1"}, clean: removed(out)}
}

// linked makes a folder with n links to every file of the folder from, and
// returns their total size in bytes.
func linked(dir, from string, n int) (int64, error) {
	entries, err := os.ReadDir(from)
	if err != nil {
		return 0, err
	}
	var total int64
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprint(i))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return 0, err
		}
		for _, e := range entries {
			st, err := e.Info()
			if err != nil {
				return 0, err
			}
			total += st.Size()
			if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(sub, e.Name())); err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

// hashing is how long, in nanoseconds, all processors take together to read
// the files of a folder and hash them with the two hashes of App Control, and
// nothing else.
func hashing(dir string) (float64, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	var g errgroup.Group
	for part := range slices.Chunk(files, len(files)/runtime.GOMAXPROCS(0)+1) {
		g.Go(func() error {
			buf := make([]byte, 128<<10)
			for _, f := range part {
				if err := hashFile(f, buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = g.Wait()
	return float64(time.Since(began)), err
}

func hashFile(path string, buf []byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	both := io.MultiWriter(sha1.New(), sha256.New())
	_, err = io.CopyBuffer(both, struct{ io.Reader }{f}, buf)
	return err
}
