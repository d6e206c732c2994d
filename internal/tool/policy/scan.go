package policy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Rules say what rules to make of files.
type Rules struct {
	Level, Fallback string
	FileName        string // attribute of the level FileName
	Mode            string
	WindowsPath     string
	Deny            bool
	AllowUnreadable bool
	// PolicyID of the policy that is made; "" derives one from the files.
	PolicyID string
	// BasePolicyID makes a supplemental policy.
	BasePolicyID string
	Name         string
}

// Scanning says what to scan.
type Scanning struct {
	Rules
	Dir, Out string
	// Shard writes JSON lines of a part of the files, such as 2/8, instead of a policy.
	Shard   string
	Workers int
}

// Scan makes a policy of the files in a folder, or the records of a shard.
func Scan(ctx context.Context, c *console.Console, s Scanning) error {
	if err := args.Need("dir", s.Dir, "out", s.Out); err != nil {
		return err
	}
	if err := args.Folder("dir", s.Dir); err != nil {
		return err
	}
	o, err := s.options()
	if err != nil {
		return err
	}
	if s.Shard != "" {
		return scanShard(ctx, c, s)
	}
	var files []rules.File
	sum, err := rules.Scan(ctx, s.Dir, rules.ScanOptions{Workers: s.Workers, Progress: progress(c)}, func(f rules.File) error {
		files = append(files, f)
		return nil
	})
	if err != nil {
		return err
	}
	return finish(c, s.Rules, o, files, sum, s.Out)
}

// progress shows a line now and then.
func progress(c *console.Console) func(rules.Progress) {
	const every = 10 * time.Second
	last := time.Now()
	return func(p rules.Progress) {
		if now := time.Now(); now.Sub(last) >= every {
			last = now
			c.Note("%d files, %d MB, at %s", p.Files, p.Bytes>>20, p.Path)
		}
	}
}

func (r Rules) options() (rules.Options, error) {
	o := rules.Options{Deny: r.Deny, WindowsPath: r.WindowsPath, AllowUnreadable: r.AllowUnreadable, Level: rules.Hash}
	var errs [4]error
	if r.Level != "" {
		o.Level, errs[0] = rules.ParseLevel(r.Level)
	}
	for _, f := range args.List(r.Fallback) {
		level, err := rules.ParseLevel(f)
		if err != nil {
			errs[1] = err
		}
		o.Fallback = append(o.Fallback, level)
	}
	o.Name, errs[2] = rules.ParseNameSource(r.FileName)
	o.Mode, errs[3] = rules.ParseMode(r.Mode)
	if err := errors.Join(errs[:]...); err != nil {
		return o, usage(err)
	}
	return o, nil
}

func scanShard(ctx context.Context, c *console.Console, s Scanning) error {
	shard, err := rules.ParseShard(s.Shard)
	if err != nil {
		return usage(err)
	}
	var sum rules.Summary
	err = atomicfile.WriteFunc(s.Out, 0o644, func(f *os.File) error {
		w, err := rules.NewRecordWriter(f, shard)
		if err != nil {
			return err
		}
		sum, err = rules.Scan(ctx, s.Dir, rules.ScanOptions{Shard: shard, Workers: s.Workers, Progress: progress(c)}, w.Write)
		if err != nil {
			return err
		}
		return w.Close(sum)
	})
	if err != nil {
		return err
	}
	c.Line("%s  shard %s: %s, %d unreadable", s.Out, s.Shard, plural(sum.Files, "file"), sum.Unreadable)
	return nil
}

// finish builds and writes the policy.
func finish(c *console.Console, r Rules, o rules.Options, files []rules.File, sum rules.Summary, out string) error {
	if len(files) == 0 {
		return nothing(sum)
	}
	p, err := r.policy(files)
	if err != nil {
		return err
	}
	before := size(p)
	outcomes, err := rules.Build(p, files, o)
	if err != nil {
		return fault.New(fault.Other, "%w", err).Hint("-fallback=Hash covers files that the level cannot describe; -unreadable skips files that cannot be read")
	}
	if size(p) == before {
		return fault.New(fault.Other, "no file could be read (%d unreadable), so the policy would have no rules", sum.Unreadable)
	}
	for _, f := range outcomes {
		for _, n := range f.Notes {
			c.Note("%s: %s", f.Path, n)
		}
	}
	if problems := p.Validate().Errors(); len(problems) > 0 {
		return wrong(out, problems)
	}
	if err := write(out, p.XML()); err != nil {
		return err
	}
	if sum.Links > 0 {
		c.Warn("%s not followed: scan the targets separately with -dir=, then merge", plural(sum.Links, "link"))
	}
	c.Line("%s  %s examined, %d skipped (neither program nor script), %d unreadable; %s, %s", out, plural(sum.Files, "file"), sum.Skipped, sum.Unreadable,
		plural(len(p.FileRules), "file rule"), plural(len(p.Signers), "signer"))
	return nil
}

