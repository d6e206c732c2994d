// Package pipeline puts the steps of a release in order and runs them: it
// skips what is up to date, names, times and reports what is done, and keeps
// the ledger.
package pipeline

import (
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/attach"
	"github.com/hallmark-dev/hallmark/internal/step/before"
	"github.com/hallmark-dev/hallmark/internal/step/build"
	"github.com/hallmark-dev/hallmark/internal/step/bundle"
	"github.com/hallmark-dev/hallmark/internal/step/catalog"
	"github.com/hallmark-dev/hallmark/internal/step/crosscert"
	"github.com/hallmark-dev/hallmark/internal/step/portal"
	"github.com/hallmark-dev/hallmark/internal/step/resources"
	"github.com/hallmark-dev/hallmark/internal/step/sign"
	"github.com/hallmark-dev/hallmark/internal/step/sums"
	"github.com/hallmark-dev/hallmark/internal/step/timestamp"
	"github.com/hallmark-dev/hallmark/internal/step/verify"
	"github.com/hallmark-dev/hallmark/internal/step/wdac"
)

// Steps is the whole product in order. The order is fixed by Authenticode:
// whatever changes a program comes before its signature, whatever describes
// the finished bytes comes after.
func Steps() []step.Step {
	return []step.Step{
		before.Step(),    // build.before: code generators and their like
		build.Step(),     // dist/build: the programs as compiled
		resources.Step(), // version information, manifest, icon
		sign.Step(),      // the PKCS#7 signature, beside the program
		crosscert.Step(), // further certificates in it
		timestamp.Step(), // an RFC 3161 token in it
		attach.Step(),    // dist/release: the programs as shipped
		verify.Step(),    // judged as Windows would, by two readers
		catalog.Step(),   // dist/catalog: all of it listed in a signed catalog
		wdac.Step(),      // dist/wdac: the App Control policy that allows all of it
		portal.Step(),    // dist/portal: the submission text
		bundle.Step(),    // dist/package: what is published, under plain names
		sums.Step(),      // dist/package/SHA256SUMS, taken last
	}
}
