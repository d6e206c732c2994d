package spec

import (
	"errors"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
)

// judgeIdentity judges the short form of an identity. The message names the
// kind and what is missing, never the text behind it.
func judgeIdentity(s string) (message, hint string) {
	_, err := identity.ParseRef(s)
	if err == nil {
		return "", ""
	}
	if e := (*fault.Error)(nil); errors.As(err, &e) {
		return strings.TrimPrefix(e.Err.Error(), "identity: "), strings.Join(e.Hints, "; ")
	}
	return err.Error(), ""
}
