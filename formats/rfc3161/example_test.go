package rfc3161_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-dev/hallmark/formats/rfc3161"
)

// One client serves a whole run: it keeps 15 seconds between two requests to the same operator and takes the other one meanwhile.
func ExampleClient_Timestamp() {
	var roots *x509.CertPool // the roots that are trusted for time stamping
	client := &rfc3161.Client{
		Servers:     []string{"http://timestamp.sectigo.com", "http://timestamp.digicert.com"},
		MinInterval: 15 * time.Second,
		Check:       rfc3161.CheckOptions{Roots: roots},
	}
	var signature []byte // the signature octets of the SignerInfo to be stamped
	stamp, err := client.Timestamp(context.Background(), signature, crypto.SHA256)
	var service *rfc3161.ServiceError
	switch {
	case errors.As(err, &service):
		for _, s := range service.Servers {
			fmt.Println(s.Server, s.Attempts, s.Status, s.Err)
		}
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(stamp.Server, stamp.Token.GenTime, len(stamp.Raw))
	}
}
