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
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/formats/cab"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Source is where Microsoft publishes its lists of trusted roots and of disallowed certificates, authrootstl.cab and
// disallowedcertstl.cab, and beside them each root as <SHA-1 thumbprint>.crt (Microsoft, "Configure trusted roots and
// disallowed certificates"). It is plain http on purpose: the lists are signed and name the certificates by their hashes.
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
	// The roots that the programme trusts up to a date. They are kept apart from the others, so that no reader overlooks it.
	CodeSigningLimited  []LimitedRoot `json:"code_signing_limited,omitempty"`
	TimeStampingLimited []LimitedRoot `json:"time_stamping_limited,omitempty"`
	// Disallowed is nil in files from before the list was fetched.
	Disallowed *DisallowedList `json:"disallowed,omitempty"`
	// LeftOut are the SHA-1 thumbprints of roots that this program cannot read.
	LeftOut []string `json:"left_out,omitempty"`
}

// LimitedRoot is a root with the dates that limit the trust in it.
type LimitedRoot struct {
	Certificate []byte `json:"certificate"` // DER
	certchain.Limits
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
func (l *List) Roots() (*certchain.Roots, error) {
	roots := certchain.NewRoots()
	for _, p := range []struct {
		pool    *certchain.Pool
		ders    [][]byte
		limited []LimitedRoot
	}{{roots.CodeSigning, l.CodeSigning, l.CodeSigningLimited}, {roots.TimeStamping, l.TimeStamping, l.TimeStampingLimited}} {
		all := slices.Clone(p.limited)
		for _, der := range p.ders {
			all = append(all, LimitedRoot{Certificate: der})
		}
		for _, r := range all {
			c, err := cms.ParseCertificate(r.Certificate)
			if err != nil {
				return nil, fmt.Errorf("fetched root: %v", err)
			}
			p.pool.AddLimited(c, r.Limits)
		}
	}
	return roots, nil
}

// Updater fetches the list.
type Updater struct {
	Fetcher certchain.Fetcher
	// Source is the folder of the list; empty means the constant Source.
	Source string
	// Anchors sign the list's signer; nil means the built-in roots, which have Microsoft's.
	Anchors *certchain.Pool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Update fetches the list and its roots for code signing and time stamping, and the list of disallowed certificates,
// checks all of it, and writes file. Nothing is written unless everything is there and right: lists signed by Microsoft that
// are not older than those in file, and each certificate with the SHA-256 thumbprint that the list gives. Errors of the
// network have exit status 4, a wrong signature or hash 3.
func (u Updater) Update(ctx context.Context, file string) (*List, error) {
	if u.Source = strings.TrimRight(u.Source, "/"); u.Source == "" {
		u.Source = Source
	}
	if u.Now == nil {
		u.Now = time.Now
	}
	anchors, err := u.anchors()
	if err != nil {
		return nil, err
	}
	parsed, disallowed, err := u.lists(ctx, anchors, file)
	if err != nil {
		return nil, err
	}
	l, err := u.certificates(ctx, parsed)
	if err != nil {
		return nil, err
	}
	l.Disallowed = disallowed
	b, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return nil, err
	}
	return l, atomicfile.Write(file, append(b, '\n'), 0o644)
}

func (u Updater) anchors() (*certchain.Pool, error) {
	if u.Anchors != nil {
		return u.Anchors, nil
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

// lists fetches and checks both lists.
func (u Updater) lists(ctx context.Context, anchors *certchain.Pool, file string) (*rootList, *DisallowedList, error) {
	have, err := ReadList(file)
	if errors.Is(err, os.ErrNotExist) {
		have, err = &List{}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	stl, err := u.fetchList(ctx, trustedRoots())
	if err != nil {
		return nil, nil, err
	}
	roots, err := parseList(stl, anchors, u.Now())
	if err != nil {
		return nil, nil, fault.New(fault.Verification, "%v", err)
	}
	if err := notOlder("roots", roots.sequence, roots.issued, have.Sequence, file); err != nil {
		return nil, nil, err
	}
	if stl, err = u.fetchList(ctx, disallowedCerts()); err != nil {
		return nil, nil, err
	}
	disallowed, c, err := parseDisallowed(stl, anchors, u.Now())
	if err != nil {
		return nil, nil, fault.New(fault.Verification, "%v", err)
	}
	if have.Disallowed != nil {
		err = notOlder("disallowed certificates", c.sequence, c.issued, have.Disallowed.Sequence, file)
	}
	return roots, disallowed, err
}

// maxUnpacked bounds a list in a cabinet, in bytes. Microsoft's have less than
// 300 KB.
const maxUnpacked = 16 << 20

// fetchList gets a list, in the cabinet that Windows asks for or as the file that is in it.
func (u Updater) fetchList(ctx context.Context, kind listKind) ([]byte, error) {
	url := u.Source + "/" + kind.file
	b, err := u.Fetcher.Fetch(ctx, url+"stl.cab", nil)
	if err != nil {
		var bare error
		if b, bare = u.Fetcher.Fetch(ctx, url+".stl", nil); bare != nil {
			return nil, fault.New(fault.Service, "Microsoft's list of %s: %v; %v", kind.of, err, bare).
				Hint("without the lists the built-in roots and those of the system are trusted")
		}
	}
	if !cab.Is(b) {
		return b, nil
	}
	c, err := cab.Parse(bytes.NewReader(b), int64(len(b)))
	if err == nil {
		b, err = c.Extract(kind.file+".stl", maxUnpacked)
	}
	if err != nil {
		return nil, fault.New(fault.Verification, "Microsoft's list of %s: %v", kind.of, err)
	}
	return b, nil
}

// notOlder refuses to go back: an old list, genuine as it is, would bring back what has been withdrawn since.
func notOlder(of string, sequence *big.Int, issued time.Time, before, file string) error {
	if before == "" {
		return nil
	}
	old, ok := new(big.Int).SetString(before, 16)
	if !ok {
		return fmt.Errorf("reading fetched roots: %s: sequence %q is not hexadecimal", file, before)
	}
	if sequence.Cmp(old) < 0 {
		return fault.New(fault.Verification, "the list of %s from %s is older than the one in %s", of, issued.Format(time.DateOnly), file).
			Hint("somebody may be replaying an old list; if not, delete the file")
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
		if e.code.trusted || e.stamp.trusted {
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
		if certs[i] == nil {
			if e.code.trusted || e.stamp.trusted {
				l.LeftOut = append(l.LeftOut, hex.EncodeToString(e.sha1))
			}
			continue
		}
		e.code.keep(certs[i], &l.CodeSigning, &l.CodeSigningLimited)
		e.stamp.keep(certs[i], &l.TimeStamping, &l.TimeStampingLimited)
	}
	if len(l.CodeSigning) == 0 || len(l.TimeStamping) == 0 {
		return nil, fault.New(fault.Verification, "the list of roots has %d for code signing and %d for time stamping", len(l.CodeSigning), len(l.TimeStamping))
	}
	return l, nil
}

// keep puts a root where its trust and limits say.
func (p purpose) keep(der []byte, plain *[][]byte, limited *[]LimitedRoot) {
	switch {
	case !p.trusted:
	case p.limits == certchain.Limits{}:
		*plain = append(*plain, der)
	default:
		*limited = append(*limited, LimitedRoot{der, p.limits})
	}
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
