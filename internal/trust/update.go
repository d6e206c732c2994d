package trust

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/formats/cab"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Source is where Microsoft publishes its lists of trusted roots and of disallowed certificates, authrootstl.cab and
// disallowedcertstl.cab, and beside them each root as <SHA-1 thumbprint>.crt (Microsoft, "Configure trusted roots and
// disallowed certificates"). It is plain http on purpose: the lists are signed and name the certificates by their hashes.
const Source = "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en"

// maxParallel bounds the requests at one time.
const maxParallel = 6

// List is Microsoft's list of roots, for the two purposes.
type List struct {
	Sequence     string // hexadecimal; a later list has a greater one
	Issued       time.Time
	CodeSigning  [][]byte // DER
	TimeStamping [][]byte // DER
	// The roots that the programme trusts up to a date. They are kept apart from the others, so that no reader overlooks it.
	CodeSigningLimited  []LimitedRoot
	TimeStampingLimited []LimitedRoot
	// LeftOut are the SHA-1 thumbprints of roots that this program cannot read.
	LeftOut    []string
	unreadable [][]byte
}

// LimitedRoot is a root with the dates that limit the trust in it.
type LimitedRoot struct {
	Certificate []byte // DER
	certchain.Limits
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

// Updater fetches the lists.
type Updater struct {
	Fetcher certchain.Fetcher
	// Source is the folder of the lists; empty means the constant Source.
	Source string
	// Store is where they are kept.
	Store Store
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Updated is what an update brought.
type Updated struct {
	Roots      *List
	Disallowed *DisallowedList
}

// Update fetches Microsoft's lists and the roots for code signing and time stamping, checks all of it, and writes the store.
// Nothing is written unless everything is there and right: lists signed by Microsoft that are not older than those in the
// store, and each certificate with the SHA-256 thumbprint that the list gives. Errors of the network have exit status 4, a
// wrong signature or hash 3.
func (u Updater) Update(ctx context.Context) (*Updated, error) {
	if u.Source = strings.TrimRight(u.Source, "/"); u.Source == "" {
		u.Source = Source
	}
	if u.Now == nil {
		u.Now = time.Now
	}
	anchors, err := u.Store.anchors()
	if err != nil {
		return nil, err
	}
	rootsSTL, parsed, err := u.rootList(ctx, anchors)
	if err != nil {
		return nil, err
	}
	disallowedSTL, disallowed, err := u.disallowedList(ctx, anchors)
	if err != nil {
		return nil, err
	}
	l, err := u.certificates(ctx, parsed)
	if err != nil {
		return nil, err
	}
	return &Updated{l, disallowed}, u.Store.write(rootsSTL, disallowedSTL, l.ders())
}

// rootList fetches and checks the list of roots.
func (u Updater) rootList(ctx context.Context, anchors *certchain.Pool) ([]byte, *rootList, error) {
	stl, err := u.fetchList(ctx, trustedRoots())
	if err != nil {
		return nil, nil, err
	}
	l, err := parseList(stl, anchors, u.Now())
	if err != nil {
		return nil, nil, fault.New(fault.Verification, "%v", err)
	}
	have, err := u.Store.List()
	if err != nil {
		return nil, nil, err
	}
	if have == nil {
		return stl, l, u.recent(l.issued)
	}
	return stl, l, u.notOlder("roots", l.sequence, l.issued, have.Sequence)
}

// disallowedList fetches and checks the list of disallowed certificates.
func (u Updater) disallowedList(ctx context.Context, anchors *certchain.Pool) ([]byte, *DisallowedList, error) {
	stl, err := u.fetchList(ctx, disallowedCerts())
	if err != nil {
		return nil, nil, err
	}
	l, c, err := parseDisallowed(stl, anchors, u.Now())
	if err != nil {
		return nil, nil, fault.New(fault.Verification, "%v", err)
	}
	have, err := u.Store.DisallowedList()
	if err != nil || have == nil {
		return stl, l, err
	}
	return stl, l, u.notOlder("disallowed certificates", c.sequence, c.issued, have.Sequence)
}

// maxFirstAge is how old the first list of roots may be. Microsoft publishes one about every month. The list of disallowed
// certificates changes too rarely for such a bound; the validity of its signer's certificate limits its age.
const maxFirstAge = 180 * 24 * time.Hour

// recent refuses an old list where there is no earlier one to compare with.
func (u Updater) recent(issued time.Time) error {
	if u.Now().Sub(issued) <= maxFirstAge {
		return nil
	}
	return fault.New(fault.Verification, "the list of roots is from %s, and the first one that is fetched must not be older than %d days", issued.Format(time.DateOnly), int(maxFirstAge.Hours()/24)).
		Hint("an old list would bring back roots that are no longer trusted: fetch from Microsoft's server, or update the mirror (certutil -syncWithWU)")
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
func (u Updater) notOlder(of string, sequence *big.Int, issued time.Time, before string) error {
	if old, ok := new(big.Int).SetString(before, 16); !ok || sequence.Cmp(old) < 0 {
		return fault.New(fault.Verification, "the list of %s from %s is older than the one in %s", of, issued.Format(time.DateOnly), u.Store.Path()).
			Hint("an old list may have been sent on purpose; if not, delete the folder")
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
	byEntry := map[string][]byte{}
	for i, e := range parsed.entries {
		byEntry[string(e.sha256)] = certs[i]
	}
	l, err := parsed.pick(func(e entry) ([]byte, error) { return byEntry[string(e.sha256)], nil })
	if err != nil {
		return nil, err
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
	return der, nil
}
