package vault_test

import (
	"context"
	"crypto"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	st "github.com/hallmark-dev/hallmark/internal/identity/servicetest"
)

// BenchmarkService makes 300 signatures through a service that answers in 200
// ms, as many at a time as the identity allows. ratio is the time over what
// four at a time need at least; the bar is 1.2.
func BenchmarkService(b *testing.B) {
	const files, delay = 300, 200 * time.Millisecond
	pki := formatstest.NewPKI(b)
	v := st.NewVault(b, pki.Leaf.Key)
	id, err := st.Open(b, ref, st.Surroundings{Env: map[string]string{"VAULT_ADDR": v.URL, "VAULT_TOKEN": v.Token}, Chain: []string{pki.Leaf.CertFile(b)}})
	if err != nil {
		b.Fatal(err)
	}
	v.Slow(delay)
	signer := cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain, Hash: crypto.SHA256}
	for b.Loop() {
		began := time.Now()
		var g errgroup.Group
		g.SetLimit(id.Parallel)
		for n := range files {
			g.Go(func() error {
				content := cms.ContentInfo{Type: cms.OIDSpcIndirectData, DER: []byte{0x30, 4, 2, 2, byte(n>>8) + 1, byte(n)}}
				_, err := cms.Sign(context.Background(), content, signer, nil)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began))/float64(files*delay/time.Duration(id.Parallel)), "ratio")
	}
}
