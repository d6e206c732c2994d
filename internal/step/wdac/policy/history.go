package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// History is what earlier releases of a product shipped, oldest first. It lets a
// new policy keep them allowed, and keeps the policy's version from going down.
type History struct {
	Schema   int       `json:"schema"`
	Product  string    `json:"product"`
	Releases []Release `json:"releases"`
}

// Release is one release with the hashes of its files.
type Release struct {
	Version string `json:"version"`
	// Policy is the version of the policy.
	Policy string       `json:"policy_version"`
	Files  []rules.File `json:"files"`
}

const historySchema = 1

// maxReleases bounds the history; older releases are forgotten.
const maxReleases = 200

// ParseHistory reads a history; empty input is an empty one.
func ParseHistory(b []byte, product string) (*History, error) {
	h := &History{Schema: historySchema, Product: product}
	if len(bytes.TrimSpace(b)) == 0 {
		return h, nil
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(h); err != nil {
		return nil, fmt.Errorf("reading the history of releases: %v", err)
	}
	if h.Schema != historySchema {
		return nil, fmt.Errorf("the history of releases has schema %d, not %d", h.Schema, historySchema)
	}
	if h.Product != product {
		return nil, fmt.Errorf("the history is that of the product %q, not of %q", h.Product, product)
	}
	for _, r := range h.Releases {
		if _, err := cipolicy.ParseVersion(r.Policy); err != nil {
			return nil, fmt.Errorf("the history of releases: %s: %v", r.Version, err)
		}
	}
	return h, nil
}

// JSON returns what ParseHistory reads.
func (h *History) JSON() ([]byte, error) {
	b, err := printable.JSON(h)
	return append(b, '\n'), err
}

// Before returns the releases other than version, at most n, the latest ones.
func (h *History) Before(version string, n int) []Release {
	var out []Release
	for _, r := range h.Releases {
		if r.Version != version {
			out = append(out, r)
		}
	}
	return out[max(0, len(out)-n):]
}

// With returns a history in which the release stands at its place by policy
// version, replacing an earlier record of the same version.
func (h *History) With(r Release) *History {
	out := &History{Schema: historySchema, Product: h.Product, Releases: h.Before(r.Version, maxReleases)}
	out.Releases = append(out.Releases, r)
	slices.SortStableFunc(out.Releases, func(a, b Release) int {
		va, _ := cipolicy.ParseVersion(a.Policy)
		vb, _ := cipolicy.ParseVersion(b.Policy)
		switch {
		case va < vb:
			return -1
		case va > vb:
			return 1
		}
		return 0
	})
	return out
}

// latest returns the highest policy version of releases other than version.
func (h *History) latest(version string) (cipolicy.Version, string) {
	var top cipolicy.Version
	var name string
	for _, r := range h.Releases {
		if v, _ := cipolicy.ParseVersion(r.Policy); r.Version != version && v > top {
			top, name = v, r.Version
		}
	}
	return top, name
}
