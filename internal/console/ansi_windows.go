package console

import (
	"os"

	"golang.org/x/sys/windows"
)

// ansi makes the console understand escape sequences, which it does only for
// programs that ask (Windows 10 1511 and later), and reports whether it does.
func ansi(f *os.File) bool {
	var mode uint32
	h := windows.Handle(f.Fd())
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	const want = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	return mode&want == want || windows.SetConsoleMode(h, mode|want) == nil
}
