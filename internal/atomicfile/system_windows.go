package atomicfile

import (
	"errors"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: Windows has no call to sync a folder, and NTFS
// journals the rename.
func syncDir(string) error { return nil }

// inUse reports whether err is what Windows answers for a file that a program has
// open. It answers the same where permission is missing.
func inUse(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
