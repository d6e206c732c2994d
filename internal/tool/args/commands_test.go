package args_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
	"github.com/hallmark-dev/hallmark/internal/tool/catalog"
	"github.com/hallmark-dev/hallmark/internal/tool/file"
	"github.com/hallmark-dev/hallmark/internal/tool/policy"
)

// readers are all commands, and all flags of commands, that read a file.
func readers(t *testing.T, good string) map[string]func(name string) error {
	c, ctx := console.Discard(), t.Context()
	in := func(name string) args.Files { return args.Files{In: name, Out: "out"} }
	key := args.Key{Identity: "test"}
	leaf := formatstest.NewPKI(t).Leaf
	return map[string]func(string) error{
		"file:sign": func(n string) error {
			return file.Sign(ctx, c, file.Signing{Files: in(n), Signer: args.Signer{Key: key}})
		},
		"file:verify":  func(n string) error { return file.Verify(ctx, c, io.Discard, args.Verification{In: n}) },
		"file:inspect": func(n string) error { return file.Inspect(ctx, io.Discard, n, false) },
		"file:strip":   func(n string) error { return file.Strip(ctx, c, file.Stripping{Files: in(n)}) },
		"file:timestamp": func(n string) error {
			return file.Timestamp(ctx, c, file.Stamping{Files: in(n), Stampers: args.Stampers{Servers: "test"}})
		},
		"file:addCerts": func(n string) error { return file.AddCerts(ctx, c, file.Adding{Files: in(n), Certs: good}) },
		"file:tag":      func(n string) error { return file.Tag(ctx, c, file.Tagging{Files: in(n), Value: "x"}) },
		"file:seal":     func(n string) error { return file.Seal(ctx, c, file.Sealing{Files: in(n), Key: key}) },
		"file:unseal":   func(n string) error { return file.Unseal(ctx, c, in(n)) },
		"file:extract":  func(n string) error { return file.Extract(ctx, c, in(n), false) },
		"file:attach":   func(n string) error { return file.Attach(ctx, c, in(n), good, "") },
		"file:prepare":  func(n string) error { return file.Prepare(ctx, c, file.Split{Files: in(n), Cert: good}) },
		"file:finish":   func(n string) error { return file.Finish(ctx, c, in(n), good, good, "") },
		"catalog:list":  func(n string) error { return catalog.List(io.Discard, n, false) },
		"catalog:check": func(n string) error {
			return catalog.Check(ctx, io.Discard, catalog.Checking{Verification: args.Verification{In: n}})
		},
		"catalog:sign": func(n string) error {
			return catalog.Sign(ctx, c, catalog.Signing{Files: in(n), Signer: args.Signer{Key: key}})
		},
		"wdac:compile":   func(n string) error { return policy.Compile(c, in(n), 0, "") },
		"wdac:decompile": func(n string) error { return policy.Decompile(c, in(n), "") },
		"wdac:merge":     func(n string) error { return policy.Merge(c, n, "out", policy.Rules{}) },
		"wdac:show":      func(n string) error { return policy.Show(io.Discard, n) },
		"wdac:sign":      func(n string) error { return policy.Sign(ctx, c, policy.Signing{Files: in(n), Key: key}) },

		"-signature of attach": func(n string) error { return file.Attach(ctx, c, in(good), n, "") },
		"-signature of finish": func(n string) error { return file.Finish(ctx, c, in(good), good, n, "") },
		"-unfinished":          func(n string) error { return file.Finish(ctx, c, in(good), n, good, "") },
		"-file of tag":         func(n string) error { return file.Tag(ctx, c, file.Tagging{Files: in(good), File: n}) },
		"-certs":               func(n string) error { return file.AddCerts(ctx, c, file.Adding{Files: in(good), Certs: n}) },
		"-cert":                func(n string) error { return file.Prepare(ctx, c, file.Split{Files: in(good), Cert: n}) },
		"-roots":               func(n string) error { return file.Verify(ctx, c, io.Discard, args.Verification{In: good, Roots: n}) },
		"-tsroots": func(n string) error {
			return file.Verify(ctx, c, io.Discard, args.Verification{In: good, TimestampRoots: n})
		},
		"-catalog": func(n string) error { return file.Verify(ctx, c, io.Discard, args.Verification{In: good, Catalogs: n}) },
		"-crl":     func(n string) error { return file.Verify(ctx, c, io.Discard, args.Verification{In: good, CRLs: n}) },
		"-ocsp":    func(n string) error { return file.Verify(ctx, c, io.Discard, args.Verification{In: good, OCSP: n}) },
		"-cdf":     func(n string) error { return catalog.Make(ctx, c, catalog.Making{CDF: n}) },
		"-from":    func(n string) error { return policy.Diff(io.Discard, n, good) },
		"-to":      func(n string) error { return policy.Diff(io.Discard, good, n) },
		"pem: key": func(n string) error {
			return file.Sign(ctx, c, file.Signing{Files: in(good), Signer: args.Signer{Key: args.Key{Identity: "pem:" + n + "," + good}}})
		},
		"pkcs12:": func(n string) error {
			return file.Sign(ctx, c, file.Signing{Files: in(good), Signer: args.Signer{Key: args.Key{Identity: "pkcs12:" + n}}})
		},
		"-chain": func(n string) error {
			key := args.Key{Identity: "pem:" + leaf.KeyFile(t) + "," + leaf.CertFile(t), Chain: n}
			return file.Sign(ctx, c, file.Signing{Files: in(good), Signer: args.Signer{Key: key}})
		},
	}
}

