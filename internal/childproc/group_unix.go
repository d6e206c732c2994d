//go:build unix

package childproc

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// guard waits until its standard input ends, which is when this process does or
// says so, and kills its process group, itself included.
const guard = "read -r _; kill -KILL 0"

// group is a process group whose leader is the guard. The program joins it when
// it starts, so there is no moment at which it would run unguarded.
type group struct {
	guard *exec.Cmd
	alive *os.File // the guard's standard input
}

// newGroup starts the guard. Where there is no shell, as in a container with one
// program, there is none: the program leads its own group.
func newGroup() (*group, error) {
	shell, err := exec.LookPath("/bin/sh")
	if err != nil {
		return &group{}, nil
	}
	in, alive, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	g := &group{guard: exec.Command(shell, "-c", guard), alive: alive}
	g.guard.Env, g.guard.Stdin = []string{}, in
	g.guard.Dir = "/"
	g.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.guard.Start(); err != nil {
		alive.Close()
		return nil, err
	}
	return g, nil
}

// start starts the program in the group.
func (g *group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	if g.guard == nil {
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		return cmd.Start()
	}
	cmd.SysProcAttr.Pgid = g.guard.Process.Pid
	return cmd.Start()
}

// kill ends everything in the group.
func (g *group) kill() error {
	if g.guard == nil {
		return nil
	}
	err := syscall.Kill(-g.guard.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// close ends what is left of the group.
func (g *group) close() {
	if g.guard == nil {
		return
	}
	g.kill() //nolint:errcheck // nothing is left, or the guard does it
	g.alive.Close()
	g.guard.Wait() //nolint:errcheck // it was killed
}
