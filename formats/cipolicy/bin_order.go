package cipolicy

import (
	"fmt"
	"math/bits"
)

// Order is the sort routine of the compiler. Rules that compare equal are
// common, and neither routine is stable, so which one is used shows in the
// bytes. Windows treats all orders alike.
type Order int

const (
	// Quicksort is the routine of .NET Framework programs that do not declare
	// version 4.5 or later, as powershell.exe: what ConvertFrom-CIPolicy gives.
	Quicksort Order = iota
	// Introsort is the routine of .NET Framework 4.5 and later and of .NET: what
	// the App Control Policy Wizard gives.
	Introsort
	// KeepOrder does not sort. It reproduces policies of other compilers.
	KeepOrder
)

// ParseOrder reads the name of an order: quicksort, introsort or keep.
func ParseOrder(s string) (Order, error) {
	for _, o := range []Order{Quicksort, Introsort, KeepOrder} {
		if o.String() == s {
			return o, nil
		}
	}
	return 0, fmt.Errorf("%q is not a sort routine: use quicksort, introsort or keep", s)
}

// String returns the name that ParseOrder reads.
func (o Order) String() string {
	switch o {
	case Quicksort:
		return "quicksort"
	case Introsort:
		return "introsort"
	case KeepOrder:
		return "keep"
	}
	return "unknown"
}

// sorted returns the positions of keys in the order that the routine puts them.
func (o Order) sorted(keys []string) []int {
	s := sorter{keys: keys, at: make([]int, len(keys))}
	for i := range s.at {
		s.at[i] = i
	}
	if len(keys) < 2 {
		return s.at
	}
	switch o {
	case Quicksort:
		const depth = 32 // IntrospectiveSortUtilities.QuickSortDepthThreshold
		s.quick(0, len(keys)-1, depth)
	case Introsort:
		// bits.Len is floor(log2)+1, as the routine of .NET has it.
		s.intro(0, len(keys)-1, 2*bits.Len(uint(len(keys))))
	}
	return s.at
}

// sorter sorts positions by their keys. Its routines follow .NET's
// ArraySortHelper step by step, because the steps decide where equal keys go.
type sorter struct {
	keys []string
	at   []int
}

func (s *sorter) less(a, b int) bool { return s.keys[a] < s.keys[b] }
func (s *sorter) swap(i, j int)      { s.at[i], s.at[j] = s.at[j], s.at[i] }

func (s *sorter) swapIfGreater(i, j int) {
	if i != j && s.less(s.at[j], s.at[i]) {
		s.swap(i, j)
	}
}

// quick is DepthLimitedQuickSort.
func (s *sorter) quick(l, r, depth int) {
	for {
		if depth == 0 {
			s.heap(l, r)
			return
		}
		i, j := s.partition(l, r)
		depth--
		if j-l <= r-i {
			if l < j {
				s.quick(l, j, depth)
			}
			l = i
		} else {
			if i < r {
				s.quick(i, r, depth)
			}
			r = j
		}
		if l >= r {
			return
		}
	}
}

// partition swaps equal elements too, so two equal ones come out exchanged.
func (s *sorter) partition(l, r int) (i, j int) {
	m := l + (r-l)/2
	s.swapIfGreater(l, m)
	s.swapIfGreater(l, r)
	s.swapIfGreater(m, r)
	x := s.at[m]
	for i, j = l, r; i <= j; {
		for s.less(s.at[i], x) {
			i++
		}
		for s.less(x, s.at[j]) {
			j--
		}
		if i > j {
			break
		}
		s.swap(i, j)
		i++
		j--
	}
	return i, j
}

// intro is IntroSort.
func (s *sorter) intro(lo, hi, depth int) {
	for hi > lo {
		switch size := hi - lo + 1; {
		case size == 2:
			s.swapIfGreater(lo, hi)
			return
		case size == 3:
			s.swapIfGreater(lo, hi-1)
			s.swapIfGreater(lo, hi)
			s.swapIfGreater(hi-1, hi)
			return
		case size <= 16:
			s.insertion(lo, hi)
			return
		}
		if depth == 0 {
			s.heap(lo, hi)
			return
		}
		depth--
		p := s.pivot(lo, hi)
		s.intro(p+1, hi, depth)
		hi = p - 1
	}
}

// pivot is PickPivotAndPartition.
func (s *sorter) pivot(lo, hi int) int {
	m := lo + (hi-lo)/2
	s.swapIfGreater(lo, m)
	s.swapIfGreater(lo, hi)
	s.swapIfGreater(m, hi)
	x := s.at[m]
	s.swap(m, hi-1)
	l, r := lo, hi-1
	for l < r {
		for l++; s.less(s.at[l], x); l++ {
		}
		for r--; s.less(x, s.at[r]); r-- {
		}
		if l >= r {
			break
		}
		s.swap(l, r)
	}
	s.swap(l, hi-1)
	return l
}

func (s *sorter) insertion(lo, hi int) {
	for i := lo; i < hi; i++ {
		t := s.at[i+1]
		j := i
		for ; j >= lo && s.less(t, s.at[j]); j-- {
			s.at[j+1] = s.at[j]
		}
		s.at[j+1] = t
	}
}

func (s *sorter) heap(lo, hi int) {
	n := hi - lo + 1
	for i := n / 2; i >= 1; i-- {
		s.sift(i, n, lo)
	}
	for i := n; i > 1; i-- {
		s.swap(lo, lo+i-1)
		s.sift(1, i-1, lo)
	}
}

// sift is DownHeap: the heap counts from 1.
func (s *sorter) sift(i, n, lo int) {
	d := s.at[lo+i-1]
	for i <= n/2 {
		child := 2 * i
		if child < n && s.less(s.at[lo+child-1], s.at[lo+child]) {
			child++
		}
		if !s.less(d, s.at[lo+child-1]) {
			break
		}
		s.at[lo+i-1] = s.at[lo+child-1]
		i = child
	}
	s.at[lo+i-1] = d
}
