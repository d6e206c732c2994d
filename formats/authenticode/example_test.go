package authenticode_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"net/http/httptest"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// Sign a program. Here it is in memory; with an *os.File as destination the
// source is read once, since the copy is made while it is hashed.
func ExampleSign() {
	key, cert := formatstest.SelfSigned("Example Ltd", formatstest.CodeSigning) // yours comes from a token or a file
	program := formatstest.TinyProgram()

	var signed bytes.Buffer
	result, err := authenticode.Sign(context.Background(), bytes.NewReader(program), int64(len(program)), &signed, authenticode.SignOptions{
		Signer:      cms.Signer{Key: key, Certificate: cert}, // and Chain: the intermediate certificates
		Description: "Example",
		URL:         "https://example.com/",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signature:", result.Index)
	fmt.Println("hash:", result.Content.Hash)
	fmt.Println("bytes written:", result.Size == int64(signed.Len()))
	// Output:
	// signature: 0
	// hash: SHA-256
	// bytes written: true
}

// Timestamp a signed program, so that the signature stays valid when the
// certificate has expired.
func ExampleTimestamp() {
	signed, _ := signedProgram()
	server, authority := timeServer() // yours is http://timestamp.digicert.com or another
	defer server.Close()
	ctx := context.Background()

	p7, err := authenticode.Extract(bytes.NewReader(signed), int64(len(signed)))
	if err != nil {
		fmt.Println(err)
		return
	}
	value, err := p7.SignatureValue(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	roots := certchain.NewRoots(authority) // yours are those that Windows trusts
	client, err := rfc3161.NewClient([]string{server.URL}, roots.StampChain, rfc3161.ClientOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	stamp, err := client.Timestamp(ctx, value, crypto.SHA256)
	if err != nil {
		fmt.Println(err)
		return
	}
	var stamped bytes.Buffer
	_, err = authenticode.Timestamp(ctx, bytes.NewReader(signed), int64(len(signed)), &stamped, 0, stamp.Raw)
	fmt.Println("error:", err)
	fmt.Println("longer:", stamped.Len() > len(signed))
	// Output:
	// error: <nil>
	// longer: true
}

// Verify a program. Without trusted roots of your own those that come with
// package certchain count.
func ExampleVerify() {
	program, publisher := signedProgram()
	options := authenticode.VerifyOptions{
		Roots: certchain.NewRoots(publisher),
		Allow: []authenticode.Check{authenticode.CheckNoTimestamp}, // Windows does not ask for one
	}

	report, err := authenticode.Verify(context.Background(), bytes.NewReader(program), int64(len(program)), options)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Windows, report.Trusted, report.Signatures[0].Signer.Subject)

	program[0x200]++ // another program with the same signature
	report, err = authenticode.Verify(context.Background(), bytes.NewReader(program), int64(len(program)), options)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Windows, report.Trusted, report.Windows.Code())
	// Output:
	// TRUSTED true CN=Example Ltd
	// TRUST_E_BAD_DIGEST false 0x80096010
}

// Inspect a program: what is in its signature, whether it is good or not.
func ExampleInspect() {
	program, _ := signedProgram()
	facts, err := authenticode.Inspect(context.Background(), bytes.NewReader(program), int64(len(program)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range facts.Signatures {
		fmt.Println(s.Signer.Subject, "signed it as", s.Description)
		fmt.Println("over this file:", *s.DigestFits)
		fmt.Println("timestamps:", len(s.Timestamps))
	}
	// Output:
	// CN=Example Ltd signed it as Example
	// over this file: true
	// timestamps: 0
}

// Change a signature inside a file.
func ExampleUpdate() {
	program, _ := signedProgram()
	var tagged bytes.Buffer
	p7, err := authenticode.Update(context.Background(), bytes.NewReader(program), int64(len(program)), &tagged,
		func(p authenticode.PKCS7) (authenticode.PKCS7, error) {
			return p.AddTag(0, []byte("download=newsletter"))
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	tags, err := p7.Tags(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", tags[0].Data)
	// Output: download=newsletter
}

// signedProgram is a program signed by an identity of its own.
func signedProgram() ([]byte, *x509.Certificate) {
	key, cert := formatstest.SelfSigned("Example Ltd", formatstest.CodeSigning)
	program := formatstest.TinyProgram()
	var signed bytes.Buffer
	if _, err := authenticode.Sign(context.Background(), bytes.NewReader(program), int64(len(program)), &signed, authenticode.SignOptions{
		Signer: cms.Signer{Key: key, Certificate: cert}, Description: "Example",
	}); err != nil {
		panic(err)
	}
	return signed.Bytes(), cert
}

// timeServer starts a time-stamp server with a certificate of its own.
func timeServer() (*httptest.Server, *x509.Certificate) {
	key, cert := formatstest.SelfSigned("Example TSA", formatstest.TimeStamping)
	server, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: key, Certificate: cert})
	if err != nil {
		panic(err)
	}
	return httptest.NewServer(server), cert
}
