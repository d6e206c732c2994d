package spec

import (
	"strconv"
	"time"
)

// shortCommit is how many digits short_commit has: what git itself shows of a
// small repository. git shows more as a repository grows, and then the same
// commit would give other bytes in another clone.
const shortCommit = 7

// LinkerVariables are the values of build.variables by name. Everything comes
// from the version and the commit, so the same sources give the same values.
func (s *Spec) LinkerVariables() map[string]string {
	at := s.Source.Time.UTC()
	values := map[string]string{
		"version":          s.Project.Version,
		"tag":              s.Source.Tag,
		"commit":           s.Source.Commit,
		"short_commit":     s.Source.Commit[:min(shortCommit, len(s.Source.Commit))],
		"commit_date":      at.Format(time.RFC3339),
		"commit_day":       at.Format(time.DateOnly),
		"commit_timestamp": strconv.FormatInt(at.Unix(), 10),
	}
	out := map[string]string{}
	for name, what := range s.Build.Variables {
		out[name] = values[what]
	}
	return out
}

// Trial reports whether the release is for trying out only: a snapshot, or under a
// version that the environment names.
func (s *Spec) Trial() bool {
	return s.Source.VersionFrom == "snapshot" || s.Source.VersionFrom == "RELEASE_VERSION"
}
