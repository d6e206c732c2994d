// Package docstest holds the tests of the documents: links lead somewhere, and
// what they call targets, flags and dependencies exists.
package docstest
