package formatstest

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pkiVersion changes when the shape of the PKI does; an older one in the cache is then left alone. The year makes a
// new PKI long before certificates end.
const pkiVersion = "pki-5"

// loadPKI reads the PKI from the cache, making it when needed.
func loadPKI(t testing.TB) *PKI {
	t.Helper()
	entry := fmt.Sprintf("%s-%d", pkiVersion, time.Now().Year())
	dir := cached(t, entry, makePKI)
	p := &PKI{}
	if err := p.read(dir); err != nil {
		t.Fatalf("reading test PKI: %v (remove %s and run again)", err, dir)
	}
	return p
}

// makePKI writes all keys and certificates into a new folder.
func makePKI(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	keys, err := makeKeys()
	if err != nil {
		return err
	}
	certs := map[string]*x509.Certificate{}
	issuerKey := map[string]string{}
	for _, m := range (&PKI{}).members(time.Now().UTC()) {
		c, err := certify(m.template, keys[m.key], certs[m.issuer], keys[issuerKey[m.issuer]])
		if err != nil {
			return fmt.Errorf("certificate %s: %v", m.name, err)
		}
		certs[m.name], issuerKey[m.name] = c, m.key
		if err := os.WriteFile(filepath.Join(dir, m.name+".cer"), c.Raw, 0o600); err != nil {
			return err
		}
	}
	return writeKeys(dir, keys)
}

func writeKeys(dir string, keys map[string]crypto.Signer) error {
	for name, k := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".key"), der, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// read fills p from a folder that makePKI wrote.
func (p *PKI) read(dir string) error {
	p.keys = map[string]crypto.Signer{}
	certs := map[string]*x509.Certificate{}
	for _, m := range p.members(time.Now()) {
		key, err := p.readKey(dir, m.key)
		if err != nil {
			return err
		}
		der, err := os.ReadFile(filepath.Join(dir, m.name+".cer"))
		if err != nil {
			return err
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("%s.cer: %v", m.name, err)
		}
		certs[m.name] = c
		p.place(m, c, key, certs)
	}
	return nil
}

// place puts a certificate that was read where the tests look for it.
func (p *PKI) place(m member, c *x509.Certificate, key crypto.Signer, certs map[string]*x509.Certificate) {
	if slot, ok := m.slot.(**x509.Certificate); ok {
		*slot = c
		return
	}
	id := &Identity{Certificate: c, Key: key, Root: certs[m.issuer]}
	if m.issuer == "intermediate" {
		id.Chain, id.Root = []*x509.Certificate{p.Intermediate}, p.Root
	}
	if m.issuer == "" {
		id.Root = c
	}
	*m.slot.(**Identity) = id
}

func (p *PKI) readKey(dir, name string) (crypto.Signer, error) {
	if k, ok := p.keys[name]; ok {
		return k, nil
	}
	der, err := os.ReadFile(filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s.key: %v", name, err)
	}
	signer, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New(name + ".key: not a signing key")
	}
	p.keys[name] = signer
	return signer, nil
}
