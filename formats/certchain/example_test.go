package certchain_test

import (
	"context"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// Is a certificate trusted for code signing, and if not, why not?
func ExampleBuild() {
	_, cert := formatstest.SelfSigned("Example Ltd", formatstest.CodeSigning)
	judge := func(o certchain.Options) {
		best := certchain.Build(context.Background(), cert, o)[0]
		fmt.Println(best.Verdict(), best.Trusted())
		for _, p := range best.Problems {
			fmt.Println("-", p.Message)
		}
	}
	judge(certchain.Options{})
	judge(certchain.Options{Anchors: certchain.NewPool(cert)})
	judge(certchain.Options{Anchors: certchain.NewPool(cert), Usage: certchain.UsageTimeStamping})
	// Output:
	// CERT_E_UNTRUSTEDROOT false
	// - root "Example Ltd" is not trusted for code signing
	// TRUSTED true
	// CERT_E_WRONG_USAGE false
	// - "Example Ltd" is not for time stamping (extended key usage 1.3.6.1.5.5.7.3.8 is missing)
}

// What kind of certificate is it?
func ExampleClassify() {
	_, signer := formatstest.SelfSigned("Example Ltd", formatstest.CodeSigning)
	_, authority := formatstest.SelfSigned("Example TSA", formatstest.TimeStamping)
	fmt.Println(certchain.Classify(signer))
	fmt.Println(certchain.Classify(authority))
	// Output:
	// self-signed
	// TSA
}
