package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
)

// Coverage says by which rules a shipped file runs.
type Coverage struct {
	File string `json:"file"`
	// Level of the rule that was made for the file, "" if none was.
	Level     string   `json:"level,omitempty"`
	AllowedBy []string `json:"allowed_by"`
	Notes     []string `json:"notes,omitempty"`
}

// cover judges every file of the release by the finished policy, independently of
// how its rules were made.
func cover(p *cipolicy.Policy, in Input, outcomes []rules.Outcome) ([]Coverage, error) {
	made := map[string]rules.Outcome{}
	for _, o := range outcomes {
		made[o.Path] = o
	}
	var out []Coverage
	var errs []error
	for i := range in.Files {
		f := &in.Files[i]
		v := rules.Evaluate(p, f, cipolicy.ScenarioUser, "")
		o := made[f.Path]
		out = append(out, Coverage{File: f.Path, Level: string(o.Level), AllowedBy: v.AllowedBy, Notes: o.Notes})
		if len(v.DeniedBy) > 0 {
			errs = append(errs, fmt.Errorf("%s is shipped but denied by the policy: %s", f.Path, strings.Join(v.DeniedBy, "; ")))
		} else if !v.Allowed {
			errs = append(errs, fmt.Errorf("%s is shipped but not allowed by any rule of the policy", f.Path))
		}
	}
	return out, errors.Join(errs...)
}
