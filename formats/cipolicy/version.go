package cipolicy

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a four-part version number of 16 bits each, the major part in the
// highest bits. Versions compare as numbers.
type Version uint64

// MaxVersion is 65535.65535.65535.65535.
const MaxVersion Version = 1<<64 - 1

// NewVersion puts a version together.
func NewVersion(major, minor, build, revision uint16) Version {
	return Version(major)<<48 | Version(minor)<<32 | Version(build)<<16 | Version(revision)
}

// ParseVersion reads two to four decimal parts of 0 to 65535, separated by
// dots. Parts that are missing count as 0.
func ParseVersion(s string) (Version, error) {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 4 {
		return 0, fmt.Errorf("%q is not a version of two to four parts, such as 10.0.0.0", s)
	}
	var v Version
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || p[0] == '+' {
			return 0, fmt.Errorf("%q is not a version: each part is a number from 0 to 65535", s)
		}
		v |= Version(n) << (48 - 16*i)
	}
	return v, nil
}

// String returns all four parts.
func (v Version) String() string {
	b := make([]byte, 0, 23)
	for shift := 48; shift >= 0; shift -= 16 {
		b = strconv.AppendUint(b, uint64(v>>shift&0xFFFF), 10)
		if shift > 0 {
			b = append(b, '.')
		}
	}
	return string(b)
}
