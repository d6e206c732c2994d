package rfc3161

import (
	"fmt"
	"strings"
)

// ServiceError says that no time-stamp server did its work. It names every server with its reason.
type ServiceError struct {
	// Servers are in the order of Client.Servers.
	Servers []ServerFailure
	// Attempts are all requests in the order they were made.
	Attempts []Attempt
	// Reason is what ended the call where it was not the servers alone, such as the time budget.
	Reason string
}

// ServerFailure is why one server did not help.
type ServerFailure struct {
	// Server is its URL without password.
	Server string
	// Attempts that this call made at it; 0 where it was not asked.
	Attempts int
	// Status is the HTTP status of the last attempt, 0 where there was none.
	Status int
	// Err is the cause of the last failure.
	Err error
}

func (e *ServiceError) Error() string {
	parts := make([]string, 0, len(e.Servers))
	for _, s := range e.Servers {
		parts = append(parts, s.String())
	}
	what := "no timestamp server returned a valid timestamp"
	if e.Reason != "" {
		what += " (" + e.Reason + ")"
	}
	return what + ": " + strings.Join(parts, "; ")
}

func (s ServerFailure) String() string {
	switch s.Attempts {
	case 0:
		return fmt.Sprintf("%s: %v", s.Server, s.Err)
	case 1:
		return fmt.Sprintf("%s (1 attempt): %v", s.Server, s.Err)
	}
	return fmt.Sprintf("%s (%d attempts): %v", s.Server, s.Attempts, s.Err)
}

// Unwrap gives the causes, for errors.As.
func (e *ServiceError) Unwrap() []error {
	causes := make([]error, 0, len(e.Servers))
	for _, s := range e.Servers {
		causes = append(causes, s.Err)
	}
	return causes
}

// answerError marks an answer that is wrong in itself, as opposed to one that did not come.
type answerError struct{ err error }

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }

func wrongAnswer(err error) error {
	if err == nil {
		return nil
	}
	return &answerError{err}
}
