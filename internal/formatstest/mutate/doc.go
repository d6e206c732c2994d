// Package mutate makes damaged and unusual variants of signed Windows files, for tests that hold our verdicts against
// Microsoft's own verifier. It changes fields of PE headers and nodes of DER trees; it knows no format package, so that a
// mistake of ours is not repeated here. The same seed gives the same variants.
package mutate

// Variant is one changed file or structure.
type Variant struct {
	Class  string // what was changed, coarsely: the rows of a table of results
	Detail string // which value, for people
	Data   []byte
}
