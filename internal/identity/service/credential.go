package service

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// renewBefore is how long before its end a credential is renewed, so that
// none ends under way. One that lives less than ten minutes is renewed at half
// its time.
const renewBefore = 5 * time.Minute

// Credential keeps a token, or whatever T is, until shortly before it ends.
// It is fetched when it is first needed, by one goroutine at a time.
type Credential[T any] struct {
	// Fetch gets a new one and says when it ends; the zero time is never.
	Fetch func(ctx context.Context) (T, time.Time, error)
	Now   func() time.Time // nil is time.Now

	mu     sync.Mutex
	value  T
	have   bool
	renew  time.Time // zero: never
	serial int
}

// Get returns the credential. drop forgets it after a service refused it; a
// newer one is left alone.
func (c *Credential[T]) Get(ctx context.Context) (value T, drop func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	if !c.have || !c.renew.IsZero() && !now().Before(c.renew) {
		v, end, err := c.Fetch(ctx)
		if err != nil {
			return value, nil, err
		}
		c.value, c.have, c.renew = v, true, time.Time{}
		c.serial++
		if !end.IsZero() {
			c.renew = end.Add(-min(renewBefore, end.Sub(now())/2))
		}
	}
	serial := c.serial
	return c.value, func() { c.drop(serial) }, nil
}

func (c *Credential[T]) drop(serial int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if serial == c.serial {
		c.have = false
	}
}

// Bearer sends a token in the header Authorization (RFC 6750 section 2.1).
type Bearer struct{ Token *Credential[string] }

// Authorize puts the token on r.
func (b Bearer) Authorize(ctx context.Context, r *http.Request, _ []byte) (func(), error) {
	token, drop, err := b.Token.Get(ctx)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return drop, nil
}
