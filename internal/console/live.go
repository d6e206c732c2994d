package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// The SGR codes of ECMA-48 that are used.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// interval between two drawings of the live line: quick enough to look alive,
// slow enough to cost nothing.
const interval = 120 * time.Millisecond

// patience is how long, elsewhere than on a terminal, work goes on in silence
// before a line says so: some CI services end a job after ten silent minutes.
const patience = time.Minute

func (c *Console) paint(code, text string) string {
	if !c.o.Colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Begin says that work on a file has begun; the live line shows it until the
// returned function is called. Elsewhere than on a terminal a line a minute says
// that the work still goes on.
func (c *Console) Begin(file string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active[file] = c.o.Now()
	if c.ticker == nil {
		every := interval
		if !c.o.Terminal {
			every = patience
		}
		c.ticker, c.stop = time.NewTicker(every), make(chan struct{})
		go c.tick(c.ticker, c.stop)
	}
	c.redraw()
	return func() { c.end(file) }
}

func (c *Console) end(file string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.active, file)
	if len(c.active) == 0 && c.ticker != nil {
		c.ticker.Stop()
		close(c.stop)
		c.ticker = nil
	}
	c.redraw()
}

func (c *Console) tick(t *time.Ticker, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			c.mu.Lock()
			c.beat()
			c.mu.Unlock()
		}
	}
}

// beat shows that work goes on.
func (c *Console) beat() {
	if c.o.Terminal {
		c.redraw()
		return
	}
	if text := c.working(); text != "" {
		fmt.Fprintln(c.w, "  …"+text)
	}
}

func (c *Console) redraw() {
	if c.o.Terminal {
		c.clear()
		c.draw()
	}
}

// clear removes the live line from the terminal.
func (c *Console) clear() {
	if c.live != "" {
		fmt.Fprint(c.w, "\r\x1b[K")
		c.live = ""
	}
}

// draw writes the live line.
func (c *Console) draw() {
	text := []rune(c.working())
	if len(text) == 0 || !c.o.Terminal {
		return
	}
	if len(text) >= c.o.Width {
		text = append(text[:c.o.Width-2], '…')
	}
	c.live = string(text)
	fmt.Fprint(c.w, c.paint(dim, c.live))
}

// working describes how long the oldest work has been going on, and on which files.
func (c *Console) working() string {
	if len(c.active) == 0 {
		return ""
	}
	files := make([]string, 0, len(c.active))
	var oldest time.Time
	for f, since := range c.active {
		files = append(files, f)
		if oldest.IsZero() || since.Before(oldest) {
			oldest = since
		}
	}
	slices.Sort(files)
	took := c.o.Now().Sub(oldest).Round(100 * time.Millisecond)
	return strings.TrimRight(fmt.Sprintf("  %5s  %s", took, c.step)+"  "+printable.Text(strings.Join(files, ", ")), " ")
}
