package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/inventory"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/sign"
)

// stage is the folder of the catalog that is signed and not stamped yet. If the
// time server is down the next run goes on from it: keys count and bill each
// signature.
func (w *work) stage() string { return path.Join(step.StageDir, name) }

// signed returns the signed catalog, with the signature of an earlier run
// that came no further if that was made of the same list by the same identity.
func (w *work) signed(ctx context.Context, m *inventory.Made) ([]byte, error) {
	id, err := w.r.Identity(ctx)
	if err != nil {
		return nil, err
	}
	o, err := sign.Options(w.r, id)
	if err != nil {
		return nil, err
	}
	o.PageHashes, o.Existing = false, authenticode.ExistingRefuse // of programs, not of lists
	file := path.Join(w.stage(), stageName(id.Ref, o))
	if der, err := w.r.ReadUnbound(file); err == nil && m.SameList(der) && intact(der, id, w.r.Now()) {
		return der, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the signed catalog: %w", err)
	}
	der, err := catalog.Sign(ctx, m.DER, catalog.SignOptions{SignOptions: o})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(w.r.Abs(w.stage()), 0o755); err != nil {
		return nil, fmt.Errorf("making the output folder: %w", err)
	}
	return der, w.r.Write(file, der)
}

// stageName tells signatures of other identities and settings apart. The
// certificate is not among them, since services renew it every few days.
func stageName(ref string, o authenticode.SignOptions) string {
	key, _ := json.Marshal([]any{ref, o.Signer.Hash, o.Description, o.URL, o.Commercial})
	sum := sha256.Sum256(key)
	return fmt.Sprintf("%x.cat", sum[:8])
}

// intact reports whether the signature holds, is the identity's, and can still
// be stamped, so that a damaged or late file is not carried on.
func intact(der []byte, id *identity.Identity, now time.Time) bool {
	sd, err := cms.Parse(der)
	if err != nil || len(sd.Signers) != 1 || sd.CheckContent(0) != nil {
		return false
	}
	cert, err := sd.SignerCertificate(0)
	return err == nil && id.Owns(cert) && !now.After(cert.NotAfter) && sd.Signers[0].CheckSignature(cert) == nil
}

// stamped adds the timestamp that the spec asks for.
func (w *work) stamped(ctx context.Context, der []byte) (out []byte, server string, err error) {
	if w.r.Spec.Timestamp == nil {
		return der, "", nil
	}
	value, err := authenticode.PKCS7(der).SignatureValue(0)
	if err != nil {
		return nil, "", err
	}
	s, err := w.r.Stamper(ctx)
	if err != nil {
		return nil, "", err
	}
	token, server, err := s.Stamp(ctx, value)
	if err != nil {
		return nil, "", err
	}
	out, err = authenticode.PKCS7(der).SetToken(0, token)
	return out, server, err
}
