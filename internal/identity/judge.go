package identity

import (
	"errors"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Severity of a Problem.
type Severity int

const (
	Warning Severity = iota // said, but the release goes on
	Error                   // nothing may be signed
)

// String is "warning" or "error".
func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// MarshalText writes the text of String into JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Problem is one thing that is wrong with an identity.
type Problem struct {
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"` // what was judged, such as validity
	Text     string   `json:"text"`
	Hint     string   `json:"hint,omitempty"`
	Err      error    `json:"-"` // the failure that caused it, if there is one
}

// Rules, as Problem.Rule names them.
const (
	RuleKey       = "key"
	RuleValidity  = "validity"
	RulePurpose   = "purpose"
	RuleAlgorithm = "algorithm"
	RuleChain     = "chain"
	RuleLifetime  = "lifetime"
	RuleExpected  = "expected"
)

// Judge says everything that is wrong with signing by this identity at the
// time now. The first call makes one signature (see Probe); JudgeCertificate
// makes none. No problem of severity Error means that the identity is usable.
func (i *Identity) Judge(now time.Time) []Problem {
	var problems []Problem
	if err := i.Probe(); err != nil {
		problems = append(problems, keyProblem(err))
	}
	return append(problems, i.JudgeCertificate(now)...)
}

func keyProblem(err error) Problem {
	p := Problem{Severity: Error, Rule: RuleKey, Text: message(err), Err: err}
	if f := (*fault.Error)(nil); errors.As(err, &f) {
		p.Hint = strings.Join(f.Hints, "; ")
	}
	return p
}

// message is the text of err without its hints.
func message(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\nhint: ")
	return text
}

// JudgeCertificate judges certificate and chain alone.
func (i *Identity) JudgeCertificate(now time.Time) []Problem {
	var problems []Problem
	for _, rule := range []func(*Identity, time.Time) []Problem{
		judgeValidity, judgePurpose, judgeLifetimeSigning, judgeKeySize, judgeSHA1, judgeValidityDays, judgeChain, judgeIssuers, judgePath, judgeExpected,
	} {
		problems = append(problems, rule(i, now)...)
	}
	return problems
}

// Err joins the problems of severity Error into one error, nil if there are
// none. Its exit status is Usage, or Service when outside services alone
// failed.
func Err(problems []Problem) error {
	var all []error
	for _, p := range problems {
		if p.Severity == Error {
			all = append(all, p.fault())
		}
	}
	return errors.Join(all...)
}

func (p Problem) fault() error {
	status := fault.Usage
	if p.Err != nil {
		status = fault.Status(p.Err)
	}
	f := fault.New(status, "%s", p.Text)
	if p.Hint != "" {
		f.Hint("%s", p.Hint)
	}
	return f
}
