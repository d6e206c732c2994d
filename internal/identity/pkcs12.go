package identity

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/pfx"
)

// loadPKCS12 opens a PFX file (RFC 7292).
func (i *Identity) loadPKCS12(r Ref) error {
	path := i.opts.path(r.File)
	password, err := i.password()
	if err != nil {
		return err
	}
	b, err := i.readKeyFile(path)
	if err != nil {
		return fault.New(fault.Usage, "reading PKCS #12 file: %w", err)
	}
	bundle, err := pfx.Parse(b, password)
	if err != nil {
		return pkcs12Error(path, b, password, err)
	}
	pairs := keyPairs(bundle)
	k, err := choose(pairs, r.Pick)
	if err != nil {
		return notChosen(path, r, pairs, err)
	}
	key, err := usableKey(k.key.Private)
	if err != nil {
		return fault.New(fault.Usage, "reading PKCS #12 file: %s: %w", path, err)
	}
	var certs []*x509.Certificate
	for _, c := range bundle.Certificates {
		certs = append(certs, c.Certificate)
	}
	return i.adopt(key, certs, path)
}

// pair is a key of a PFX file with the certificate that belongs to it.
type pair struct {
	key  pfx.Key
	cert *x509.Certificate // nil if the file has none for this key
}

// keyPairs lists the keys of a file. A key that is there twice counts once.
func keyPairs(b *pfx.Bundle) []pair {
	var pairs []pair
	for _, k := range b.Keys {
		p := pair{key: k}
		for _, c := range b.Certificates {
			if public := k.Public(); public != nil && samePublicKey(public, c.PublicKey) && (p.cert == nil || preferLeaf(c.Certificate, p.cert)) {
				p.cert = c.Certificate
				if p.key.Name == "" {
					p.key.Name = c.Name
				}
			}
		}
		if !known(pairs, p) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

func known(pairs []pair, p pair) bool {
	for _, other := range pairs {
		if p.key.Public() != nil && samePublicKey(p.key.Public(), other.key.Public()) {
			return true
		}
	}
	return false
}

// choose returns the key that pick names; without pick the only one that has a
// certificate for code signing, or the only one.
func choose(pairs []pair, pick string) (pair, error) {
	if len(pairs) == 0 {
		return pair{}, errors.New("holds no private key")
	}
	if pick == "" && len(pairs) == 1 {
		return pairs[0], nil
	}
	var found []pair
	for _, p := range pairs {
		if pick == "" && p.cert != nil && codeSigning(p.cert) || pick != "" && p.is(pick) {
			found = append(found, p)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case pick == "":
		return pair{}, fmt.Errorf("holds %d private keys", len(pairs))
	case len(found) == 0:
		return pair{}, fmt.Errorf("holds no key %q", pick)
	}
	return pair{}, fmt.Errorf("holds %d keys that are called %q", len(found), pick)
}

// is reports whether pick is the key's name or the SHA-1 or SHA-256 thumbprint
// of its certificate.
func (p pair) is(pick string) bool {
	if strings.EqualFold(p.key.Name, pick) {
		return true
	}
	if p.cert == nil {
		return false
	}
	want, err := hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(pick))
	s1, s256 := sha1.Sum(p.cert.Raw), sha256.Sum256(p.cert.Raw)
	return err == nil && (bytes.Equal(want, s1[:]) || bytes.Equal(want, s256[:]))
}

// notChosen lists the keys of a file and how to name each.
func notChosen(path string, r Ref, pairs []pair, err error) error {
	e := fault.New(fault.Usage, "reading PKCS #12 file: %s %w", path, err)
	if len(pairs) == 0 {
		return e.Hint("export the file again with its private key, as openssl pkcs12 -export writes it")
	}
	e.Hint("choose one with pkcs12:%s#NAME; NAME is a key's name or thumbprint", r.File)
	for _, p := range pairs {
		name := printable.Text(p.key.Name)
		if name == "" {
			name = "(no name)"
		}
		if p.cert == nil {
			e.Hint("%s: no certificate", name)
			continue
		}
		e.Hint("%s: thumbprint %x, %s, for %s", name, sha1.Sum(p.cert.Raw), printable.Text(p.cert.Subject.String()), purposes(p.cert))
	}
	return e
}

func pkcs12Error(path string, b, password []byte, err error) error {
	var unsupported *pfx.UnsupportedError
	switch wrong := errors.Is(err, pfx.ErrPassword); {
	case wrong && password == nil:
		return fault.New(fault.Usage, "reading PKCS #12 file: %s needs a password and none was given", path).
			Hint("give password: env:NAME or file:PATH (-password= on the command line)")
	case wrong:
		return fault.New(fault.Usage, "reading PKCS #12 file: the password of %s is wrong", path).
			Hint("check what sign.password (or -password=) refers to; a space at its end counts")
	case errors.As(err, &unsupported):
		return fault.New(fault.Usage, "reading PKCS #12 file: %s: %v", path, err).
			Hint("the file may be good, but this program cannot read it: write it again with openssl pkcs12 -export")
	}
	for _, other := range otherKeyFiles {
		if bytes.HasPrefix(b, []byte(other.magic)) {
			return fault.New(fault.Usage, "reading PKCS #12 file: %s is %s", path, other.name).Hint("%s", other.wayOut)
		}
	}
	return fault.New(fault.Usage, "reading PKCS #12 file: %s: %v", path, err)
}

// otherKeyFiles are what people take for a PFX file, by the first bytes.
var otherKeyFiles = []struct{ magic, name, wayOut string }{
	{"\xFE\xED\xFE\xED", "a Java key store (JKS)", "convert it: keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12"},
	{"\xCE\xCE\xCE\xCE", "a Java key store (JCEKS)", "convert it: keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore FILE.p12 -deststoretype PKCS12"},
	{"\x1E\xF1\xB5\xB0", "a private key of old Microsoft tools (PVK)", "convert it: openssl rsa -inform PVK -in FILE.pvk -out FILE.key, and use pem:KEY,CHAIN"},
	{"-----BEGIN", "a PEM file", "use pem:KEY,CHAIN"},
}
