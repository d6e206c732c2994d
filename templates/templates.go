// Package templates holds the built-in templates: portal/ for the submission
// text, wdac/ for App Control policies and their deployment kit. A release may
// override each by path in release.yaml.
package templates

import "embed"

// FS has the folders of the templates at its root.
//
//go:embed portal wdac
var FS embed.FS
