package spec

import (
	"fmt"
	"path"
	"regexp"
	"runtime"
	"strings"
)

// checkName refuses what Windows cannot hold as a file name, see
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
func checkName(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("%s is longer than 64 characters", quote(s))
	}
	return checkPart(s, s)
}

// checkPart refuses part, a name between slashes in s, when Windows would read
// it as something else.
func checkPart(part, s string) string {
	switch {
	case strings.HasSuffix(part, "."):
		return fmt.Sprintf("%s ends with a dot, which Windows drops", quote(part))
	case strings.HasSuffix(part, " "):
		return fmt.Sprintf("%s ends with a blank, which Windows drops", quote(part))
	case isDevice(part):
		return fmt.Sprintf("%s is the name of a device on Windows", quote(s))
	}
	return ""
}

var device = regexp.MustCompile(`^(?i:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[1-9¹²³])$`)

// isDevice recognises the names that Windows gives to devices in every folder,
// whatever extension follows.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	return device.MatchString(strings.TrimRight(base, " "))
}

// checkPath judges a path by the rules of all systems at once, so that a file
// means the same on each. It lets a path leave the project only when it is
// absolute, and so visibly meant.
func checkPath(s string) string { return judgePath(s, `<>"|*?`) }

func checkGlob(s string) string {
	if _, err := path.Match(s, ""); err != nil {
		return fmt.Sprintf("%s is not a glob pattern: a bracket is not closed, or a range is wrong", quote(s))
	}
	return judgePath(s, `<>"|`)
}

// judgePath refuses a relative path with one of the forbidden characters, or
// that Windows would read as another one.
func judgePath(s, forbidden string) string {
	if isAbs(s) {
		return ""
	}
	switch {
	case strings.Contains(s, `\`):
		return fmt.Sprintf("%s holds a backslash; relative paths are written with slashes", quote(s))
	case strings.Contains(s, ":"):
		return fmt.Sprintf("%s holds a colon, which Windows reads as the end of a drive's name or of a file's", quote(s))
	case strings.ContainsAny(s, forbidden):
		return fmt.Sprintf("%s holds one of the characters %s, which Windows allows in no name", quote(s), forbidden)
	}
	if m := leaves(s); m != "" {
		return m
	}
	for _, part := range strings.Split(s, "/") {
		if part == "." || part == ".." {
			continue
		}
		if m := checkPart(part, s); m != "" {
			return m
		}
	}
	return ""
}

func leaves(s string) string {
	if c := path.Clean(s); c == ".." || strings.HasPrefix(c, "../") {
		return fmt.Sprintf("%s leaves the project; only an absolute path may", quote(s))
	}
	return ""
}

var driveRoot = regexp.MustCompile(`^([A-Za-z]:[\\/]|\\\\|//)`)

// isAbs recognises absolute paths of every system: /x, C:\x, C:/x, \\server\share and
// //server/share. C:x is not one: it depends on the current folder of the drive.
func isAbs(s string) bool { return strings.HasPrefix(s, "/") || driveRoot.MatchString(s) }

// foreign explains why an absolute path means nothing on this system.
func foreign(s string) string {
	windows := driveRoot.MatchString(s)
	switch {
	case runtime.GOOS == "windows" && isAbs(s) && !windows:
		return fmt.Sprintf("%s has no drive letter", quote(s))
	case runtime.GOOS != "windows" && windows && !strings.HasPrefix(s, "/"):
		return fmt.Sprintf("%s is a path of Windows, and this is not Windows", quote(s))
	}
	return ""
}
