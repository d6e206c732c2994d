// Command launch runs a program and writes what that took, as JSON, to a file:
//
//	launch FILE PROGRAM [ARGUMENT...]
//
// It is a program of its own because it is small. Linux lets a program begin
// with the peak memory of the process that starts it, so a large one could not
// measure a small one.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Usage is what one run of a program took. Times are in nanoseconds, memory is
// in bytes and 0 where the system does not tell.
type Usage struct {
	Wall, CPU time.Duration // CPU is user and system time of all its processes
	Peak      int64         // resident memory of its largest process
	Own       int64         // the same of this program: less than that cannot be measured
	Exit      int
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		os.Exit(1)
	}
}

func run(file, program string, args []string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	st := cmd.ProcessState
	b, err := json.Marshal(Usage{Wall: took, CPU: st.UserTime() + st.SystemTime(), Peak: peak(st), Own: ownPeak(), Exit: st.ExitCode()})
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}
