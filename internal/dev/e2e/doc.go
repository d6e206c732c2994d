// Package e2e holds the tests that run the compiled program as people do:
// from the command line, killed half-way, twice at once, and from another
// repository.
package e2e
