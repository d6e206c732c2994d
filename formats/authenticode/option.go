package authenticode

import "github.com/hallmark-dev/hallmark/formats/cms"

// OptionError is wrong use of this package: an option, or a combination of
// options, that can never work, whatever the file. Errors of reading and refused
// files are others.
type OptionError = cms.OptionError
