package cms_test

import (
	"context"
	"encoding/asn1"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// Sign some content, and read the message again.
func ExampleSign() {
	key, cert := formatstest.SelfSigned("Example Ltd", formatstest.CodeSigning)
	content, err := asn1.Marshal([]byte("hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	message, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDData, DER: content}, cms.Signer{Key: key, Certificate: cert}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	der, err := message.Marshal()
	if err != nil {
		fmt.Println(err)
		return
	}

	read, err := cms.Parse(der)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range read.Signers {
		signer, err := read.SignerCertificate(i)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(signer.Subject)
		fmt.Println("the content is as it was signed:", read.CheckContent(i) == nil)
		fmt.Println("the key has signed it:", read.Signers[i].CheckSignature(signer) == nil)
	}
	// Output:
	// CN=Example Ltd
	// the content is as it was signed: true
	// the key has signed it: true
}

// Damaged messages give an error that says where they are damaged.
func ExampleParse() {
	_, err := cms.Parse([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	fmt.Println(err)
	// Output: reading PKCS#7 contentType at offset 2: not an OBJECT IDENTIFIER
}
