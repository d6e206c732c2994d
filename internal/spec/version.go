package spec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/hallmark-dev/hallmark/internal/gitinfo"
)

var versionForm = regexp.MustCompile(`^` + semverPattern + `$`)

// resolve replaces project.version by the version itself and fills Source.
func resolve(s *Spec, env Env) []Problem {
	if s.Project.Version == "" {
		s.Project.Version = "git"
	}
	info, err := env.Git(s)
	if err != nil {
		info.Absent = err.Error()
	}
	var list []Problem
	var problem *Problem
	from := s.Project.Version
	s.Source.VersionFrom = from
	if env.Trial.on() {
		s.Project.Version, s.Source.VersionFrom, problem = trialVersion(from, env, s, info)
	} else {
		s.Project.Version, problem = version(from, env, s, info)
	}
	if problem != nil && env.Planning && from == "git" && info.Commit != "" {
		s.Source.Untagged, problem = problem, nil
		s.Project.Version = snapshotVersion(lastVersion(env, s, info), info.Commit)
	}
	if problem != nil {
		problem.Path, problem.Line = "project.version", s.line("project.version")
		list = append(list, *problem)
	}
	s.Source.Commit, s.Source.Tag = info.Commit, tagOf(s.Project.Version, info.Tags)
	if s.Source.Time, s.Source.TimeFrom, err = gitinfo.Clock(env.Getenv, info); err != nil {
		list = append(list, Problem{Message: err.Error(), Hint: "unset it, or set it to the time of the commit: git log -1 --format=%ct"})
	}
	if s.Build.VCS == "on" && info.Commit == "" {
		list = append(list, Problem{Line: s.line("build.vcs"), Path: "build.vcs",
			Message: "version control stamping needs a commit: " + info.Absent, Hint: "commit first, or write vcs: off"})
	}
	return append(list, unknowable(s, info.Absent)...)
}

// unknowable lists the linker's variables whose value needs a commit when there
// is none; absent explains why.
func unknowable(s *Spec, absent string) []Problem {
	var list []Problem
	for _, name := range slices.Sorted(maps.Keys(s.Build.Variables)) {
		what := s.Build.Variables[name]
		dated := strings.HasPrefix(what, "commit_")
		if dated && s.Source.Time.Equal(gitinfo.NoTime) || !dated && strings.HasSuffix(what, "commit") && s.Source.Commit == "" {
			path := join("build.variables", name)
			list = append(list, Problem{Line: s.line(path), Path: path,
				Message: fmt.Sprintf("%s needs a commit: %s", what, absent), Hint: "commit first, or delete the line"})
		}
	}
	return list
}

// tagOf is the tag among those on HEAD that stands for the version, else the
// version as Go tags it.
func tagOf(version string, tags []string) string {
	if version != "" && slices.Contains(tags, version) && !slices.Contains(tags, "v"+version) {
		return version
	}
	return "v" + version
}

// version resolves what the file says about the version. On a problem the
// version is empty.
func version(from string, env Env, s *Spec, info gitinfo.Info) (string, *Problem) {
	if name, ok := strings.CutPrefix(from, "env:"); ok {
		v := strings.TrimPrefix(env.Getenv(name), "v")
		switch {
		case v == "":
			return "", &Problem{Message: fmt.Sprintf("the environment variable %s is not set", name),
				Hint: fmt.Sprintf("set %s to a semantic version such as 1.4.2", name)}
		case !versionForm.MatchString(v):
			return "", &Problem{Message: fmt.Sprintf("the environment variable %s holds %s, which is not a semantic version", name, quote(v)),
				Hint: fmt.Sprintf("set %s to a version such as 1.4.2", name)}
		}
		return v, nil
	}
	if from != "git" {
		return from, nil
	}
	if info.Commit == "" {
		return "", &Problem{Message: "cannot take the version from git: " + info.Absent,
			Hint: "write the version itself, such as 0.1.0, or env:NAME"}
	}
	best := HighestVersion(info.Tags)
	if best == "" {
		return "", untagged(env, s, info)
	}
	return best, nil
}

// HighestVersion returns the highest semantic version among tags such as
// v1.4.2, without the v, or "" when none is one.
func HighestVersion(tags []string) string {
	best := ""
	for _, tag := range tags {
		v := strings.TrimPrefix(tag, "v")
		if versionForm.MatchString(v) && (best == "" || semver.Compare("v"+v, "v"+best) > 0) {
			best = v
		}
	}
	return best
}

var digits = regexp.MustCompile(`^[0-9]+$`)

// fileVersion makes the four-part version of a semantic version: its three
// numbers and 0. It is empty when a number is over 65535.
func fileVersion(v string) string {
	core, _, _ := strings.Cut(v, "+")
	core, _, _ = strings.Cut(core, "-")
	for _, part := range strings.Split(core, ".") {
		if n, err := strconv.ParseUint(part, 10, 64); err != nil || n > 65535 {
			return ""
		}
	}
	return core + ".0"
}
