package azure

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/pfx"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// certificate is a key with its certificates, the key's own first.
type certificate struct {
	key   *rsa.PrivateKey
	certs []*x509.Certificate
	send  bool // the certificates go along (subject name and issuer authentication)
}

// readCertificate reads AZURE_CLIENT_CERTIFICATE_PATH: a PFX file or PEM with
// key and certificate.
func readCertificate(env service.Env, file string) (*certificate, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.Usage, "Azure credential: %v", err).Hint("see AZURE_CLIENT_CERTIFICATE_PATH")
	}
	c := &certificate{send: strings.EqualFold(env.Getenv("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"), "true") || env.Getenv("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN") == "1"}
	if block, _ := pem.Decode(b); block != nil {
		err = c.readPEM(b)
	} else {
		err = c.readPFX(b, env.Getenv("AZURE_CLIENT_CERTIFICATE_PASSWORD"))
	}
	if err == nil && (c.key == nil || len(c.certs) == 0 || !c.key.PublicKey.Equal(c.certs[0].PublicKey)) {
		err = errors.New("it must hold an RSA key and its certificate, the certificate first")
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "Azure credential: the file of AZURE_CLIENT_CERTIFICATE_PATH: %v", err).
			Hint("a PFX file, with AZURE_CLIENT_CERTIFICATE_PASSWORD, or PEM with a PKCS #8 or PKCS #1 key")
	}
	return c, nil
}

func (c *certificate) readPFX(b []byte, password string) error {
	bundle, err := pfx.Parse(b, []byte(password))
	if err != nil {
		return err
	}
	for _, k := range bundle.Keys {
		if key, ok := k.Private.(*rsa.PrivateKey); ok && c.key == nil {
			c.key = key
		}
	}
	for _, cert := range bundle.Certificates {
		own := c.key != nil && c.key.PublicKey.Equal(cert.PublicKey)
		if own {
			c.certs = append([]*x509.Certificate{cert.Certificate}, c.certs...)
		} else {
			c.certs = append(c.certs, cert.Certificate)
		}
	}
	return nil
}

func (c *certificate) readPEM(b []byte) error {
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return err
			}
			c.certs = append(c.certs, cert)
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return err
			}
			c.key, _ = key.(*rsa.PrivateKey)
		case "RSA PRIVATE KEY":
			key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
			if err != nil {
				return err
			}
			c.key = key
		}
	}
	return nil
}

// clientCertificate proves who asks with a token that the certificate's key
// signs.
func clientCertificate(c *certificate) way {
	return func(ctx context.Context, t *Tokens, scope, tenant string) (token, error) {
		address, err := t.endpoint(tenant)
		if err != nil {
			return token{}, err
		}
		jwt, err := c.assertion(address, t.client, t.caller.Now())
		if err != nil {
			return token{}, err
		}
		return t.ask(ctx, scope, tenant, assertion(jwt))
	}
}

// assertion is the signed token: "Application authentication certificate
// credentials", which requires PS256 and the certificate's SHA-256.
func (c *certificate) assertion(audience, client string, now time.Time) (string, error) {
	sum := sha256.Sum256(c.certs[0].Raw)
	header := map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
	if c.send {
		var chain [][]byte // encoding/json writes standard base64, which x5c has
		for _, cert := range c.certs {
			chain = append(chain, cert.Raw)
		}
		header["x5c"] = chain
	}
	claims := map[string]any{"aud": audience, "iss": client, "sub": client, "jti": rand.Text(), "nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()}
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	p, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return compact(h, p, c.key, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
}

// compact is the JWS Compact Serialization of a payload (RFC 7515 section
// 7.1), signed over SHA-256.
func compact(header, payload []byte, key crypto.Signer, o crypto.SignerOpts) (string, error) {
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(text))
	signature, err := key.Sign(rand.Reader, digest[:], o)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), err
}
