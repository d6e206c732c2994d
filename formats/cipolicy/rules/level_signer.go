package rules

import (
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// eachSignature makes a signer of every signature of the file: a file that is
// signed twice is known by either.
func eachSignature(f *File, make func(*Signature) (signerRule, error)) (content, error) {
	if len(f.Signatures) == 0 {
		return content{}, errors.New("the file is not signed")
	}
	var c content
	var reasons []error
	for i := range f.Signatures {
		s := &f.Signatures[i]
		if s.Unusable != "" {
			reasons = append(reasons, errors.New(s.Unusable))
			continue
		}
		r, err := make(s)
		if err != nil {
			reasons = append(reasons, err)
			continue
		}
		c.signers = append(c.signers, r)
	}
	if len(c.signers) == 0 {
		return content{}, errors.Join(reasons...)
	}
	return c, nil
}

// pinned makes a signer for one certificate of the chain. Signatures of Artifact
// Signing are narrowed to the subscriber: the certificates above the leaf sign
// for all customers of the service.
func pinned(c Certificate, s *Signature) signerRule {
	return signerRule{
		signer: cipolicy.Signer{Name: cipolicy.Some(printable.Text(c.Name)), Root: cipolicy.CertRoot{Type: cipolicy.RootTBS, Value: c.TBS}},
		eku:    s.Subscriber,
	}
}

func (b *builder) leaf(f *File) (content, error) {
	for i := range f.Signatures {
		if s := &f.Signatures[i]; s.Subscriber != "" {
			return content{}, mistake{fmt.Errorf("the certificate %q is of Artifact Signing and lives three days, a rule for it would fail with the next release: use Publisher or FilePublisher, which pin your subscriber usage %s", s.Leaf().Name, s.Subscriber)}
		}
	}
	return eachSignature(f, func(s *Signature) (signerRule, error) { return pinned(s.Leaf(), s), nil })
}

func (b *builder) pca(f *File) (content, error) {
	return eachSignature(f, func(s *Signature) (signerRule, error) { return pinned(s.Top(), s), nil })
}

func (b *builder) root(f *File) (content, error) {
	return eachSignature(f, func(s *Signature) (signerRule, error) {
		c := s.Chain[len(s.Chain)-1]
		if !c.Root {
			return signerRule{}, fmt.Errorf("the signature of %q does not hold its root", s.Leaf().Name)
		}
		return pinned(c, s), nil
	})
}

func publisherOf(s *Signature) (signerRule, error) {
	if s.Leaf().Name == "" {
		return signerRule{}, errors.New("the certificate has no common name")
	}
	if err := fitName("the common name of the certificate", s.Leaf().Name); err != nil {
		return signerRule{}, err
	}
	r := pinned(s.Top(), s)
	r.signer.Publisher = cipolicy.Some(s.Leaf().Name)
	return r, nil
}

func (b *builder) publisher(f *File) (content, error) {
	return eachSignature(f, publisherOf)
}

// versioned adds a file attribute with the version of the file: at or above it
// when allowing, at or below it when denying.
func (b *builder) versioned(f *File, name string) (content, error) {
	if f.FileVersion == "" {
		return content{}, errors.New("the file has no version resource")
	}
	v, err := cipolicy.ParseVersion(f.FileVersion)
	if err != nil {
		return content{}, err
	}
	attrib := cipolicy.FileRule{Kind: cipolicy.FileAttrib, FriendlyName: cipolicy.Some(b.windowsPath(f) + " FileAttribute"), FileName: cipolicy.Some(name)}
	if b.opts.Deny {
		attrib.MinVersion, attrib.MaxVersion = cipolicy.Some(cipolicy.Version(0)), cipolicy.Some(v)
	} else {
		attrib.MinVersion = cipolicy.Some(v)
	}
	return eachSignature(f, func(s *Signature) (signerRule, error) {
		r, err := publisherOf(s)
		r.attrib = &attrib
		return r, err
	})
}

func (b *builder) signedVersion(f *File) (content, error) {
	return b.versioned(f, "*")
}

func (b *builder) filePublisher(f *File) (content, error) {
	if f.OriginalFilename == "" {
		return content{}, errors.New("the file has no original file name in its version resource")
	}
	if err := fitName(string(OriginalFileName), f.OriginalFilename); err != nil {
		return content{}, err
	}
	return b.versioned(f, f.OriginalFilename)
}
