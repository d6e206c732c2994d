package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
)

// ConfigVariable names the environment variable with the folder for what belongs
// to the user and not to a project.
const ConfigVariable = "HALLMARK_CONFIG"

// Store is the folder that holds Microsoft's lists as Microsoft signed them, and
// the certificates that the list of roots names. The zero value is the folder of
// the user, never one of the working directory: a file beside the one to be
// judged must not make it trusted. Everything in it is judged again whenever it
// is read.
type Store struct {
	// Dir is the folder; "" is the folder roots below ConfigVariable, or else
	// below hallmark in the user's configuration folder.
	Dir string
	// Anchors sign the signers of the lists; nil means Microsoft's own among the
	// built-in roots.
	Anchors *certchain.Pool
}

// The files of a store. The lists have the names that Windows' tools know.
const (
	rootsFile        = "authroot.stl"
	disallowedFile   = "disallowedcert.stl"
	certificatesFile = "authroot.pem"
)

// errNoFolder: neither the variable nor the system names a folder.
var errNoFolder = errors.New("this user has no configuration folder")

func (s Store) dir() (string, error) {
	if s.Dir != "" {
		return s.Dir, nil
	}
	if d := os.Getenv(ConfigVariable); d != "" {
		if !filepath.IsAbs(d) {
			return "", fmt.Errorf("the environment variable %s holds %q, which is not an absolute path", ConfigVariable, d)
		}
		return filepath.Join(d, "roots"), nil
	}
	d, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("%w: %v", errNoFolder, err)
	}
	return filepath.Join(d, "hallmark", "roots"), nil
}

// Path is the folder, for messages.
func (s Store) Path() string {
	d, err := s.dir()
	if err != nil {
		return err.Error()
	}
	return d
}

// read returns a file of the store; nil if it is not there.
func (s Store) read(name string) ([]byte, error) {
	dir, err := s.dir()
	if errors.Is(err, errNoFolder) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := regular.Read(filepath.Join(dir, name), maxUnpacked)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// ID tells one state of the lists from another; "" without lists.
func (s Store) ID() (string, error) {
	h := sha256.New()
	found := false
	for _, name := range []string{rootsFile, disallowedFile, certificatesFile} {
		b, err := s.read(name)
		if err != nil {
			return "", err
		}
		found = found || b != nil
		sum := sha256.Sum256(b)
		h.Write(sum[:])
	}
	if !found {
		return "", nil
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// wrong names the folder in an error about its contents.
func (s Store) wrong(err error) error {
	return fault.New(fault.Other, "the lists in %s: %w", s.Path(), err).Hint("run %s, or delete the folder", command.Line("roots:update"))
}

// List reads the list of roots; nil if there is none. The signature is judged as
// of the date of the list: it stays genuine when its signer's certificate ends.
func (s Store) List() (*List, error) {
	stl, err := s.read(rootsFile)
	if err != nil || stl == nil {
		return nil, err
	}
	anchors, err := s.anchors()
	if err != nil {
		return nil, err
	}
	parsed, err := parseList(stl, anchors, time.Time{})
	if err != nil {
		return nil, s.wrong(err)
	}
	certs, err := s.certificates()
	if err != nil {
		return nil, s.wrong(err)
	}
	l, err := parsed.pick(func(e entry) ([]byte, error) {
		der, ok := certs[string(e.sha256)]
		if !ok {
			return nil, fmt.Errorf("the certificate with SHA-256 %x is missing", e.sha256)
		}
		return der, nil
	})
	if err != nil {
		return nil, s.wrong(err)
	}
	return l, nil
}

// certificates of the store by SHA-256: the list decides which of them count.
func (s Store) certificates() (map[string][]byte, error) {
	b, err := s.read(certificatesFile)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return out, nil
		}
		sum := sha256.Sum256(block.Bytes)
		out[string(sum[:])] = block.Bytes
	}
}

// DisallowedList reads the list of disallowed certificates; nil if there is none.
func (s Store) DisallowedList() (*DisallowedList, error) {
	stl, err := s.read(disallowedFile)
	if err != nil || stl == nil {
		return nil, err
	}
	anchors, err := s.anchors()
	if err != nil {
		return nil, err
	}
	l, _, err := parseDisallowed(stl, anchors, time.Time{})
	if err != nil {
		return nil, s.wrong(err)
	}
	return l, nil
}

// Disallowed are the certificates of Microsoft's list that are trusted in no
// case; nil, which a verification then reports, if there is no list.
func (s Store) Disallowed() (*certchain.Disallowed, error) {
	l, err := s.DisallowedList()
	if err != nil || l == nil {
		return nil, err
	}
	return l.set()
}

func (s Store) anchors() (*certchain.Pool, error) {
	if s.Anchors != nil {
		return s.Anchors, nil
	}
	builtin, err := certchain.BuiltinRoots()
	if err != nil {
		return nil, err
	}
	p := certchain.NewPool()
	for _, c := range builtin.CodeSigning.Certificates() {
		if strings.HasPrefix(c.Subject.CommonName, "Microsoft ") { // no other CA may sign Microsoft's list
			p.Add(c)
		}
	}
	return p, nil
}

// write replaces the contents, in an order by which a crash between two files
// leaves lists that can be read: certificates, those of the list before
// included, come first.
func (s Store) write(rootsSTL, disallowedSTL []byte, certs [][]byte) error {
	dir, err := s.dir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder for the lists: %w", err)
	}
	if before, err := s.List(); err == nil && before != nil {
		certs = append(certs, before.ders()...)
	}
	var b bytes.Buffer
	seen := map[string]bool{}
	for _, der := range certs {
		if !seen[string(der)] {
			seen[string(der)] = true
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Buffer takes everything
		}
	}
	for _, f := range []struct {
		name string
		b    []byte
	}{{certificatesFile, b.Bytes()}, {disallowedFile, disallowedSTL}, {rootsFile, rootsSTL}} {
		if err := atomicfile.Write(filepath.Join(dir, f.name), f.b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// pick makes the list of the certificates that the entries name. One that this
// program cannot read is left out, and counted.
func (l *rootList) pick(find func(entry) ([]byte, error)) (*List, error) {
	out := &List{Sequence: l.sequence.Text(16), Issued: l.issued.UTC()}
	for _, e := range l.entries {
		if !e.code.trusted && !e.stamp.trusted {
			continue
		}
		der, err := find(e)
		if err != nil {
			return nil, err
		}
		if _, err := cms.ParseCertificate(der); err != nil {
			out.LeftOut = append(out.LeftOut, hex.EncodeToString(e.sha1))
			out.unreadable = append(out.unreadable, der)
			continue
		}
		e.code.keep(der, &out.CodeSigning, &out.CodeSigningLimited)
		e.stamp.keep(der, &out.TimeStamping, &out.TimeStampingLimited)
	}
	return out, nil
}

// ders are all certificates of the list.
func (l *List) ders() [][]byte {
	out := append(append(append([][]byte(nil), l.CodeSigning...), l.TimeStamping...), l.unreadable...)
	for _, r := range append(append([]LimitedRoot(nil), l.CodeSigningLimited...), l.TimeStampingLimited...) {
		out = append(out, r.Certificate)
	}
	return out
}
