package release

import (
	"context"
	"sync"
)

// once remembers the first result of open, success or failure: a key store is
// logged into once, and a refused PIN is not tried again.
func once[T any](open func(context.Context) (T, error)) func(context.Context) (T, error) {
	var do sync.Once
	var v T
	var err error
	return func(ctx context.Context) (T, error) {
		do.Do(func() { v, err = open(ctx) })
		return v, err
	}
}
