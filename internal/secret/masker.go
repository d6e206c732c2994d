package secret

import (
	"bytes"
	"io"
	"sync"
)

// Mask is written in place of every secret.
const Mask = "***"

// minMasked is the length in bytes below which a secret is not masked: one
// or two characters occur everywhere, and masking them would give away their
// places in every line.
const minMasked = 3

// Masker is an io.Writer that replaces secrets on their way to another
// writer, even when a secret arrives split over several writes. It holds
// back only as many bytes as may be the beginning of a secret; Flush
// releases them. It is safe for concurrent use.
type Masker struct {
	mu      sync.Mutex
	w       io.Writer
	secrets [][]byte
	held    []byte
}

// NewMasker returns a Masker in front of w. Secrets shorter than three bytes
// are ignored.
func NewMasker(w io.Writer, secrets ...[]byte) *Masker {
	m := &Masker{w: w}
	for _, s := range secrets {
		m.Add(s)
	}
	return m
}

// Add makes a further secret known.
func (m *Masker) Add(s []byte) {
	if len(s) < minMasked {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets = append(m.secrets, bytes.Clone(s))
}

// Write masks p and passes on what cannot be the beginning of a secret. It
// reports len(p) unless the other writer fails.
func (m *Masker) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = append(m.held, p...)
	if err := m.pass(false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush passes on what is held back. What follows a Flush is a new
// beginning: call it when the child program has ended.
func (m *Masker) Flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pass(true)
}

func (m *Masker) pass(all bool) error {
	var out []byte
	b := m.held
	for len(b) > 0 {
		n, partial := m.match(b)
		if partial && !all {
			break
		}
		if n > 0 {
			out, b = append(out, Mask...), b[n:]
			continue
		}
		out, b = append(out, b[0]), b[1:]
	}
	m.held = bytes.Clone(b)
	if len(out) == 0 {
		return nil
	}
	_, err := m.w.Write(out)
	return err
}

// match returns the length of the longest secret at the start of b. partial
// says that b may be the start of a longer one.
func (m *Masker) match(b []byte) (n int, partial bool) {
	for _, s := range m.secrets {
		switch {
		case bytes.HasPrefix(b, s):
			n = max(n, len(s))
		case len(b) < len(s) && bytes.HasPrefix(s, b):
			partial = true
		}
	}
	return n, partial
}

// MaskText returns text with every secret replaced.
func MaskText(text string, secrets ...[]byte) string {
	var out bytes.Buffer
	m := NewMasker(&out, secrets...)
	m.Write([]byte(text)) // a bytes.Buffer cannot fail
	m.Flush()
	return out.String()
}
