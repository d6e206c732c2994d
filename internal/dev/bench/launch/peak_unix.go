//go:build unix

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// peak is the largest resident size that a finished process had, in bytes
// (getrusage(2): ru_maxrss, in kilobytes but on macOS).
func peak(st *os.ProcessState) int64 {
	r, ok := st.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return inBytes(r)
}

// ownPeak is peak of this process alone. On Linux getrusage would add what was
// inherited.
func ownPeak() int64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		var kb int64
		if _, rest, ok := strings.Cut(string(status), "\nVmHWM:"); ok {
			if _, err := fmt.Sscan(rest, &kb); err == nil {
				return kb * 1024
			}
		}
	}
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return inBytes(&r)
}

func inBytes(r *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(r.Maxrss)
	}
	return int64(r.Maxrss) * 1024
}
