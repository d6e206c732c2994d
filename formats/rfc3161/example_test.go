package rfc3161_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// A client asks the servers in their order of preference and returns a token that
// it has checked. Here the server is this package's own.
func ExampleClient_Timestamp() {
	server, root := exampleServer()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(root)

	client, err := rfc3161.NewClient([]string{server.URL}, rfc3161.TrustRoots(roots), rfc3161.ClientOptions{
		MinInterval: 10 * time.Millisecond, // public servers want seconds between two requests
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	signature := []byte("the signature octets of a SignerInfo")
	stamp, err := client.Timestamp(context.Background(), signature, crypto.SHA256)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("hash:", stamp.Token.Hash)
	fmt.Println("right signature:", stamp.Token.Check(signature, rfc3161.CheckOptions{Trust: rfc3161.TrustRoots(roots)}))
	fmt.Println("other signature:", stamp.Token.Check([]byte("another"), rfc3161.CheckOptions{Trust: rfc3161.TrustRoots(roots)}) != nil)
	// Output:
	// hash: SHA-256
	// right signature: <nil>
	// other signature: true
}

// Errors tell a wrong call from servers that do not answer.
func ExampleNewClient() {
	_, err := rfc3161.NewClient([]string{"ftp://timestamp.example"}, rfc3161.TrustAny, rfc3161.ClientOptions{})
	var wrong *rfc3161.OptionError
	fmt.Println(errors.As(err, &wrong), err)

	client, err := rfc3161.NewClient([]string{"http://127.0.0.1:1"}, rfc3161.TrustAny, rfc3161.ClientOptions{Attempts: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Timestamp(context.Background(), []byte("signature"), crypto.SHA256)
	var service *rfc3161.ServiceError
	if errors.As(err, &service) {
		for _, s := range service.Servers {
			fmt.Println(s.Server, "asked", s.Attempts, "time")
		}
	}
	// Output:
	// true time stamping: time-stamp server "ftp://timestamp.example": not an http or https URL with a host
	// http://127.0.0.1:1 asked 1 time
}

// exampleServer starts a time-stamp server with a certificate of its own.
func exampleServer() (*httptest.Server, *x509.Certificate) {
	key, cert := formatstest.SelfSigned("Example TSA", formatstest.TimeStamping)
	server, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: key, Certificate: cert})
	if err != nil {
		panic(err)
	}
	return httptest.NewServer(server), cert
}
