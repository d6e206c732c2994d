//go:build !unix

package args_test

import "errors"

func pipe(string) error { return errors.ErrUnsupported }
