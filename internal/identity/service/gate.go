package service

import (
	"context"
	"sync"
	"time"
)

// gate lets a limited number of calls through at a time, and none during a
// pause. It needs no set-up but limit.
type gate struct {
	mu      sync.Mutex
	limit   int
	busy    int
	until   time.Time     // no call starts before
	round   int           // counts how often the limit fell
	changed chan struct{} // closed when a waiting call may look again
}

// enter waits until a call may start. It returns the round that the call
// belongs to; leave must be called.
func (g *gate) enter(ctx context.Context, c Clock) (round int, err error) {
	for {
		round, pause, changed := g.tryEnter(c.Time())
		switch {
		case pause > 0:
			if err := c.wait(ctx, pause); err != nil {
				return 0, err
			}
		case changed != nil:
			select {
			case <-changed:
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
		default:
			return round, nil
		}
	}
}

// tryEnter enters, or returns how long to pause or what to wait for.
func (g *gate) tryEnter(now time.Time) (round int, pause time.Duration, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if pause = g.until.Sub(now); pause > 0 {
		return 0, pause, nil
	}
	if g.busy < g.limit {
		g.busy++
		return g.round, 0, nil
	}
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return 0, 0, g.changed
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// pause lets no call start before until. With fewer it also halves the limit,
// once for all calls of a round: several that were under way together are
// throttled together.
func (g *gate) pause(until time.Time, round int, fewer bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
	if fewer && round == g.round {
		g.limit = max(1, g.limit/2)
		g.round++
	}
}
