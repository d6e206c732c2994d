package release

import (
	"slices"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/spec"
)

func TestBuildersDoNotSeeThePassword(t *testing.T) {
	env := []string{"PATH=/bin", "PFX_PASSWORD=correct", "HOME=/home"}
	for name, c := range map[string]struct {
		sign *spec.Sign
		want []string
	}{
		"from the environment": {&spec.Sign{Password: "env:PFX_PASSWORD"}, []string{"PATH=/bin", "HOME=/home"}},
		"in another case":      {&spec.Sign{Password: "env:pfx_password"}, []string{"PATH=/bin", "HOME=/home"}},
		"from a file":          {&spec.Sign{Password: "file:PFX_PASSWORD"}, env},
		"unsigned":             {nil, env},
	} {
		t.Run(name, func(t *testing.T) {
			if got := withoutSecrets(env, &spec.Spec{Sign: c.sign}); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
