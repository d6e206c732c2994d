package cipolicy

// Change is a sentence of [Describe] that holds for one of two policies only.
type Change struct {
	Added bool // false: removed
	Text  string
}

// String returns the change as a line that begins with + or -.
func (c Change) String() string {
	if c.Added {
		return "+ " + c.Text
	}
	return "- " + c.Text
}

// Diff says in words what changes from one policy to the next: what was removed,
// in the order of the old policy, then what was added, in the order of the new
// one. IDs, names of signers and the order of rules do not count.
func Diff(from, to *Policy) []Change {
	before, after := describe(from, false), describe(to, false)
	var changes []Change
	named := Describe(from)
	for _, i := range without(before, after) {
		changes = append(changes, Change{Text: named[i]})
	}
	named = Describe(to)
	for _, i := range without(after, before) {
		changes = append(changes, Change{Added: true, Text: named[i]})
	}
	return changes
}

// without returns the positions of the lines of a that b does not have, or has
// fewer times.
func without(a, b []string) []int {
	left := map[string]int{}
	for _, s := range b {
		left[s]++
	}
	var out []int
	for i, s := range a {
		if left[s] > 0 {
			left[s]--
			continue
		}
		out = append(out, i)
	}
	return out
}
