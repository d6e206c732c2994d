//go:build !linux && !windows

package command

// parentExecutable is not asked on this system: whether mage is on the path
// decides.
func parentExecutable() string { return "" }
