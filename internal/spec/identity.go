package spec

import (
	"errors"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
)

// identityPrefix stands before the messages about identities; here the path
// of the field says it.
var identityPrefix = regexp.MustCompile(`^identity:? `)

// judgeIdentity judges the short form of an identity. The message names the
// kind and what is missing, never the text after it.
func judgeIdentity(s string) (message, hint string) {
	ref, err := identity.ParseRef(s)
	if err == nil {
		for _, file := range ref.Files() {
			if message = checkPath(file); message != "" {
				return message, "write a path within the project, or the absolute path"
			}
		}
		return "", ""
	}
	if e := (*fault.Error)(nil); errors.As(err, &e) {
		return identityPrefix.ReplaceAllString(e.Err.Error(), ""), strings.Join(e.Hints, "; ")
	}
	return err.Error(), ""
}
