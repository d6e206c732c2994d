package release

import (
	"context"
	"sync"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/golist"
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

// remembered asks each question once, for a machine with cgo or without.
func remembered(ask builder.Listing) builder.Listing {
	type key struct {
		goarch string
		cgo    bool
	}
	type answer struct {
		do   sync.Once
		list []golist.Package
		err  error
	}
	var answers sync.Map // of *answer, by key
	return func(ctx context.Context, goarch string, cgo bool) ([]golist.Package, error) {
		v, _ := answers.LoadOrStore(key{goarch, cgo}, &answer{})
		a := v.(*answer)
		a.do.Do(func() { a.list, a.err = ask(ctx, goarch, cgo) })
		return a.list, a.err
	}
}
