// Package release sets a release up and runs it: it reads release.yaml, takes
// the folder's lock, opens the ledger, and gives the pipeline the signing
// identity, time servers and builder, each opened once and only when needed.
package release

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/golist"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/secret"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/timeserver"
	"github.com/hallmark-dev/hallmark/internal/trust"
	"github.com/hallmark-dev/hallmark/templates"
)

// DefaultSpec is read when RELEASE_SPEC names no other file.
const DefaultSpec = "release.yaml"

// Options say where and how to release.
type Options struct {
	// Root is the folder of the project; "" is the working directory.
	Root string
	// Getenv looks environment variables up; nil is os.Getenv.
	Getenv func(string) string
	// Console shows what happens.
	Console *console.Console
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Snapshot asks for a release that is for trying out only, whatever the
	// commit is; so does RELEASE_SNAPSHOT=1.
	Snapshot bool
	// JSON, if set, receives the answer of Doctor for other programs.
	JSON io.Writer
	// Planning is set where nothing will be made.
	Planning bool
}

// Release is an open release. Close it.
type Release struct {
	run   *step.Run
	close []func() error
}

// Open reads the spec and the ledger. It takes the folder's lock when lock is
// set, waiting while another process holds it.
func Open(ctx context.Context, o Options, lock bool) (*Release, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	var env []string
	toolchain := once(func(ctx context.Context) (*builder.Toolchain, error) {
		return builder.FindGo(ctx, o.Root, env)
	})
	s, err := loadSpec(ctx, o, func(s *spec.Spec) {
		env = s.Environ(os.Environ())
		go toolchain(ctx) // the go command takes as long to start as all else here
	})
	if err != nil {
		return nil, err
	}
	r := &Release{}
	if lock {
		unlock, err := takeLock(ctx, o)
		if err != nil {
			return nil, err
		}
		r.onClose(func() error { unlock(); return nil })
	}
	if err := r.open(o, s, lock); err != nil {
		r.Close()
		return nil, err
	}
	r.run.Toolchain = toolchain
	return r, nil
}

func (r *Release) open(o Options, s *spec.Spec, sweep bool) error {
	if st, err := os.Stat(filepath.Join(o.Root, step.Dist)); err == nil && !st.IsDir() {
		return fault.New(fault.Other, "%s is a file; a release writes into a folder of that name", step.Dist).Hint("rename or remove it")
	}
	l, err := ledger.Open(filepath.Join(o.Root, filepath.FromSlash(step.LedgerPath)))
	if err != nil {
		return err
	}
	if dist := filepath.Join(o.Root, step.Dist); sweep && exists(dist) {
		if err := atomicfile.Sweep(dist); err != nil {
			return fmt.Errorf("removing what an interrupted run left behind: %w", err)
		}
	}
	r.run = &step.Run{
		Spec: s, Root: o.Root, Env: s.Environ(os.Environ()), Ledger: l, Now: o.Now, Templates: templates.FS, Console: o.Console,
		Identity: once(func(ctx context.Context) (*identity.Identity, error) { return r.openIdentity(ctx, o) }),
		Builder: once(func(ctx context.Context) (builder.Builder, error) {
			b, err := openBuilder(ctx, s, r.run.Env, o.Console)
			if c, ok := b.(io.Closer); ok {
				r.onClose(c.Close)
			}
			return b, err
		}),
	}
	r.run.Listing = remembered(func(ctx context.Context, goarch string, cgo bool) ([]golist.Package, error) {
		req := r.run.Request()
		if s.Build.Workspace == "on" {
			t, err := r.run.Toolchain(ctx)
			if err != nil {
				return nil, err
			}
			req.Work = t.Work
		}
		return builder.List(req, r.run.Env)(ctx, goarch, cgo)
	})
	r.run.Stamper = once(func(ctx context.Context) (step.Stamper, error) { return r.openStamper(ctx) })
	return nil
}

func (r *Release) openIdentity(ctx context.Context, o Options) (*identity.Identity, error) {
	s := r.run.Spec.Sign
	var known []*x509.Certificate
	if !r.run.UsesTestIdentity() {
		roots, err := r.run.Roots()
		if err != nil {
			return nil, err
		}
		known = roots.CodeSigning.Certificates()
	}
	hash, err := cms.ParseHash(s.Digest)
	if err != nil {
		return nil, err
	}
	id, err := identity.Open(ctx, s.Identity, identity.Options{
		Hash:                 hash,
		ExpectEKUs:           s.ExpectEKU,
		ExpectSubject:        s.ExpectSubject,
		Password:             secret.Ref(s.Password),
		Dir:                  o.Root,
		ChainFiles:           s.Chain,
		Roots:                known,
		FetchIntermediates:   s.FetchIntermediates,
		AllowIncompleteChain: s.AllowIncompleteChain,
		AllowECDSA:           s.AllowECDSA,
		Now:                  o.Now,
		Getenv:               o.Getenv,
		Env:                  secret.Withhold(os.Environ(), others(r.run.Spec)...),
		Warn:                 func(w string) { o.Console.Warn("%s", w) },
	})
	if err != nil {
		return nil, err
	}
	r.onClose(id.Close)
	return id, nil
}

