package catalog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// inListOrder sorts members as makecat does. It keeps them in a list with the newest in
// front, and sorts that by their tags with the C run-time's qsort, which is not stable:
// members of one tag end up in an order that depends on all the others.
func inListOrder(v Version, members []Member) []Member {
	newestFirst := make([]int32, len(members)) // positions: a catalog may have 100,000 members
	for i := range newestFirst {
		newestFirst[i] = int32(len(members) - 1 - i)
	}
	compare := func(i, j int32) int { return compareIDs(v, members[i].ID, members[j].ID) }
	order := slices.Clone(newestFirst)
	slices.SortFunc(order, compare)
	for i := range order {
		if i > 0 && compare(order[i-1], order[i]) == 0 { // otherwise there is but one order
			order = newestFirst
			qsort(order, compare)
			break
		}
	}
	sorted := make([]Member, len(members))
	for i, at := range order {
		sorted[i] = members[at]
	}
	return sorted
}

// compareIDs compares identifiers as the tags that makecat makes of them: digests as
// hexadecimal digits, in version 1 text by its UTF-16 units.
func compareIDs(v Version, x, y []byte) int {
	if v != V1 {
		return bytes.Compare(x, y)
	}
	for i := 0; i+1 < len(x) && i+1 < len(y); i += 2 {
		if c := cmp.Compare(binary.LittleEndian.Uint16(x[i:]), binary.LittleEndian.Uint16(y[i:])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// shortSort is how few elements the C run-time sorts by selection ("CUTOFF" in Microsoft's qsort).
const shortSort = 8

// qsort orders as Microsoft's C run-time does (msvcrt.dll, "qsort"): quicksort by the
// median of the first, the middle and the last element, and selection of the greatest
// for up to eight elements. It is written from that description, and the tests hold it
// against makecat. It matters only where elements are equal.
func qsort[T any](s []T, compare func(x, y T) int) {
	for len(s) > shortSort {
		below, above := partition(s, compare)
		// The smaller part first, so that this is never deeper than the logarithm of the length.
		if len(below) >= len(above) {
			below, above = above, below
		}
		qsort(below, compare)
		s = above
	}
	for n := len(s); n > 1; n-- {
		greatest := 0
		for i := 1; i < n; i++ {
			if compare(s[i], s[greatest]) > 0 {
				greatest = i
			}
		}
		s[greatest], s[n-1] = s[n-1], s[greatest]
	}
}

// partition moves what is not greater than the pivot before what is greater, and
// returns what remains to be sorted of both sides; elements equal to the pivot that
// meet in the middle are in place.
func partition[T any](s []T, compare func(x, y T) int) (below, above []T) {
	last := len(s) - 1
	mid := len(s) / 2
	for _, p := range [][2]int{{0, mid}, {0, last}, {mid, last}} {
		if compare(s[p[0]], s[p[1]]) > 0 {
			s[p[0]], s[p[1]] = s[p[1]], s[p[0]]
		}
	}
	lo, hi := 0, last
	for {
		for lo++; lo <= last && (lo == mid || compare(s[lo], s[mid]) <= 0); lo++ {
		}
		for hi--; hi > mid && compare(s[hi], s[mid]) > 0; hi-- {
		}
		if hi < lo {
			break
		}
		s[lo], s[hi] = s[hi], s[lo]
		if hi == mid {
			mid = lo // the pivot was moved
		}
	}
	for ; hi > 0 && (hi == mid || compare(s[hi], s[mid]) == 0); hi-- {
	}
	return s[:hi+1], s[lo:]
}
