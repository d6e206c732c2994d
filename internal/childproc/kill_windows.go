package childproc

import (
	"os/exec"
	"strconv"
)

// killGroup makes a cancelled context end the program and all its children.
// taskkill /T walks the tree of processes; when it fails the program alone is
// ended.
func killGroup(cmd *exec.Cmd) {
	cmd.Cancel = func() error {
		pid := strconv.Itoa(cmd.Process.Pid)
		if exec.Command("taskkill", "/T", "/F", "/PID", pid).Run() == nil {
			return nil
		}
		return cmd.Process.Kill()
	}
}
