package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

func (i *Identity) loadPEM(r Ref) error {
	password, err := i.password()
	if err != nil {
		return err
	}
	keyFile, chainFile := i.opts.path(r.File), i.opts.path(r.Chain)
	key, encrypted, err := i.readKey(keyFile, password)
	if err != nil {
		return fault.New(fault.Usage, "reading private key: %w", err)
	}
	if password != nil && !encrypted {
		i.warn(fmt.Sprintf("%s is not encrypted: its password was not used", keyFile))
	}
	certs, err := readCertificates(chainFile)
	if err != nil {
		return err
	}
	return i.adopt(key, certs, chainFile)
}

// adopt makes key and the certificate that belongs to it the identity's own.
func (i *Identity) adopt(key crypto.Signer, certs []*x509.Certificate, from string) error {
	leaf, rest := pickLeaf(key.Public(), certs)
	if leaf == nil {
		return fault.New(fault.Usage, "the private key does not match the certificate %q in %s", certs[0].Subject, from).
			Hint("the key and its certificate must come from the same request: look for the matching file")
	}
	i.Key, i.Certificate, i.Chain = key, leaf, rest
	i.Held = append([]*x509.Certificate{leaf}, rest...)
	return nil
}

// readKey reads the one private key of a PEM or DER file: PKCS #8, also
// encrypted, PKCS #1 or SEC 1.
func (i *Identity) readKey(path string, password []byte) (key crypto.Signer, encrypted bool, err error) {
	b, err := i.readKeyFile(path)
	if err != nil {
		return nil, false, err
	}
	block, err := keyBlock(b)
	if err != nil {
		return nil, false, fault.New(fault.Usage, "%s: %v", path, err).
			Hint("the file must hold one private key: PKCS #8 (also encrypted), PKCS #1 or SEC 1")
	}
	encrypted = block.Type == "ENCRYPTED PRIVATE KEY"
	if encrypted {
		key, err = decryptKey(path, block.Bytes, password)
	} else {
		key, err = plainKey(path, block)
	}
	return key, encrypted, err
}

// keyBlock finds the only private key among PEM blocks, or takes the whole
// file as DER.
func keyBlock(b []byte) (*pem.Block, error) {
	blocks, err := cms.PEMBlocks(b)
	if err != nil {
		return nil, err
	}
	var found *pem.Block
	for _, block := range blocks {
		if !bytes.HasSuffix([]byte(block.Type), []byte("PRIVATE KEY")) {
			continue
		}
		if found != nil {
			return nil, errors.New("holds more than one private key")
		}
		found = block
	}
	switch {
	case found != nil:
		return found, nil
	case len(blocks) > 0 || len(b) == 0 || b[0] != 0x30: // DER begins with a SEQUENCE
		return nil, errors.New("holds no private key")
	case isEncryptedPKCS8(b):
		return &pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: b}, nil
	}
	return &pem.Block{Type: "PRIVATE KEY", Bytes: b}, nil
}

func plainKey(path string, block *pem.Block) (crypto.Signer, error) {
	if block.Headers["DEK-Info"] != "" {
		return nil, fault.New(fault.Usage, "%s uses the old PEM encryption (DEK-Info), which is weak", path).
			Hint("convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.key -out NEW.key")
	}
	key, err := parseKey(block.Bytes)
	if err != nil {
		return nil, fault.New(fault.Usage, "%s: %v", path, err).
			Hint("the key must be RSA or ECDSA, as PKCS #8, PKCS #1 or SEC 1")
	}
	return key, nil
}

// parseKey tries the three forms, since the PEM type is often wrong. The
// parsers' own errors are dropped: they say nothing useful about a file that
// is in none of the forms.
func parseKey(der []byte) (crypto.Signer, error) {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return usableKey(k)
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, nil
	}
	return nil, errors.New("the private key is damaged or in an unknown form")
}

func usableKey(k any) (crypto.Signer, error) {
	switch k := k.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("a key of type %T cannot make Authenticode signatures", k)
}
