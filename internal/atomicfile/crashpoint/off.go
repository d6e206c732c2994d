//go:build !crashpoint

// Package crashpoint marks the places at which a test kills the process to
// prove that the next run converges. In an ordinary build the marks do
// nothing; with the build tag crashpoint the process kills itself at the mark
// that HALLMARK_CRASH_AT counts to.
package crashpoint

// Here marks a place.
func Here(string) {}
