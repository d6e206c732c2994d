package pipeline

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// lines shows the units of a step as they are done, those of one program in one
// line when the last of them is.
type lines struct {
	c    *console.Console
	mu   sync.Mutex
	left map[string]int // units of each group that are not done
	part map[string][]result
}

// result is a unit of a group that is done.
type result struct {
	part, note string
	took       time.Duration
}

func newLines(c *console.Console, units []step.Unit) *lines {
	l := &lines{c: c, left: map[string]int{}, part: map[string][]result{}}
	for _, u := range units {
		l.left[u.Group]++
	}
	return l
}

func (l *lines) done(u step.Unit, note string, took time.Duration, err error) {
	if err != nil {
		l.c.Failed(u.Label(), took)
	}
	if u.Group == "" {
		if err == nil {
			l.c.Done(u.Label(), note, took)
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.part[u.Group] = append(l.part[u.Group], result{cmp.Or(u.Part, u.Label()), note, took})
	}
	if l.left[u.Group]--; l.left[u.Group] == 0 {
		l.show(u.Group)
	}
}

// show writes the line of a group; the note is that of its first part.
func (l *lines) show(group string) {
	parts := l.part[group]
	if len(parts) == 0 {
		return
	}
	slices.SortFunc(parts, func(a, b result) int { return strings.Compare(a.part, b.part) })
	var names []string
	var took time.Duration
	for _, p := range parts {
		names = append(names, p.part)
		took = max(took, p.took)
	}
	l.c.Done(group+"  "+strings.Join(names, ", "), parts[0].note, took)
}
