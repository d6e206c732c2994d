package childproc

import "syscall"

// dieWithParent has the kernel kill the program when this process ends, which
// covers the program where no guard can be started.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
