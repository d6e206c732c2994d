//go:build unix && !linux

package childproc

import "syscall"

// dieWithParent does nothing: only Linux tells a child that its parent is gone.
func dieWithParent(*syscall.SysProcAttr) {}
