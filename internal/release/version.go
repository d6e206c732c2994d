package release

import (
	"runtime"
	"runtime/debug"
)

// modulePath is ours, as other modules require it.
const modulePath = "github.com/hallmark-dev/hallmark"

// Version names this program: its own version as the Go module system knows
// it, and what it was compiled with.
func Version() string {
	v := moduleVersion()
	if v == "" {
		v = "development version"
	}
	return "hallmark " + v + ", " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}

// moduleVersion is our own version, such as v1.4.2, or empty in a build from a
// folder.
func moduleVersion() string {
	v := ""
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(bi.Deps, &bi.Main) {
			if m.Path == modulePath && m.Replace == nil && m.Version != "" && m.Version != "(devel)" {
				v = m.Version
			}
		}
	}
	return v
}
