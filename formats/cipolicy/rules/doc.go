// Package rules derives App Control rules from files, as ConfigCI's New-CIPolicy
// does: [Scan] looks at the files of a folder, [Build] turns what it saw into a
// policy at a level such as Publisher or Hash, with fallback levels for files
// that the level cannot describe, and [Evaluate] says which rule of a policy
// allows or denies a file.
//
// What Scan finds out of a file is independent of the level and can be written as
// JSON lines, so that the scan of many machines can be split into shards and
// joined: the result is the same as that of one run.
//
// The levels are those of Microsoft Learn, "Understand App Control policy rules
// and file rules".
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
package rules
