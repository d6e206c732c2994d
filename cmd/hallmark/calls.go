// Code generated from package targets: go test ./internal/dev/generate -update. DO NOT EDIT.

package main

import "github.com/hallmark-dev/hallmark/targets"

// calls returns the function of each target.
func calls() map[string]any {
	return map[string]any{
		"attach":             targets.Attach,
		"build":              targets.Build,
		"catalog":            targets.Catalog,
		"catalog:check":      targets.CATALOG{}.Check,
		"catalog:list":       targets.CATALOG{}.List,
		"catalog:make":       targets.CATALOG{}.Make,
		"catalog:sign":       targets.CATALOG{}.Sign,
		"certs":              targets.Certs,
		"clean":              targets.Clean,
		"crosscert":          targets.Crosscert,
		"default":            targets.Default,
		"doctor":             targets.Doctor,
		"file:addCerts":      targets.File{}.AddCerts,
		"file:attach":        targets.File{}.Attach,
		"file:extract":       targets.File{}.Extract,
		"file:finish":        targets.File{}.Finish,
		"file:inspect":       targets.File{}.Inspect,
		"file:prepare":       targets.File{}.Prepare,
		"file:seal":          targets.File{}.Seal,
		"file:sign":          targets.File{}.Sign,
		"file:strip":         targets.File{}.Strip,
		"file:tag":           targets.File{}.Tag,
		"file:timestamp":     targets.File{}.Timestamp,
		"file:unseal":        targets.File{}.Unseal,
		"file:verify":        targets.File{}.Verify,
		"goreleaser:install": targets.Goreleaser{}.Install,
		"init":               targets.Init,
		"package":            targets.Package,
		"plan":               targets.Plan,
		"portal":             targets.Portal,
		"release":            targets.Release,
		"resources":          targets.Resources,
		"roots:list":         targets.Roots{}.List,
		"roots:update":       targets.Roots{}.Update,
		"schema":             targets.Schema,
		"sign":               targets.Sign,
		"sums":               targets.Sums,
		"timestamp":          targets.Timestamp,
		"verify":             targets.Verify,
		"version":            targets.Version,
		"wdac":               targets.WDAC,
		"wdac:compile":       targets.Wdac{}.Compile,
		"wdac:decompile":     targets.Wdac{}.Decompile,
		"wdac:diff":          targets.Wdac{}.Diff,
		"wdac:merge":         targets.Wdac{}.Merge,
		"wdac:scan":          targets.Wdac{}.Scan,
		"wdac:show":          targets.Wdac{}.Show,
		"wdac:sign":          targets.Wdac{}.Sign,
	}
}
