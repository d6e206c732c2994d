package interrupt

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"
)

// TestConsoleEvents: Windows tells a process of them by a new thread in it that
// runs CtrlRoutine; so does the run itself here, since a test cannot close a
// console or log off.
func TestConsoleEvents(t *testing.T) {
	for name, c := range map[string]struct {
		event uint32
		by    os.Signal
	}{
		"Ctrl-C":         {windows.CTRL_C_EVENT, os.Interrupt},
		"Ctrl-Break":     {windows.CTRL_BREAK_EVENT, os.Interrupt},
		"console closed": {windows.CTRL_CLOSE_EVENT, syscall.SIGTERM},
		"logged off":     {windows.CTRL_LOGOFF_EVENT, syscall.SIGTERM},
		"shut down":      {windows.CTRL_SHUTDOWN_EVENT, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, path, said := start(t, func(cmd *exec.Cmd) {
				cmd.Env = append(cmd.Env, "INTERRUPT_EVENT="+strconv.Itoa(int(c.event)))
			})
			cmd.Wait() //nolint:errcheck // its status is looked at
			endedWell(t, cmd, path, said.String(), names[c.by])
		})
	}
}

// halfway is called by the run when it is halfway through a file.
func halfway() {
	event, err := strconv.Atoi(os.Getenv("INTERRUPT_EVENT"))
	if err != nil {
		panic(err)
	}
	go windows.NewLazySystemDLL("kernelbase.dll").NewProc("CtrlRoutine").Call(uintptr(event)) //nolint:errcheck // it does not return while the run goes on
}
