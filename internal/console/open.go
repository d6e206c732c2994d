package console

import (
	"os"

	"golang.org/x/term"
)

// Open returns a console on f that suits it: colour and a live line on a
// terminal, plain lines elsewhere, in CI and on a dumb terminal. NO_COLOR
// (https://no-color.org) takes the colour away.
func Open(f *os.File, getenv func(string) string, verbose bool) *Console {
	tty := term.IsTerminal(int(f.Fd())) && getenv("TERM") != "dumb" && getenv("CI") == "" && ansi(f)
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 0
	}
	return New(f, Options{Terminal: tty, Colour: tty && getenv("NO_COLOR") == "", Verbose: verbose, Width: width})
}
