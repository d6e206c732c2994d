package authenticode_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"log"
	"os"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
)

// Sign a program, stamp the signature and write the result. The file is read once; the copy is made while it is hashed.
func ExampleSign() {
	run := func(key crypto.Signer, leaf, intermediate *x509.Certificate) error {
		src, err := os.Open("app.exe")
		if err != nil {
			return err
		}
		defer src.Close()
		st, err := src.Stat()
		if err != nil {
			return err
		}
		ctx := context.Background()
		subject, err := authenticode.ReadSubject(ctx, src, st.Size(), crypto.SHA256, false)
		if err != nil {
			return err
		}
		p7, err := authenticode.Build(ctx, subject.Content(crypto.SHA256, false), authenticode.SignOptions{
			Signer:      cms.Signer{Key: key, Certificate: leaf, Chain: []*x509.Certificate{intermediate}},
			Description: "Example", URL: "https://example.com/",
		})
		if err != nil {
			return err
		}
		value, err := authenticode.SignatureValue(p7, 0)
		if err != nil {
			return err
		}
		client := &rfc3161.Client{Servers: []string{"http://timestamp.example.com/"}}
		stamp, err := client.Timestamp(ctx, value, crypto.SHA256)
		if err != nil {
			return err
		}
		if p7, err = authenticode.SetToken(p7, 0, stamp.Token.Raw); err != nil {
			return err
		}
		dst, err := os.Create("app-signed.exe")
		if err != nil {
			return err
		}
		defer dst.Close()
		_, err = subject.Write(ctx, dst, p7)
		return err
	}
	_ = run // needs a key
}

// Describe the signatures of a file.
func ExampleInspect() {
	f, err := os.Open("app-signed.exe")
	if err != nil {
		fmt.Println("no such file here")
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	in, err := authenticode.Inspect(context.Background(), f, st.Size())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(in)
	// Output: no such file here
}
