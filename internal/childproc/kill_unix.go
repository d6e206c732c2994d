//go:build unix

package childproc

import (
	"os/exec"
	"syscall"
)

// killGroup gives the program a process group of its own and makes a
// cancelled context end the whole group: go build and goreleaser start
// compilers, which would otherwise go on.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
