package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// load is the number of processes that want to run, averaged over a minute; ""
// where the system does not say.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}

// machine describes where the figures are from; no peak memory below floor bytes can
// be measured.
func machine(before, after string, floor int64) string {
	text := fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	if before != "" {
		text += fmt.Sprintf("; load average %s before, %s after", before, after)
	}
	if floor > 0 {
		text += fmt.Sprintf("; peak memory below %s cannot be measured", size(float64(floor)))
	}
	return text
}
