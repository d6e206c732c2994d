package spec_test

import (
	"testing"

	"github.com/hallmark-dev/hallmark/internal/spec"
)

// TestShippedSpec: the release.yaml at the root must load without git and
// without environment variables, as on a machine with only Go.
func TestShippedSpec(t *testing.T) {
	s, err := spec.Load("../../release.yaml", spec.Env{Root: "../.."})
	if err != nil {
		t.Fatal(err)
	}
	if s.Sign.Identity != "test" || s.Timestamp.Servers[0] != "test" || s.Catalog == nil || s.WDAC == nil || s.Portal == nil || s.Resources == nil {
		t.Errorf("a step is off: %+v", s)
	}
}
