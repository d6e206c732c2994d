package spec

import "time"

// Duration is a time.Duration written as in Go: 20s, 5m, 1h30m.
type Duration time.Duration

// String writes the duration as it is written in the file.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText lets a duration appear in JSON as it is written in the file.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
