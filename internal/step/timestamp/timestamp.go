// Package timestamp is the step that lets a signature outlive its certificate:
// an RFC 3161 token over the signature value, as an unsigned attribute.
package timestamp

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// concurrent requests to the time servers: what waits is the network, not a
// processor, and the client keeps its own limit for each server.
const concurrent = 8

// Step asks for one timestamp for each program.
func Step() step.Step {
	return step.Step{
		Name:     "timestamp",
		Does:     "get RFC 3161 timestamps",
		Enabled:  step.Timestamps,
		Units:    units,
		Parallel: func(*step.Run) int { return concurrent },
	}
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	t := r.Spec.Timestamp
	return r.PerArtifact(func(a ledger.Artifact) step.Unit {
		return step.Unit{
			Name: a.File(),
			// How often and how long is asked does not change the result.
			Config: struct {
				Servers []string
				Digest  string
			}{t.Servers, t.Digest},
			Inputs:  []string{r.SignatureBefore("timestamp", a)},
			Outputs: []string{r.Signature("timestamp", a)},
			Do:      func(ctx context.Context) (step.Result, error) { return do(ctx, r, a) },
		}
	})
}

func do(ctx context.Context, r *step.Run, a ledger.Artifact) (step.Result, error) {
	p7, err := os.ReadFile(r.Abs(r.SignatureBefore("timestamp", a)))
	if err != nil {
		return step.Result{}, fmt.Errorf("reading the signature: %w", err)
	}
	sigs, err := authenticode.PKCS7(p7).Signatures()
	if err != nil {
		return step.Result{}, err
	}
	cert, err := sigs[0].SignerCertificate(0)
	if err != nil {
		return step.Result{}, err
	}
	if err := within(r.Now(), cert); err != nil {
		return step.Result{}, err
	}
	s, err := r.Stamper(ctx)
	if err != nil {
		return step.Result{}, err
	}
	der, server, err := s.Stamp(ctx, sigs[0].Signers[0].Signature)
	if err != nil {
		return step.Result{}, err
	}
	token, err := rfc3161.ParseToken(der)
	if err != nil {
		return step.Result{}, err
	}
	if err := within(token.GenTime, cert); err != nil {
		return step.Result{}, err
	}
	if p7, err = authenticode.PKCS7(p7).SetToken(0, der); err != nil {
		return step.Result{}, err
	}
	res := step.Result{
		Facts: map[string]string{"server": server, "time": token.GenTime.UTC().Format(time.RFC3339)},
		Note:  "by " + server,
	}
	return res, r.Write(r.Signature("timestamp", a), p7)
}

// within refuses a time after the certificate's end: such a timestamp would
// prove that the signature came too late. Certificates of signing services live
// for three days, so a release that is resumed later gets there.
func within(t time.Time, c *x509.Certificate) error {
	if !t.After(c.NotAfter) {
		return nil
	}
	return fault.New(fault.Usage, "the certificate of the signature ended on %s UTC: a timestamp cannot help any more", c.NotAfter.UTC().Format(time.DateTime)).
		Hint("run %s (or %s and then %s), which signs again", command.Line("release"), command.Line("sign"), command.Line("timestamp"))
}
