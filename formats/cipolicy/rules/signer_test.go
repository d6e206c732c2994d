package rules

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func TestDualSigned(t *testing.T) {
	pki := formatstest.NewPKI(t)
	p, _ := build(t, Options{Level: FilePublisher}, signed(t, pki.Leaf, pki.Second))
	if len(p.Signers) != 2 || len(p.FileRules) != 1 || p.Signers[0].FileAttribs[0] != p.Signers[1].FileAttribs[0] {
		t.Errorf("%d signers and %d attributes, wanted two signers that share one", len(p.Signers), len(p.FileRules))
	}
	real := inspect(t, sample(t, "putty.exe"))
	p, _ = build(t, Options{Level: LeafCertificate}, real)
	if len(real.Signatures) != 2 || len(p.Signers) != 1 {
		t.Errorf("putty.exe: %d signatures, %d signers; it is signed twice with one certificate", len(real.Signatures), len(p.Signers))
	}
}

func TestECDSAFallsBack(t *testing.T) {
	f := signed(t, formatstest.NewPKI(t).ECDSA)
	p, outcomes := build(t, Options{Level: Publisher, Fallback: []Level{Hash}}, f)
	if outcomes[0].Level != Hash || len(p.Signers) != 0 || !strings.Contains(strings.Join(outcomes[0].Notes, " "), "RSA only") {
		t.Errorf("%+v", outcomes[0])
	}
}

func TestArtifactSigning(t *testing.T) {
	pki := formatstest.NewPKI(t)
	f := signed(t, pki.Artifact)
	_, err := Build(NewPolicy(testID), []File{f}, Options{Level: LeafCertificate, Fallback: []Level{Hash}})
	if err == nil || !strings.Contains(err.Error(), "lives three days") {
		t.Errorf("leaf rule: %v", err)
	}
	p, _ := build(t, Options{Level: Publisher}, f)
	want, err := cipolicy.EKUValue(f.Signatures[0].Subscriber)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.EKUs) != 1 || !bytes.Equal(p.EKUs[0].Value, want) || len(p.Signers[0].EKUs) != 1 {
		t.Fatalf("the signer is not pinned to the subscriber: %+v", p.Signers)
	}
	if v := Evaluate(p, &f, cipolicy.ScenarioUser, ""); !v.Allowed {
		t.Error("the subscriber's file is not allowed")
	}
	other := f
	other.Signatures = []Signature{f.Signatures[0]}
	other.Signatures[0].EKUs = []string{"1.3.6.1.5.5.7.3.3"}
	if v := Evaluate(p, &other, cipolicy.ScenarioUser, ""); v.Allowed {
		t.Error("another customer of the service is allowed")
	}
}

func TestRootLevelNeedsTheRoot(t *testing.T) {
	f := signed(t, formatstest.NewPKI(t).Leaf)
	if _, err := Build(NewPolicy(testID), []File{f}, Options{Level: RootCertificate}); err == nil || !strings.Contains(err.Error(), "does not hold its root") {
		t.Errorf("got %v", err)
	}
	f.Signatures[0].Chain = append(f.Signatures[0].Chain, Certificate{Name: "Root", TBS: make(Hex, 32), Root: true})
	p, _ := build(t, Options{Level: RootCertificate}, f)
	if p.Signers[0].Name.Value != "Root" {
		t.Errorf("signer %+v", p.Signers[0])
	}
	if p, _ := build(t, Options{Level: PcaCertificate}, f); p.Signers[0].Name.Value == "Root" {
		t.Error("PcaCertificate pins the root")
	}
}

// TestDeny denies a version: it and what came before are denied, later ones not.
func TestDeny(t *testing.T) {
	f := signed(t, formatstest.NewPKI(t).Leaf)
	for _, level := range []Level{Hash, FileName, Publisher, FilePublisher, SignedVersion, LeafCertificate} {
		p, _ := build(t, Options{Level: level, Deny: true}, f)
		if v := Evaluate(p, &f, cipolicy.ScenarioUser, ""); len(v.DeniedBy) == 0 {
			t.Errorf("%s: not denied", level)
		}
		later, earlier := f, f
		later.FileVersion, earlier.FileVersion = "99.0.0.0", "0.0.0.1"
		later.SHA1, later.SHA256, later.PageSHA1, later.PageSHA256 = nil, nil, nil, nil
		versioned := level == FilePublisher || level == SignedVersion
		if v := Evaluate(p, &later, cipolicy.ScenarioUser, ""); versioned && len(v.DeniedBy) > 0 {
			t.Errorf("%s: a later version is denied by %v", level, v.DeniedBy)
		}
		if v := Evaluate(p, &earlier, cipolicy.ScenarioUser, ""); versioned && len(v.DeniedBy) == 0 {
			t.Errorf("%s: an earlier version is not denied", level)
		}
		if len(p.CISigners) != 0 {
			t.Errorf("%s: a denied signer is a CI signer", level)
		}
	}
}
