// Package interrupt ends a run in good order when the system or the person at
// the keyboard asks for it: what is half-written is removed, what was started
// is ended, and the error says in one line that the run was interrupted.
//
// mage's main function handles Ctrl-C alone. The other ways to end a program,
// SIGTERM and SIGHUP, and on Windows a closed console, the user logging off and
// the system shutting down, would end the process where it stands; so every
// target runs inside Run.
package interrupt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Error is a run that a signal has ended. It is a context.Canceled for errors.Is.
type Error struct{ Signal os.Signal }

// Error names the signal.
func (e *Error) Error() string { return "interrupted by " + name(e.Signal) }

// Is reports whether the run's context was cancelled.
func (e *Error) Is(target error) bool { return target == context.Canceled }

// Run calls do with a context that ends at the first of signals. A second one
// ends the process at once, as if there were no Run. The error is do's; where
// all that do says is that its context has ended, it is one error that says
// why, instead of one for each file that was not done.
func Run(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := watch(cancel)
	defer stop()
	return explain(ctx, do(ctx))
}

// watch cancels at a signal, until it is stopped. A signal that this process was
// started to ignore, as nohup does with SIGHUP, stays ignored.
func watch(cancel context.CancelCauseFunc) (stop func()) {
	got, done := make(chan os.Signal, 1), make(chan struct{})
	for _, s := range signals {
		if !signal.Ignored(s) {
			signal.Notify(got, s)
		}
	}
	go func() {
		select {
		case s := <-got:
			signal.Stop(got)
			cancel(&Error{s})
		case <-done:
		}
	}()
	return func() {
		signal.Stop(got)
		close(done)
	}
}

// explain replaces the errors of a run that was interrupted.
func explain(ctx context.Context, err error) error {
	if err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	why := context.Cause(ctx)
	if why == context.Canceled { // mage's main function noticed first
		why = &Error{os.Interrupt}
	}
	told := fault.New(fault.Other, "%w", why).Hint("run the same command again: every file is either finished or as it was")
	if onlyCancelled(err) {
		return told
	}
	return errors.Join(told, err)
}

// onlyCancelled reports whether every error in err is the end of the context.
func onlyCancelled(err error) bool {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if !onlyCancelled(one) {
				return false
			}
		}
		return true
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return onlyCancelled(inner)
		}
	}
	return errors.Is(err, context.Canceled)
}

func name(s os.Signal) string {
	if n, ok := names[s]; ok {
		return n
	}
	return fmt.Sprint(s)
}
