package cipolicy

// Optional is an XML attribute or element that may be absent. Absent and empty
// are different things in a policy: the order of compiled rules depends on it.
type Optional[T any] struct {
	Value T
	Set   bool
}

// Some returns an Optional that holds v.
func Some[T any](v T) Optional[T] {
	return Optional[T]{Value: v, Set: true}
}

// nonZero returns v as an Optional, absent when it is the zero value.
func nonZero[T comparable](v T) Optional[T] {
	var zero T
	return Optional[T]{Value: v, Set: v != zero}
}
