// Package policy makes the App Control policy of a release: a template filled
// with rules for exactly the files that are shipped, a stable identity, a version
// that follows the release, the hashes of earlier releases, and a check that
// every shipped file is allowed.
package policy
