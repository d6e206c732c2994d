package spec

import (
	"fmt"
	"time"

	"gopkg.in/yaml.v3"
)

// Duration is a time.Duration written as in Go: 20s, 5m, 1h30m.
type Duration time.Duration

// UnmarshalYAML reads the duration from a scalar such as 20s.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a duration such as 20s or 5m", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}
