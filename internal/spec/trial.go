package spec

import (
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
)

// Trial asks for a release that is for trying out only: of a commit without a
// tag, or under a version that the environment names.
type Trial struct {
	// Snapshot names the version after the last tag and the commit.
	Snapshot bool
	// Version is what RELEASE_VERSION holds; empty: none.
	Version string
}

func (t Trial) on() bool { return t.Snapshot || t.Version != "" }

// signTrial lets the test identity sign a trial in place of the real one, and
// takes away what only the real one could fulfil.
func signTrial(s *Spec) {
	s.replaced = s.Secrets() // programs that are run still must not get them
	if g := s.Sign; g != nil && g.Identity != test {
		s.Sign = &Sign{Identity: test, Digest: g.Digest, Description: g.Description, URL: g.URL, PageHashes: g.PageHashes}
		s.forget("sign.")
	}
	if t := s.Timestamp; t != nil && s.Sign != nil {
		t.Servers = []string{test}
	}
	if v := s.Verify; v != nil && s.Sign != nil {
		s.Verify = &Verify{RequireTimestamp: v.RequireTimestamp}
		s.forget("verify.")
	}
}

// forget lets the fields below a section count as not set by the file.
func (s *Spec) forget(prefix string) {
	for path := range s.lines {
		if strings.HasPrefix(path, prefix) {
			delete(s.lines, path)
		}
	}
}

// trialVersion is the version of a trial, and where it comes from.
func trialVersion(from string, env Env, s *Spec, info gitinfo.Info) (v, source string, problem *Problem) {
	if v = strings.TrimPrefix(env.Trial.Version, "v"); v != "" {
		if !versionForm.MatchString(v) {
			return "", "", &Problem{Message: fmt.Sprintf("RELEASE_VERSION holds %s, which is not a semantic version", quote(v)),
				Hint: "set it to a version such as 1.4.3-beta.1, or unset it"}
		}
		return v, "RELEASE_VERSION", nil
	}
	base := from
	if from == "git" {
		base = lastVersion(env, s, info)
	} else if base, problem = version(from, env, s, info); problem != nil {
		return "", "", problem
	}
	return snapshotVersion(base, info.Commit), "snapshot", nil
}

// lastVersion is that of the last tag before HEAD, or 0.0.0.
func lastVersion(env Env, s *Spec, info gitinfo.Info) string {
	if v := HighestVersion(info.Tags); v != "" {
		return v
	}
	tags, _ := env.Reachable(s)
	if v := HighestVersion(tags); v != "" {
		return v
	}
	return "0.0.0"
}

// snapshotVersion is what goreleaser's default template for snapshots gives:
// {{ .Version }}-SNAPSHOT-{{ .ShortCommit }}
// (https://goreleaser.com/customization/snapshots/). Semantic versions put it
// below the version that comes next; build metadata has to go.
func snapshotVersion(base, commit string) string {
	base, _, _ = strings.Cut(base, "+")
	if commit == "" {
		commit = "none"
	}
	return base + "-SNAPSHOT-" + commit[:min(shortCommit, len(commit))]
}

// untagged explains that no tag on HEAD is a version, by what is the matter.
func untagged(env Env, s *Spec, info gitinfo.Info) *Problem {
	tags, shallow := env.Reachable(s)
	last := HighestVersion(tags)
	p := &Problem{Message: fmt.Sprintf("no tag on the commit %.12s is a semantic version", info.Commit)}
	switch {
	case shallow && last == "":
		p.Message += "; this clone is shallow and may lack the tag"
		p.Hint = "git fetch --tags --unshallow gets it; in GitHub Actions give actions/checkout fetch-depth: 0"
	case last == "" && len(info.Tags) == 0 && info.Remote != "":
		p.Hint = "this clone has no version tags: git fetch --tags gets those of the remote. To tag the commit: git tag v0.1.0. To try out: " + snapshotCommand()
	case last == "":
		p.Hint = "tag it (git tag v1.4.2), or write the version itself, such as 0.1.0, or env:NAME. To try out: " + snapshotCommand()
	default:
		p.Message += fmt.Sprintf("; the last version is %s", last)
		p.Hint = "tag it (git tag v…). To try out what is here: " + snapshotCommand()
	}
	return p
}

func snapshotCommand() string { return command.Line("release -snapshot") }
