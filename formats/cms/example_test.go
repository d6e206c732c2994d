package cms_test

import (
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Who signed, and does it compute?
func ExampleParse() {
	var der []byte // the PKCS#7 of a signed file or a catalog
	s, err := cms.Parse(der)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range s.Signers {
		cert, err := s.SignerCertificate(i)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(cert.Subject, s.CheckContent(i), s.Signers[i].CheckSignature(cert))
	}
	// Output: reading PKCS#7 ContentInfo at offset 0: not a complete SEQUENCE
}
