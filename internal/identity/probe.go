package identity

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// probe remembers the outcome of one trial signature: tokens and services
// count, bill and limit each one.
type probe struct {
	once sync.Once
	err  error
}

// Probe makes one signature and verifies it with the certificate: the only
// proof that the key is reached and is the right one. The outcome is
// remembered, so it costs one signature however often it is called.
func (i *Identity) Probe() error {
	i.probe.once.Do(func() { i.probe.err = i.trySigning() })
	return i.probe.err
}

func (i *Identity) trySigning() error {
	h := i.opts.hash()
	trial := h.New()
	trial.Write([]byte("Hallmark trial signature: not over any file"))
	digest, began := trial.Sum(nil), time.Now()
	signature, err := i.Key.Sign(rand.Reader, digest, h)
	if err != nil {
		return err
	}
	if i.info != nil {
		i.info.Latency = time.Since(began)
	}
	if err := checkSignature(i.Certificate.PublicKey, digest, signature, h); err != nil {
		return fault.New(fault.Usage, "the key does not match the certificate %q: %v", i.Certificate.Subject, err).
			Hint("the key and its certificate must come from the same request")
	}
	return nil
}
