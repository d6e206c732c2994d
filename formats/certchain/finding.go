package certchain

import (
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Severity says what a finding does to the result.
type Severity string

const (
	SeverityError   Severity = "error"   // Windows refuses the file for it, and so do we
	SeverityStrict  Severity = "strict"  // Windows lets it pass, we do not, unless it is allowed by the name of its check
	SeverityWarning Severity = "warning" // worth knowing; does not change the result
	SeverityNote    Severity = "note"    // for the record
)

// Check names the check that made a finding. The names are stable.
type Check string

// The checks of a chain, with their sources. Package authenticode has more.
const (
	CheckChain      Check = "chain"      // RFC 5280 section 6
	CheckUsage      Check = "usage"      // extended key usages
	CheckRevocation Check = "revocation" // CRL (RFC 5280 section 5), OCSP (RFC 6960)
	CheckDisallowed Check = "disallowed" // Microsoft's list of disallowed certificates
)

// Finding is something that a check noticed.
type Finding struct {
	Check    Check    `json:"check"`
	Severity Severity `json:"severity"`
	// Verdict is what Windows answers for it; zero where Windows does not mind.
	Verdict Verdict `json:"verdict"`
	Message string  `json:"message"`
	// Hint says what to do about it; may be empty.
	Hint string `json:"hint,omitempty"`
}

// String gives the finding as one line of text, without what a terminal would
// obey: the message can hold names of the file that was judged.
func (f Finding) String() string {
	s := string(f.Severity) + ": " + string(f.Check) + ": " + printable.Text(f.Message)
	if f.Verdict != VerdictTrusted {
		s += " (" + f.Verdict.String() + ")"
	}
	return s
}

// WithHint returns the finding with another hint.
func (f Finding) WithHint(hint string) Finding {
	f.Hint = hint
	return f
}

func problem(c Check, v Verdict, format string, args ...any) Finding {
	return Finding{Check: c, Severity: SeverityError, Verdict: v, Message: fmt.Sprintf(format, args...)}
}

func note(c Check, format string, args ...any) Finding {
	return Finding{Check: c, Severity: SeverityNote, Message: fmt.Sprintf(format, args...)}
}
