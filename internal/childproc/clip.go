package childproc

import (
	"bytes"
	"fmt"
	"sync"
)

// clip keeps the first and the last max/2 bytes written to it.
type clip struct {
	max     int
	mu      sync.Mutex
	head    bytes.Buffer
	tail    []byte
	dropped int
}

func (c *clip) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	if room := c.max/2 - c.head.Len(); room > 0 {
		take := min(room, len(p))
		c.head.Write(p[:take])
		p = p[take:]
	}
	c.tail = append(c.tail, p...)
	if over := len(c.tail) - c.max/2; over > c.max/2 {
		c.dropped += over
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
	return n, nil
}

func (c *clip) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == 0 {
		return c.head.String() + string(c.tail)
	}
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", c.head.String(), c.dropped, c.tail)
}