func (r *Release) openStamper(ctx context.Context) (step.Stamper, error) {
	var roots *certchain.Roots // those of the test identity exist only once it has been opened
	if !r.run.UsesTestIdentity() {
		var err error
		if roots, err = r.run.Roots(); err != nil {
			return nil, err
		}
	}
	t := r.run.Spec.Timestamp
	hash, err := cms.ParseHash(t.Digest)
	if err != nil {
		return nil, err
	}
	hand, issuers, err := r.stampIssuers()
	if err != nil {
		return nil, err
	}
	s, closer, err := timeserver.Open(ctx, timeserver.Options{
		Intermediates: hand, Issuers: issuers,
		Servers:     t.Servers,
		Hash:        hash,
		Attempts:    t.Attempts,
		Timeout:     time.Duration(t.RequestTimeout),
		Budget:      time.Duration(t.Budget),
		MinInterval: time.Duration(t.MinInterval),
		Allow:       t.Allow,
	}, roots, r.run.Identity)
	if err != nil {
		return nil, err
	}
	r.onClose(closer)
	return s, nil
}

// stampIssuers are the intermediates for time servers that send none: those of
// sign.chain, and with sign.fetch_intermediates those that can be fetched.
func (r *Release) stampIssuers() ([]*x509.Certificate, timeserver.Issuers, error) {
	s := r.run.Spec.Sign
	var files []string
	for _, f := range s.Chain {
		files = append(files, r.run.Abs(f))
	}
	hand, err := trust.Certificates("sign.chain", files)
	if err != nil || !s.FetchIntermediates {
		return hand, nil, err
	}
	return hand, identity.FetchIssuers(identity.Options{Dir: r.run.Root}), nil
}

// others are the secrets that are not for the signing identity.
func others(s *spec.Spec) []secret.Ref {
	own := s.Sign.Secrets()
	return slices.DeleteFunc(s.Secrets(), func(r secret.Ref) bool { return slices.Contains(own, r) })
}

// LoadSpec reads the spec that RELEASE_SPEC names, or release.yaml.
func LoadSpec(ctx context.Context, o Options) (*spec.Spec, error) {
	return loadSpec(ctx, o, func(*spec.Spec) {})
}

// loadSpec is LoadSpec. read is called with the spec as it was read, before git
// is asked about the source.
func loadSpec(ctx context.Context, o Options, read func(*spec.Spec)) (*spec.Spec, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	path := o.Getenv("RELEASE_SPEC")
	if path == "" {
		path = DefaultSpec
	}
	env := spec.System(ctx, o.Root)
	env.Getenv, env.Planning = o.Getenv, o.Planning
	if env.Trial, err = o.trial(); err != nil {
		return nil, err
	}
	git := env.Git
	env.Git = func(s *spec.Spec) (gitinfo.Info, error) {
		read(s)
		return git(s)
	}
	return spec.Load(o.path(path), env)
}

// trial is what option and environment say about a release for trying out.
func (o Options) trial() (spec.Trial, error) {
	t := spec.Trial{Snapshot: o.Snapshot, Version: o.Getenv("RELEASE_VERSION")}
	if v := o.Getenv("RELEASE_SNAPSHOT"); v != "" {
		on, err := strconv.ParseBool(v)
		if err != nil {
			return t, fault.New(fault.Usage, "the environment variable RELEASE_SNAPSHOT holds %q", v).Hint("set it to 1 or 0, or unset it")
		}
		t.Snapshot = t.Snapshot || on
	}
	if t.Snapshot && t.Version != "" {
		return t, fault.New(fault.Usage, "a snapshot and RELEASE_VERSION are both requested, and each names the version").Hint("leave one of the two out")
	}
	return t, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Console == nil {
		o.Console = console.New(io.Discard, console.Options{})
	}
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return o, fault.New(fault.Other, "finding the project's folder: %w", err)
	}
	o.Root = root
	return o, nil
}

// path resolves a path against the project; one inside the working directory
// stays short, since people read it in messages.
func (o Options) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	full := filepath.Join(o.Root, p)
	wd, err := os.Getwd()
	if err != nil {
		return full
	}
	if rel, err := filepath.Rel(wd, full); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return full
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (r *Release) onClose(f func() error) { r.close = append(r.close, f) }

// Close releases keys, servers and the lock, in the opposite order of opening.
func (r *Release) Close() error {
	var first error
	for i := len(r.close) - 1; i >= 0; i-- {
		if err := r.close[i](); err != nil && first == nil {
			first = err
		}
	}
	r.close = nil
	return first
}
