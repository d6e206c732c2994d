package command

import (
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// renamed are targets that had another name.
var renamed = map[string]string{"stamp": "resources", "assemble": "attach"}

// unknown is the error for a word that is not a target, with the most likely
// intention as hint.
func unknown(all []Target, word string) error {
	if strings.HasPrefix(word, "-") {
		return fault.New(fault.Usage, "%s stands before any target", word).Hint("%s lists the targets; their flags follow them", Line("-l"))
	}
	err := fault.New(fault.Usage, "there is no target %q", word)
	var names []string
	for _, t := range all {
		names = append(names, t.Name)
	}
	if now := renamed[strings.ToLower(word)]; now != "" {
		return err.Hint("it is called %s now", now)
	}
	if near := nearest(word, names); near != "" {
		return err.Hint("did you mean %s?", near)
	}
	return err.Hint("%s lists the targets", Line("-l"))
}

// unknownFlag is the error for a flag that t does not have. People type flags
// that other release tools have; those get the way that works here.
func (t Target) unknownFlag(word, name string) error {
	err := fault.New(fault.Usage, "%s has no flag %s", t.Name, word)
	switch strings.ToLower(name) {
	case "n", "dry-run", "dryrun", "dry":
		return err.Hint("%s shows what would run, and changes nothing", Line("plan"))
	case "snapshot":
		return err.Hint("%s makes a release between tags, signed by the test identity", Line("release -snapshot"))
	case "v", "verbose", "debug":
		return err.Hint("%s shows more: this option goes before the target", Line("-v "+t.Name))
	case "h", "help":
		return err.Hint("%s explains %s", Line("-h "+t.Name), t.Name)
	}
	var names []string
	for _, f := range t.Flags {
		names = append(names, f.Name)
	}
	if near := nearest(name, names); near != "" {
		return err.Hint("did you mean -%s?", near)
	}
	return err.Hint("%s lists its flags", Line("-h "+t.Name))
}

// nearest returns the name that word was probably meant to be, or "". If no
// whole name is near, word may lack namespaces that a name begins with.
func nearest(word string, names []string) string {
	for left := 0; left <= 2; left++ {
		best, least := "", 1+max(1, len(word)/3)
		for _, n := range names {
			parts := strings.SplitN(strings.ToLower(n), ":", left+1)
			if len(parts) <= left {
				continue
			}
			if d := distance(strings.ToLower(word), parts[left]); d < least {
				best, least = n, d
			}
		}
		if best != "" {
			return best
		}
	}
	return ""
}

// distance counts the single-letter edits that turn a into b; two letters
// swapped count as one (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d := slices.Min([]int{rows[i-1][j] + 1, rows[i][j-1] + 1, rows[i-1][j-1] + cost})
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}
