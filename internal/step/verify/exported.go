package verify

import (
	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Options are the settings by which this release judges signatures, for steps
// that sign something else than programs.
func Options(r *step.Run) (authenticode.VerifyOptions, error) { return options(r) }

// Refuse turns the report about a signature into an error unless it is good in
// every respect and of the publisher that the spec wants.
func Refuse(r *step.Run, report *authenticode.Report) error { return refuse(r, report) }
