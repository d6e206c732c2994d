package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Call is a target with the values of its flags, by the flags' names as the
// target declares them. Values are string, bool, int, float64 or time.Duration.
type Call struct {
	Target Target
	Values map[string]any
}

// Parse reads the words after the program's own options, by mage's rules: each
// target may be followed by flags of the form -name=value. It returns every
// problem at once, and no calls if there is one.
func Parse(all []Target, words []string) ([]Call, error) {
	var calls []Call
	var errs []error
	for i := 0; i < len(words); {
		word := words[i]
		i++
		flags := i
		for i < len(words) && strings.HasPrefix(words[i], "-") {
			i++
		}
		t, ok := Find(all, word)
		if !ok {
			errs = append(errs, unknown(all, word))
			continue
		}
		c, err := t.call(words[flags:i])
		errs = append(errs, err)
		calls = append(calls, c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return calls, nil
}

func (t Target) call(words []string) (Call, error) {
	c := Call{Target: t, Values: map[string]any{}}
	var errs []error
	for _, word := range words {
		name, text, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
		f, ok := t.flag(name)
		if !ok {
			errs = append(errs, t.unknownFlag(word, name))
			continue
		}
		if _, twice := c.Values[f.Name]; twice {
			errs = append(errs, fault.New(fault.Usage, "%s: -%s is given twice", t.Name, f.Name))
			continue
		}
		v, err := f.value(text, hasValue)
		if err != nil {
			errs = append(errs, fault.New(fault.Usage, "%s: %w", t.Name, err))
		}
		c.Values[f.Name] = v
	}
	return c, errors.Join(errs...)
}

// value converts text as mage does.
func (f Flag) value(text string, given bool) (any, error) {
	if !given {
		if f.Kind == Bool {
			return true, nil
		}
		return nil, fmt.Errorf("-%s needs a value: -%s=%s", f.Name, f.Name, f.example())
	}
	var v any = text
	var err error
	switch f.Kind {
	case Bool:
		v, err = strconv.ParseBool(text)
	case Int:
		v, err = strconv.Atoi(text)
	case Float:
		v, err = strconv.ParseFloat(text, 64)
	case Duration:
		v, err = time.ParseDuration(text)
	}
	if err != nil {
		return nil, fmt.Errorf("-%s=%s: want %s", f.Name, text, f.example())
	}
	return v, nil
}

func (f Flag) example() string {
	switch f.Kind {
	case Bool:
		return "true or false"
	case Int:
		return "a whole number"
	case Float:
		return "a number"
	case Duration:
		return "a time such as 90s or 5m"
	}
	return "text"
}
