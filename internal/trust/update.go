package trust

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Source is where Microsoft publishes its list of trusted roots, authroot.stl, and beside it each certificate as
// <SHA-1 thumbprint>.crt (Microsoft, "Configure trusted roots and disallowed certificates"). It is plain http on
// purpose: the list is signed and names the certificates by their hashes.
const Source = "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en"

// maxParallel bounds the requests at one time.
const maxParallel = 6

// List is what Update keeps: the roots of Microsoft's programme for the two purposes.
type List struct {
	Source       string    `json:"source"`
	Sequence     string    `json:"sequence"` // hexadecimal; a later list has a greater one
	Issued       time.Time `json:"issued"`
	Fetched      time.Time `json:"fetched"`
	CodeSigning  [][]byte  `json:"code_signing"`  // DER
	TimeStamping [][]byte  `json:"time_stamping"` // DER
	// LeftOut are the SHA-1 thumbprints of roots that this program cannot read.
	LeftOut []string `json:"left_out,omitempty"`
}

// ReadList reads a file that Update has written.
func ReadList(file string) (*List, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var l List
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, fmt.Errorf("reading fetched roots: %s: %v", file, err)
	}
	return &l, nil
}

// Roots parses the certificates of the list.
func (l *List) Roots() (*authenticode.Roots, error) {
	roots := authenticode.NewRoots()
	for _, p := range []struct {
		pool *authenticode.Pool
		ders [][]byte
	}{{roots.CodeSigning, l.CodeSigning}, {roots.TimeStamping, l.TimeStamping}} {
		for _, der := range p.ders {
			c, err := cms.ParseCertificate(der)
			if err != nil {
				return nil, fmt.Errorf("fetched root: %v", err)
			}
			p.pool.Add(c)
		}
	}
	return roots, nil
}

// Updater fetches the list.
type Updater struct {
	Fetcher authenticode.Fetcher
	// Source is the folder of the list; empty means the constant Source.
	Source string
	// Anchors sign the list's signer; nil means the built-in roots, which have Microsoft's.
	Anchors *authenticode.Pool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Update fetches the list and its roots for code signing and time stamping, checks all of it, and writes file. Nothing
// is written unless everything is there and right: a list signed by Microsoft that is not older than the one in file,
// and each certificate with the SHA-256 thumbprint that the list gives. Errors of the network have exit status 4, a wrong signature or hash 3.
func (u Updater) Update(ctx context.Context, file string) (*List, error) {
	if u.Source = strings.TrimRight(u.Source, "/"); u.Source == "" {
		u.Source = Source
	}
	if u.Now == nil {
		u.Now = time.Now
	}
	stl, err := u.Fetcher.Fetch(ctx, u.Source+"/authroot.stl", nil)
	if err != nil {
		return nil, fault.New(fault.Service, "Microsoft's list of roots: %v", err).Hint("without it the built-in roots and those of the system are trusted")
	}
	anchors, err := u.anchors()
	if err != nil {
		return nil, err
	}
	parsed, err := parseList(stl, anchors, u.Now())
	if err != nil {
		return nil, fault.New(fault.Verification, "%v", err)
	}
	if err := notOlder(parsed, file); err != nil {
		return nil, err
	}
	l, err := u.certificates(ctx, parsed)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return nil, err
	}
	return l, atomicfile.Write(file, append(b, '\n'), 0o644)
}

func (u Updater) anchors() (*authenticode.Pool, error) {
	if u.Anchors != nil {
		return u.Anchors, nil
	}
	builtin, err := authenticode.BuiltinRoots()
	if err != nil {
		return nil, err
	}
	p := authenticode.NewPool()
	for _, c := range builtin.CodeSigning.Certificates() {
		if strings.HasPrefix(c.Subject.CommonName, "Microsoft ") { // no other CA may sign Microsoft's list
			p.Add(c)
		}
	}
	return p, nil
}

// notOlder refuses to go back: an old list, genuine as it is, would bring back roots that have been removed since.
func notOlder(l *rootList, file string) error {
	have, err := ReadList(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	old, ok := new(big.Int).SetString(have.Sequence, 16)
	if !ok {
		return fmt.Errorf("reading fetched roots: %s: sequence %q is not hexadecimal", file, have.Sequence)
	}
	if l.sequence.Cmp(old) < 0 {
		return fault.New(fault.Verification, "the list of roots from %s is older than the one in %s from %s",
			l.issued.Format(time.DateOnly), file, have.Issued.Format(time.DateOnly)).Hint("somebody may be replaying an old list; if not, delete the file")
	}
	return nil
}

// certificates fetches the certificate of each entry that is trusted for one of the purposes.
func (u Updater) certificates(ctx context.Context, parsed *rootList) (*List, error) {
	certs := make([][]byte, len(parsed.entries))
	errs := make([]error, len(parsed.entries))
	var g errgroup.Group
	g.SetLimit(maxParallel)
	for i, e := range parsed.entries {
		if e.code || e.stamp {
			g.Go(func() error {
				certs[i], errs[i] = u.certificate(ctx, e)
				return nil // all problems are reported, not only the first
			})
		}
	}
	_ = g.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	l := &List{Source: u.Source, Sequence: parsed.sequence.Text(16), Issued: parsed.issued.UTC(), Fetched: u.Now().UTC()}
	for i, e := range parsed.entries {
		if (e.code || e.stamp) && certs[i] == nil {
			l.LeftOut = append(l.LeftOut, hex.EncodeToString(e.sha1))
			continue
		}
		if e.code {
			l.CodeSigning = append(l.CodeSigning, certs[i])
		}
		if e.stamp {
			l.TimeStamping = append(l.TimeStamping, certs[i])
		}
	}
	if len(l.CodeSigning) == 0 || len(l.TimeStamping) == 0 {
		return nil, fault.New(fault.Verification, "the list of roots has %d for code signing and %d for time stamping", len(l.CodeSigning), len(l.TimeStamping))
	}
	return l, nil
}

func (u Updater) certificate(ctx context.Context, e entry) ([]byte, error) {
	url := u.Source + "/" + hex.EncodeToString(e.sha1) + ".crt"
	der, err := u.Fetcher.Fetch(ctx, url, nil)
	if err != nil {
		return nil, fault.New(fault.Service, "root %x: %v", e.sha1, err)
	}
	s1, s256 := sha1.Sum(der), sha256.Sum256(der)
	if !bytes.Equal(s1[:], e.sha1) || !bytes.Equal(s256[:], e.sha256) {
		return nil, fault.New(fault.Verification, "the certificate at %s is not the one of the list: its SHA-256 is %x, not %x", url, s256, e.sha256)
	}
	if _, err := cms.ParseCertificate(der); err != nil {
		return nil, nil // genuine, but of a kind that this program cannot use: it is left out
	}
	return der, nil
}
