package spec_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/spectest"
)

var update = flag.Bool("update", false, "write what is said now into the golden files")

// TestCases runs every case of spectest/cases: each rule and its violation.
func TestCases(t *testing.T) {
	env := spec.Env{Root: spectest.Project(t)}
	list := spectest.Cases(t)
	for i, c := range list {
		_, err := spec.Parse("release.yaml", []byte(c.YAML), env)
		got := ""
		if err != nil {
			got = err.Error()
		}
		list[i].Error = got
		t.Run(c.Name, func(t *testing.T) {
			if refused := c.Verdict != spectest.Accepted; refused != (err != nil) {
				t.Errorf("must be %s; got:\n%s\nfile:\n%s", c.Verdict, got, c.YAML)
			}
			lines := strings.Split(got, "\n")
			for i := 0; err != nil && i < len(lines); i += 2 {
				if i+1 == len(lines) || !strings.HasPrefix(lines[i+1], "hint: ") {
					t.Errorf("no hint what to do: %s", lines[i])
				}
			}
			if !*update && got != c.Error {
				t.Errorf("got:\n%s\nwant:\n%s\nfile:\n%s", got, c.Error, c.YAML)
			}
		})
	}
	if *update {
		spectest.Update(t, "spectest/cases", list)
	}
}
