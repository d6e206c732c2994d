// Package console shows people what a release is doing: steps, files with
// durations, a live line on a terminal, plain lines elsewhere.
package console

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Options describe how to write.
type Options struct {
	// Terminal turns the live line on.
	Terminal bool
	// Colour turns colours on. The caller honours NO_COLOR.
	Colour bool
	// Verbose shows what is up to date file by file, and details.
	Verbose bool
	// Width of the terminal in columns; 0 means 80.
	Width int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Events, if set, also receives what happens, for other programs: the
	// name of the event and its data.
	Events func(name string, data map[string]any)
}

// Console writes to one stream. It is safe for several goroutines. The zero
// value is not usable; Discard gives one that shows nothing.
type Console struct {
	mu     sync.Mutex
	w      io.Writer
	o      Options
	live   string
	active map[string]time.Time
	ticker *time.Ticker
	stop   chan struct{}

	step    string // whose lines are being written
	pending bool   // its name has not been written yet
}

// New returns a console on w.
func New(w io.Writer, o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Width <= 0 {
		o.Width = 80
	}
	return &Console{w: w, o: o, active: map[string]time.Time{}}
}

// Discard returns a console that shows nothing.
func Discard() *Console { return New(io.Discard, Options{}) }

// Verbose reports whether details are wanted.
func (c *Console) Verbose() bool { return c.o.Verbose }

// Event tells other programs what happens; people see nothing of it.
func (c *Console) Event(name string, data map[string]any) {
	if c.o.Events != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.o.Events(name, data)
	}
}

// Line writes one line as it is.
func (c *Console) Line(format string, args ...any) {
	c.print(text(format, args))
}

// text fills a format. Texts of others must not drive the terminal, or begin
// lines of their own; errors may have several lines.
func text(format string, args []any) string {
	shown := make([]any, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			a = printable.Text(s)
		}
		shown[i] = a
	}
	return printable.Lines(fmt.Sprintf(format, shown...))
}

// Note writes a remark below the current step.
func (c *Console) Note(format string, args ...any) {
	c.Event("note", map[string]any{"text": text(format, args)})
	c.print("  " + c.paint(cyan, "note") + "  " + indent(text(format, args), 8))
}

// Warn writes a warning. Nothing that fails a release is a warning.
func (c *Console) Warn(format string, args ...any) {
	c.Event("warning", map[string]any{"text": text(format, args)})
	c.print("  " + c.paint(yellow, "warning") + "  " + indent(text(format, args), 11))
}

// Detail writes a line only when details are wanted.
func (c *Console) Detail(format string, args ...any) {
	if c.o.Verbose {
		c.print("  " + c.paint(dim, indent(text(format, args), 2)))
	}
}

// stepWidth is the width of the column with the names of steps: that of the
// longest, attach signatures.
const stepWidth = 17

// Heading begins a step. Its name is written with its first file, or with the
// note, so that a step of one file is one line.
func (c *Console) Heading(name, note string) {
	c.mu.Lock()
	c.step, c.pending = name, note == ""
	c.mu.Unlock()
	if note != "" {
		c.Event("step", map[string]any{"step": name, "state": note})
		c.print(c.column(name) + "  " + c.paint(dim, note))
		return
	}
	c.Event("step", map[string]any{"step": name})
}

func (c *Console) column(name string) string {
	return c.paint(bold, name) + strings.Repeat(" ", max(stepWidth-len([]rune(name)), 0))
}

// Done writes the line of a finished file.
func (c *Console) Done(file, note string, took time.Duration) {
	c.result(green, "ok", file, note, took)
}

// Failed writes the line of a file that failed.
func (c *Console) Failed(file string, took time.Duration) {
	c.result(red, "failed", file, "", took)
}

func (c *Console) result(colour, mark, file, note string, took time.Duration) {
	text := printable.Text(file)
	if note != "" {
		text += "  " + c.paint(dim, printable.Text(note))
	}
	text = c.paint(colour, fmt.Sprintf("%-6s", mark)) + "  " + text + "  " + c.paint(dim, Duration(took))
	c.print(c.label() + "  " + text)
}

// label is what stands before a file: the step's name the first time.
func (c *Console) label() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.step == "": // a command without steps
		return ""
	case c.pending:
		c.pending = false
		return c.column(c.step)
	}
	return strings.Repeat(" ", stepWidth)
}

func (c *Console) print(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	fmt.Fprintln(c.w, text)
	c.draw()
}

// Duration renders a duration with three useful digits: 2ms, 1.25s, 3m10s.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func indent(text string, by int) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+strings.Repeat(" ", by))
}

// Child returns a writer for the output of a program that is run: shown line
// by line when details are wanted, else nil, which means that it is only kept
// for the error.
func (c *Console) Child() io.Writer {
	if !c.o.Verbose {
		return nil
	}
	return childWriter{c}
}

type childWriter struct{ c *Console }

func (w childWriter) Write(b []byte) (int, error) {
	for _, l := range strings.Split(strings.TrimRight(string(b), "\n"), "\n") {
		w.c.Detail("| %s", l)
	}
	return len(b), nil
}
