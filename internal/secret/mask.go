package secret

import (
	"slices"
	"strings"
)

// Mask is written in place of every secret.
const Mask = "***"

// minMasked is the length in bytes below which a secret is not masked: one
// or two characters occur everywhere, and masking them would give away their
// places in every line.
const minMasked = 3

// MaskText returns text with every secret of at least three bytes replaced, the
// longest first where one is the beginning of another.
func MaskText(text string, secrets ...[]byte) string {
	sorted := slices.Clone(secrets)
	slices.SortFunc(sorted, func(a, b []byte) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range sorted {
		if len(s) >= minMasked {
			pairs = append(pairs, string(s), Mask)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
