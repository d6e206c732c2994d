package rfc3161

import "github.com/hallmark-dev/hallmark/formats/cms"

// OptionError is wrong use of this package, as opposed to an answer that is
// refused or a server that does not answer.
type OptionError = cms.OptionError
