package bench

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// canPin reports whether startOn can bound the processors.
const canPin = true

// startOn starts cmd on the first n of the processors that this process may
// use; n 0 is all. A program inherits them from the thread that starts it.
func startOn(n int, cmd *exec.Cmd) error {
	if n == 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, some unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	for i := 0; some.Count() < n && i < len(all)*64; i++ {
		if all.IsSet(i) {
			some.Set(i)
		}
	}
	if err := unix.SchedSetaffinity(0, &some); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &all)
	return cmd.Start()
}
