// Beacon is a small server that answers health checks over HTTP. It is what
// release.yaml releases, and an example of a program worth signing: it shows
// its version, has time limits on every connection, and ends in good order.
//
//	beacon [-listen ADDRESS] [-shutdown-timeout DURATION] [-version]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the linker (build.variables in release.yaml).
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// settings are the command line.
type settings struct {
	listen   string
	shutdown time.Duration
	version  bool
}

// run is main with everything that a test wants to hold: it returns the exit
// status, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	if s.version {
		fmt.Fprintln(stdout, "beacon", version)
		return 0
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if err := serve(ctx, log, s, nil); err != nil {
		log.Error("stopped", "error", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("beacon", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` to listen on; port 0 takes a free one")
	f.DurationVar(&s.shutdown, "shutdown-timeout", 10*time.Second, "how long requests may go on after a stop")
	f.BoolVar(&s.version, "version", false, "print the version and end")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 || s.shutdown <= 0 {
		err := errors.New("unexpected argument, or a -shutdown-timeout that is not positive")
		fmt.Fprintln(stderr, "beacon:", err)
		f.Usage()
		return s, err
	}
	return s, nil
}
