package command

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Guard ends the process with exit status 2 if it is a compiled magefile whose
// command line has a word that no target or flag answers to. A magefile runs
// its targets in turn and looks at each word only when it comes to it: without
// this a typing mistake would be noticed after everything is signed.
func Guard() {
	info, ok := debug.ReadBuildInfo()
	// mage compiles a list of files, not a package.
	if !ok || info.Path != "command-line-arguments" {
		return
	}
	words, ok := magefileWords(os.Args[1:], os.Getenv)
	if !ok {
		return
	}
	m := magefile{ask: askSelf, aliases: func() []string { return aliases(".", "magefiles", "release") }}
	if err := m.judge(Targets(), words); err != nil {
		fmt.Fprintf(os.Stderr, "Error: %s\n", printable.Lines(err.Error()))
		os.Exit(statusUsage)
	}
}

const statusUsage = 2

// magefileWords returns the words after the options that a compiled magefile
// takes itself. It reports false when no target will run: for -l and -h, and
// for options that the magefile will refuse by itself.
func magefileWords(args []string, getenv func(string) string) ([]string, bool) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	truth := func(name string) bool { b, _ := strconv.ParseBool(getenv(name)); return b }
	fs.Bool("v", false, "")
	fs.Duration("t", time.Duration(0), "")
	list := fs.Bool("l", truth("MAGEFILE_LIST"), "")
	help := fs.Bool("h", truth("MAGEFILE_HELP"), "")
	if err := fs.Parse(args); err != nil || *list || *help {
		return nil, false
	}
	return fs.Args(), true
}
