//go:build crashpoint

package crashpoint

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

var passed atomic.Int64

// Here counts the marks passed and kills the process, without any clean-up,
// at the one that HALLMARK_CRASH_AT names (from 1). With HALLMARK_CRASH_LOG
// the name of each mark is appended to that file, one a line, so that a test
// knows how many there are.
func Here(name string) {
	n := passed.Add(1)
	if log := os.Getenv("HALLMARK_CRASH_LOG"); log != "" {
		if f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			fmt.Fprintln(f, name)
			f.Close()
		}
	}
	if at, _ := strconv.ParseInt(os.Getenv("HALLMARK_CRASH_AT"), 10, 64); at != n {
		return
	}
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	p.Kill()
	select {}
}
