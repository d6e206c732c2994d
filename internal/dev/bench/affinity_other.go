//go:build !linux

package bench

import "os/exec"

const canPin = false

func startOn(_ int, cmd *exec.Cmd) error { return cmd.Start() }
