package spec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/spectest"
)

const real = `version: 1
project: {name: app, version: %, company: Example Ltd}
build: {binaries: [{main: ./cmd/app}]}
sign: {identity: 'pkcs12:code.pfx', password: 'env:PFX', chain: [certs/chain.pem], additional_certs: [certs/root.pem], page_hashes: true}
timestamp: {servers: ['http://tsa.example.com'], attempts: 7}
verify: {publisher: Example Ltd, class: ev, roots: [certs/root.pem], timestamp_roots: [certs/root.pem], only_these_roots: true, revocation: files, crls: [certs/ca.crl]}
`

// at reads the spec of a commit with tags, after commits with reachable ones.
func at(t *testing.T, version string, tags, reachable []string, shallow bool, change func(*spec.Env)) (*spec.Spec, error) {
	t.Helper()
	env := spec.Env{
		Root: spectest.Project(t),
		Git: func(*spec.Spec) (gitinfo.Info, error) {
			return gitinfo.Info{Commit: "0123456789abcdef0123456789abcdef01234567", Time: time.Unix(1_700_000_000, 0), Tags: tags, Remote: "https://example.com/r.git"}, nil
		},
		Reachable: func(*spec.Spec) ([]string, bool) { return reachable, shallow },
	}
	change(&env)
	return spec.Parse("release.yaml", []byte(strings.Replace(real, "%", version, 1)), env)
}

func TestTrialVersion(t *testing.T) {
	snapshot := func(e *spec.Env) { e.Trial.Snapshot = true }
	named := func(v string) func(*spec.Env) { return func(e *spec.Env) { e.Trial.Version = v } }
	for name, c := range map[string]struct {
		version         string
		tags, reachable []string
		change          func(*spec.Env)
		want            string // the version, or part of the error
	}{
		"between tags":           {"git", nil, []string{"v1.2.0", "v1.10.0", "latest"}, snapshot, "1.10.0-SNAPSHOT-0123456"},
		"on a tag":               {"git", []string{"v1.3.0"}, []string{"v1.3.0"}, snapshot, "1.3.0-SNAPSHOT-0123456"},
		"no tag at all":          {"git", nil, nil, snapshot, "0.0.0-SNAPSHOT-0123456"},
		"a version of the file":  {"1.4.2+build.7", nil, nil, snapshot, "1.4.2-SNAPSHOT-0123456"},
		"a pre-release":          {"1.4.2-rc.1", nil, nil, snapshot, "1.4.2-rc.1-SNAPSHOT-0123456"},
		"a variable that is not": {"env:NO_SUCH", nil, nil, snapshot, "NO_SUCH is not set"},
		"named":                  {"git", nil, nil, named("v1.5.0-beta.1"), "1.5.0-beta.1"},
		"named badly":            {"git", nil, nil, named("1.5"), `RELEASE_VERSION holds "1.5", which is not a semantic version`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := at(t, c.version, c.tags, c.reachable, false, c.change)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			if s.Project.Version != c.want || !s.Trial() {
				t.Errorf("got %q, want %q", s.Project.Version, c.want)
			}
		})
	}
}

// A real key never signs a trial, and no program learns its password.
func TestTrialIsSignedByTheTestIdentity(t *testing.T) {
	s, err := at(t, "git", nil, nil, false, func(e *spec.Env) { e.Trial.Snapshot = true })
	if err != nil {
		t.Fatal(err)
	}
	if g := s.Sign; g.Identity != "test" || g.Password != "" || g.Chain != nil || g.AdditionalCerts != nil || !g.PageHashes {
		t.Errorf("sign is %+v", g)
	}
	if len(s.Timestamp.Servers) != 1 || s.Timestamp.Servers[0] != "test" || s.Timestamp.Attempts != 7 {
		t.Errorf("timestamp is %+v", s.Timestamp)
	}
	if v := s.Verify; v.Publisher != "" || v.Class != "" || v.OnlyTheseRoots || v.Revocation != "off" || v.Roots != nil {
		t.Errorf("verify is %+v", v)
	}
	if env := s.Environ([]string{"PFX=secret", "A=b"}); len(env) != 1 || env[0] != "A=b" {
		t.Errorf("the environment of programs is %q", env)
	}
}

func TestNoTag(t *testing.T) {
	for name, c := range map[string]struct {
		reachable []string
		shallow   bool
		want      []string
	}{
		"shallow":      {nil, true, []string{"this clone is shallow", "fetch-depth: 0", "--unshallow"}},
		"without tags": {nil, false, []string{"this clone has no version tags", "git fetch --tags"}},
		"after a tag":  {[]string{"v1.3.0"}, false, []string{"the last version is 1.3.0", "release -snapshot"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := at(t, "git", nil, c.reachable, c.shallow, func(*spec.Env) {})
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
			s, err := at(t, "git", nil, c.reachable, c.shallow, func(e *spec.Env) { e.Planning = true })
			if err != nil || s.Source.Untagged == nil || !strings.Contains(s.Project.Version, "-SNAPSHOT-0123456") || s.Sign.Identity == "test" {
				t.Errorf("a plan: %v", err)
			}
		})
	}
}
