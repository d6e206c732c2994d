package service

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Form is the short form of an identity in a service, taken apart and
// checked.
type Form interface {
	// Service is the service's name in messages, such as "Azure Key Vault".
	Service() string
	// Files are the files that the short form names.
	Files() []string
	// Connect makes the key from the form and its surroundings. It makes no
	// call; what is missing in the environment is an error (Usage).
	Connect(env Env) (Key, error)
}

// Env is what a kind of identity may use of its surroundings. Fields that are
// nil are not looked at by kinds that need them less.
type Env struct {
	Getenv func(string) string
	Dir    string // relative paths start here
	Home   string // of the user; "" where there is none
	// Password is the reference of sign.password; Resolve reads a secret.
	Password secret.Ref
	Resolve  func(secret.Ref) ([]byte, error)
	Warn     func(string)
	Clock    Clock
	// Run runs a vendor's own command for a credential and returns what it
	// wrote to standard output.
	Run func(ctx context.Context, program string, args ...string) (string, error)
}

// RunIn is Env.Run for real, in the environment env; nil is that of this process.
func RunIn(env []string) func(ctx context.Context, program string, args ...string) (string, error) {
	return func(ctx context.Context, program string, args ...string) (string, error) {
		return childproc.Run(ctx, childproc.Cmd{Path: program, Args: args, Env: env})
	}
}

// LastLine is the end of what a command printed that failed, on one line:
// there it explains why.
func LastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	last := printable.Text(strings.TrimSpace(lines[len(lines)-1]))
	if len(lines) == 1 {
		return last
	}
	return lines[0] + ": " + last
}

// Secret resolves sign.password; nil where there is none.
func (e Env) Secret() ([]byte, error) { return e.Resolve(e.Password) }

// NewCaller is a caller of a service in these surroundings.
func (e Env) NewCaller(name string, d Dialect) *Caller {
	return &Caller{Service: name, Dialect: d, Clock: e.Clock}
}

// First is the first of the variables that is set, with its value.
func (e Env) First(names ...string) (name, value string) {
	for _, n := range names {
		if v := e.Getenv(n); v != "" {
			return n, v
		}
	}
	return "", ""
}

// Options are the settings after the question mark of a short form.
type Options map[string]string

// SplitOptions takes a short form without its kind apart: BODY?NAME=VALUE&….
// Values are percent-encoded as in a URL. A name that is not known, or that
// comes twice, is an error (Usage), and none of them may hold a secret: values
// are shown in messages.
func SplitOptions(kind, s string, known ...string) (body string, o Options, err error) {
	body, query, found := strings.Cut(s, "?")
	o = Options{}
	if !found {
		return body, o, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, fault.New(fault.Usage, "identity %s: the options after ? cannot be read", kind).
			Hint("write ?NAME=VALUE&NAME=VALUE, percent-encoded as in a URL")
	}
	for name, v := range values {
		switch {
		case !slices.Contains(known, name):
			e := fault.New(fault.Usage, "identity %s: unknown option %q", kind, printable.Text(name))
			if len(known) == 0 {
				return "", nil, e.Hint("this kind has no options")
			}
			return "", nil, e.Hint("the options are: %s", strings.Join(known, ", "))
		case len(v) > 1:
			return "", nil, fault.New(fault.Usage, "identity %s: option %s is given %d times", kind, name, len(v)).Hint("give it once")
		case v[0] == "":
			return "", nil, fault.New(fault.Usage, "identity %s: option %s is empty", kind, name).Hint("write %s=VALUE, or leave it out", name)
		}
		o[name] = v[0]
	}
	return body, o, nil
}

// Endpoint checks the option of that name as Endpoint does; without it the
// address is otherwise.
func (o Options) Endpoint(kind, name, otherwise string) (*url.URL, error) {
	s := o[name]
	if s == "" {
		s = otherwise
	}
	return Endpoint("identity "+kind+": option "+name, s)
}

// Secret checks the option of that name as a reference to a secret.
func (o Options) Secret(kind, name string) (secret.Ref, error) {
	r, err := secret.Parse(o[name])
	if err != nil {
		return "", fault.New(fault.Usage, "identity %s: option %s: %w", kind, name, err)
	}
	return r, nil
}

// SplitWords splits a command at spaces and tabs. Text in "double" or 'single'
// quotes keeps its spaces and may hold the other kind of quote. Backslashes,
// dollar signs and everything else mean themselves, since no shell is involved
// and Windows paths must stay readable.
func SplitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord := false
	for _, c := range s {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case c == ' ' || c == '\t':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a %c quote is not closed", quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