// TestEveryCommandRefusesWhatIsNoFile: wrong usage, at once, and with the name,
// whatever the command or flag.
func TestEveryCommandRefusesWhatIsNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	os.WriteFile("good.xml", rules.NewPolicy(cipolicy.LockdownPolicy).XML(), 0o600)
	os.Mkdir("folder", 0o755)
	names := []string{"missing.exe", filepath.Join("missing", "a.exe"), "folder"}
	if os.Symlink("nowhere", "broken") == nil {
		names = append(names, "broken")
	}
	if pipe("pipe") == nil {
		names = append(names, "pipe")
	}
	for command, run := range readers(t, "good.xml") {
		for _, name := range names {
			t.Run(command+" "+name, func(t *testing.T) {
				done := make(chan error, 1)
				go func() { done <- run(name) }()
				select {
				case err := <-done:
					if fault.Status(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), name) {
						t.Errorf("status %d, want %d and the name: %v", fault.Status(err), fault.Usage, err)
					}
				case <-time.After(30 * time.Second):
					t.Fatal("still waiting")
				}
				if _, err := os.Stat("out"); err == nil {
					t.Fatal("something was written")
				}
			})
		}
	}
}

// TestEveryCommandRefusesWhatIsNoFolder is the same for folders.
func TestEveryCommandRefusesWhatIsNoFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	os.WriteFile("good.cat", nil, 0o600)
	c, ctx := console.Discard(), t.Context()
	for command, run := range map[string]func(dir string) error{
		"catalog:make": func(dir string) error {
			return catalog.Make(ctx, c, catalog.Making{Dir: dir, Out: "out", Now: time.Now, Getenv: os.Getenv})
		},
		"catalog:check": func(dir string) error {
			return catalog.Check(ctx, io.Discard, catalog.Checking{Verification: args.Verification{In: "good.cat"}, Dir: dir})
		},
		"wdac:scan": func(dir string) error { return policy.Scan(ctx, c, policy.Scanning{Dir: dir, Out: "out"}) },
	} {
		for _, dir := range []string{"missing", filepath.Join("missing", "sub"), "good.cat"} {
			if err := run(dir); fault.Status(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), "-dir: ") || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s %s: %v", command, dir, err)
			}
		}
	}
	if _, err := os.Stat("out"); err == nil {
		t.Error("something was written")
	}
}
