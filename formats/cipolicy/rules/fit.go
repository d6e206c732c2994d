package rules

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// fitName refuses a name out of a file that would mean something else in a rule:
// * stands for every file there, and XML cannot hold control characters.
func fitName(what, name string) error {
	if !printable.OK(name) {
		return fmt.Errorf("%s %q holds characters that a policy cannot hold", what, name)
	}
	if strings.Contains(name, "*") {
		return fmt.Errorf("%s %q holds *, which would stand for other files too", what, name)
	}
	return nil
}

// notInNames are the characters that names of files cannot have on Windows
// (Microsoft Learn, "Naming Files, Paths, and Namespaces"), and %, which begins a
// macro in rules.
const notInNames = `\:*?"<>|%`

// devices are names that Windows keeps for devices, with any extension (ibid.).
var devices = regexp.MustCompile(`(?i)^(CON|PRN|AUX|NUL|COM[0-9\x{b9}\x{b2}\x{b3}]|LPT[0-9\x{b9}\x{b2}\x{b3}])(\..*)?$`)

// fitPath refuses a path, relative and with slashes, that Windows cannot have: a
// rule for it would be one for other files.
func fitPath(path string) error {
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case name == "" || name == "." || name == "..":
			return fmt.Errorf("%q is not a path below the folder that was scanned", path)
		case !printable.OK(name) || strings.ContainsAny(name, notInNames):
			return fmt.Errorf("the name %q holds a character that no path rule can hold (control characters and %s)", name, strings.Join(strings.Split(notInNames, ""), " "))
		case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
			return fmt.Errorf("the name %q ends with a dot or a space, which Windows takes off", name)
		case devices.MatchString(name):
			return fmt.Errorf("the name %q stands for a device on Windows", name)
		}
	}
	return nil
}
