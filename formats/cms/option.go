package cms

import "fmt"

// OptionError is wrong use: an option, or a combination of options, that can
// never work, whatever the file. The packages above cms return it, too, so that
// it can be told from errors of reading and from refused files.
type OptionError struct {
	Option  string // the field or parameter
	Problem string
}

func (e *OptionError) Error() string { return e.Problem }

// WrongOption makes an OptionError.
func WrongOption(option, format string, args ...any) error {
	return &OptionError{option, fmt.Sprintf(format, args...)}
}
