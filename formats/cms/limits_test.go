package cms_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// hostile is a SignedData with so many of each of its repeated elements.
func hostile(algorithms, certificates, crls, signers, attributes, values int) []byte {
	const context = 0xa0
	add := func(b *cryptobyte.Builder, tag cbasn1.Tag, f func(*cryptobyte.Builder)) { b.AddASN1(tag, f) }
	repeat := func(n int, f func(*cryptobyte.Builder)) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			for range n {
				f(b)
			}
		}
	}
	algorithm := func(b *cryptobyte.Builder) {
		add(b, cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(cms.OIDSHA256) })
	}
	garbage := func(b *cryptobyte.Builder) {
		add(b, cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(0) })
	}
	attribute := func(b *cryptobyte.Builder) {
		add(b, cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(cms.OIDSHA256)
			add(b, cbasn1.SET, repeat(values, func(b *cryptobyte.Builder) { b.AddASN1NULL() }))
		})
	}
	signer := func(b *cryptobyte.Builder) {
		add(b, cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			add(b, cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				add(b, cbasn1.SEQUENCE, func(*cryptobyte.Builder) {})
				b.AddASN1Int64(1)
			})
			algorithm(b)
			algorithm(b)
			b.AddASN1OctetString([]byte{1})
			add(b, context+1, repeat(attributes, attribute))
		})
	}
	var b cryptobyte.Builder
	add(&b, cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(cms.OIDSignedData)
		add(b, context, func(b *cryptobyte.Builder) {
			add(b, cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				add(b, cbasn1.SET, repeat(algorithms, algorithm))
				add(b, cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(cms.OIDData) })
				add(b, context, repeat(certificates, garbage))
				add(b, context+1, repeat(crls, garbage))
				add(b, cbasn1.SET, repeat(signers, signer))
			})
		})
	})
	return b.BytesOrPanic()
}

// TestBounds: what no signature has is refused by number, before it is read.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		der  []byte
		want string
	}{
		"as many as are read": {hostile(64, 1024, 256, 2, 256, 256), ""},
		"algorithms":          {hostile(65, 1, 1, 1, 1, 1), "digestAlgorithms"},
		"certificates":        {hostile(1, 1025, 1, 1, 1, 1), "certificates"},
		"a million of them":   {hostile(1, 1000000, 1, 1, 1, 1), "certificates"},
		"revocation lists":    {hostile(1, 1, 257, 1, 1, 1), "crls"},
		"signers":             {hostile(1, 1, 1, 65, 1, 1), "signerInfos"},
		"attributes":          {hostile(1, 1, 1, 1, 257, 1), "unsignedAttrs"},
		"values":              {hostile(1, 1, 1, 1, 1, 257), "values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cms.Parse(c.der)
			var parse *cms.ParseError
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.As(err, &parse) || !strings.Contains(parse.Field, c.want) || !strings.Contains(parse.Problem, "more than")):
				t.Errorf("%v, want a refusal of %s", err, c.want)
			}
		})
	}
}

// TestRefusalIsCheap: what a refusal allocates does not grow with what is refused.
func TestRefusalIsCheap(t *testing.T) {
	small, large := hostile(1, 2000, 1, 1, 1, 1), hostile(1, 1000000, 1, 1, 1, 1)
	cost := func(der []byte) int64 {
		return testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = cms.Parse(der)
			}
		}).AllocedBytesPerOp()
	}
	if a, b := cost(small), cost(large); b > 2*a+int64(len(large)) {
		t.Errorf("refusing %d bytes allocates %d, %d bytes %d", len(small), a, len(large), b)
	}
}
