package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hallmark": main})
}

// TestScripts holds the commands' text and exit status as people see them, one
// file a theme. Each runs in a new folder, without a home, a network or keys.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("HALLMARK_UPDATE_SCRIPTS") == "1",
	})
}