// nothing refuses a policy of no files: it would allow nothing, or, with -deny,
// everything.
func nothing(sum rules.Summary) error {
	return fault.New(fault.Usage, "there is no program or script to make rules for (%s of other kinds, %s not followed)",
		plural(sum.Skipped, "file"), plural(sum.Links, "link")).
		Hint("App Control judges programs, scripts and installers; name the folder that holds them")
}

// size is how many rules and signers a policy has.
func size(p *cipolicy.Policy) int { return len(p.FileRules) + len(p.Signers) }

// policy is the empty policy that rules are added to. Its identity derives from
// the files unless it is given, so that the same files give the same policy.
func (r Rules) policy(files []rules.File) (*cipolicy.Policy, error) {
	id := identityOf(files)
	if r.PolicyID != "" {
		var err error
		if id, err = cipolicy.ParseGUID(r.PolicyID); err != nil {
			return nil, usage(err)
		}
	}
	p := rules.NewPolicy(id)
	if r.Name != "" {
		p.SetInfo("Name", r.Name)
	}
	if r.Deny {
		allowAll(p)
	}
	if r.BasePolicyID == "" {
		return p, nil
	}
	if r.Deny {
		return nil, fault.New(fault.Usage, "-deny and -base cannot be combined: Windows ignores the Deny rules of a supplemental policy")
	}
	base, err := cipolicy.ParseGUID(r.BasePolicyID)
	if err != nil {
		return nil, usage(err)
	}
	p.Type, p.BasePolicyID = cipolicy.SupplementalPolicy, cipolicy.Some(base)
	p.Options = nil
	p.SetOption(cipolicy.OptionUnsigned)
	return p, nil
}

// allowAll makes a policy that denies some files allow all others, as
// Microsoft's block lists do.
func allowAll(p *cipolicy.Policy) {
	for i, id := range []string{"ID_ALLOW_ALL_KERNEL", "ID_ALLOW_ALL_USER"} {
		p.FileRules = append(p.FileRules, cipolicy.FileRule{Kind: cipolicy.Allow, ID: id, FileName: cipolicy.Some("*")})
		g := &p.Scenarios[i].Product
		g.FileRules = append(g.FileRules, cipolicy.Ref{ID: id})
	}
}

// identityOf is a GUID made of the hashes of the files, in any order (RFC 9562
// version 8, which leaves the making to us).
func identityOf(files []rules.File) cipolicy.GUID {
	var sum [sha256.Size]byte
	for _, f := range files {
		one := sha256.Sum256(append([]byte(f.Path+"\x00"), f.SHA256...))
		for i := range sum {
			sum[i] ^= one[i]
		}
	}
	return cipolicy.NewGUID(sum[:], 8)
}

// Merge puts policies together, or the records of the shards of a scan into one
// policy.
func Merge(c *console.Console, in, out string, r Rules) error {
	if err := args.Need("in", in, "out", out); err != nil {
		return err
	}
	names, err := args.Files{In: in}.Expand()
	if err != nil {
		return err
	}
	records := 0
	for _, n := range names {
		if strings.EqualFold(filepath.Ext(n), ".jsonl") {
			records++
		}
	}
	switch records {
	case 0:
		return mergePolicies(c, names, out)
	case len(names):
		return mergeRecords(c, names, out, r)
	}
	return fault.New(fault.Usage, "-in= mixes parts of a scan (.jsonl) with policies: merge the parts first, then the policies")
}

func mergePolicies(c *console.Console, names []string, out string) error {
	var policies []*cipolicy.Policy
	var errs []error
	for _, n := range names {
		p, err := read("in", n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		policies = append(policies, p)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	merged, notes := cipolicy.Merge(policies[0], policies[1:]...)
	for _, n := range notes {
		c.Note("%s", n)
	}
	if problems := merged.Validate().Errors(); len(problems) > 0 {
		return wrong(out, problems)
	}
	if err := write(out, merged.XML()); err != nil {
		return err
	}
	c.Line("%s  %d policies merged: %s, %s", out, len(names), plural(len(merged.FileRules), "file rule"), plural(len(merged.Signers), "signer"))
	return nil
}

func mergeRecords(c *console.Console, names []string, out string, r Rules) error {
	o, err := r.options()
	if err != nil {
		return err
	}
	var shards []*rules.Records
	var errs []error
	for _, n := range names {
		b, err := args.Read("in", n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s, err := rules.ReadRecords(bytes.NewReader(b))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", printable.Text(n), err))
			continue
		}
		shards = append(shards, s)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	files, sum, err := rules.Join(shards)
	if err != nil {
		return err
	}
	return finish(c, r, o, files, sum, out)
}
