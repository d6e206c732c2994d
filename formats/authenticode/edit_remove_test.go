package authenticode_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// crowded is a program with a legacy timestamp, a nested signature that has a timestamp
// of its own, a tag and a certificate too many.
func crowded(t *testing.T, p *formatstest.PKI) []byte {
	t.Helper()
	one := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)})
	value, err := authenticode.PKCS7(extract(t, one)).SignatureValue(0)
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := stamper(t, time.Time{}).LegacyTimestamp(context.Background(), value)
	if err != nil {
		t.Fatal(err)
	}
	two := signed(t, one, authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend})
	return update(t, stamped(t, two, 1), func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
		if p7, err = p7.SetCountersignature(0, stamp.Raw, stamp.Certificates); err != nil {
			return nil, err
		}
		if p7, err = authenticode.PKCS7(p7).AddTag(0, []byte("tag")); err != nil {
			return nil, err
		}
		return authenticode.PKCS7(p7).AddCertificates(0, []*x509.Certificate{p.CrossRoot})
	})
}

// TestRemoveUnsigned: what remains is the signature as it was made, byte for byte, and
// what signtool remove /u leaves.
func TestRemoveUnsigned(t *testing.T) {
	p := formatstest.NewPKI(t)
	file := crowded(t, p)
	bare := update(t, file, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) { return p7.RemoveUnsigned(0) })
	if n := len(signatures(t, bare)); n != 1 || len(signatures(t, bare)[0].Signers[0].UnsignedAttrs) != 0 {
		t.Errorf("%d signatures, attributes %v", n, signatures(t, bare)[0].Signers[0].UnsignedAttrs)
	}
	nested := update(t, file, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) { return p7.RemoveUnsigned(1) })
	if sigs := signatures(t, nested); len(sigs) != 2 || len(sigs[1].Signers[0].UnsignedAttrs) != 0 || len(sigs[0].Signers[0].UnsignedAttrs) != 3 {
		t.Errorf("%d signatures after the second was stripped of its timestamp", len(sigs))
	}
	for _, f := range [][]byte{bare, nested} {
		if ok, out := formatstest.VerifyOssl(t, writeTemp(t, f), formatstest.PEMFile(t, p.Root), formatstest.PEMFile(t, p.TSARoot)); !ok {
			t.Errorf("osslsigncode: %s", out)
		}
	}
	if testing.Short() {
		return
	}
	rig := formatstest.NewRig(t)
	path := writeTemp(t, file)
	if out, err := rig.Signtool("remove", "/u", path); err != nil {
		t.Fatalf("signtool: %v\n%s", err, out)
	}
	if !bytes.Equal(readFile(t, path), bare) {
		t.Error("signtool remove /u leaves another file")
	}
}

// TestRemoveCertificates: only those stay that signed something, so that nothing breaks.
func TestRemoveCertificates(t *testing.T) {
	p := formatstest.NewPKI(t)
	file := crowded(t, p)
	lean := update(t, file, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) { return p7.RemoveCertificates(0) })
	before, after := signatures(t, file), signatures(t, lean)
	if len(after) != 2 || len(after[0].Certificates) != 2 || len(before[0].Certificates) <= 3 || len(after[1].Certificates) != len(before[1].Certificates) {
		t.Fatalf("%d certificates are left of %d", len(after[0].Certificates), len(before[0].Certificates))
	}
	for _, want := range []*x509.Certificate{p.Leaf.Certificate, p.TSA.Certificate} {
		if !bytes.Equal(after[0].Certificates[0].Raw, want.Raw) && !bytes.Equal(after[0].Certificates[1].Raw, want.Raw) {
			t.Errorf("%s is gone", want.Subject)
		}
	}
	o := authenticode.VerifyOptions{Roots: &certchain.Roots{CodeSigning: certchain.NewPool(p.Root), TimeStamping: certchain.NewPool(p.TSARoot)}}
	verify := func() *authenticode.SignatureReport {
		t.Helper()
		report, err := authenticode.Verify(t.Context(), bytes.NewReader(lean), int64(len(lean)), o)
		if err != nil {
			t.Fatal(err)
		}
		return report.Signatures[0]
	}
	if v := verify().Windows; v != authenticode.VerdictChaining {
		t.Errorf("without the intermediate the verdict is %v", v)
	}
	o.Intermediates = []*x509.Certificate{p.Intermediate}
	if v := verify().Windows; v != authenticode.VerdictTrusted {
		t.Errorf("with the intermediate from elsewhere the verdict is %v", v)
	}
}
