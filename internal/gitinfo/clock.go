package gitinfo

import (
	"fmt"
	"strconv"
	"time"
)

// NoTime stands in for the time of a release whose sources carry none: no git
// and no SOURCE_DATE_EPOCH. It is the first instant that zip archives can
// hold, and is clearly not a real time.
var NoTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// maxEpoch is the end of 2049: the UTCTime of X.509 and PKCS#7 goes no
// further (RFC 5280 section 4.1.2.5.1).
const maxEpoch = 2524607999

// Clock returns the time that a release writes instead of «now», so that
// the same sources give the same bytes, and where it comes from:
// SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/)
// from getenv, else the commit's time, else NoTime.
func Clock(getenv func(string) string, info Info) (at time.Time, from string, err error) {
	if s := getenv("SOURCE_DATE_EPOCH"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 || n > maxEpoch {
			return time.Time{}, "", fmt.Errorf("SOURCE_DATE_EPOCH is %q; it must be a number of seconds since 1970, before 2050", s)
		}
		return time.Unix(n, 0).UTC(), "SOURCE_DATE_EPOCH", nil
	}
	if info.Commit != "" {
		return info.Time.UTC(), "commit " + info.Commit, nil
	}
	return NoTime, "the fixed time for sources without git", nil
}
