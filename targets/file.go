package targets

import (
	"context"
	"os"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/tool/args"
	filetool "github.com/hallmark-dev/hallmark/internal/tool/file"
)

// File works on single files, without a release.yaml.
type File mg.Namespace

// Sign signs PE files, in place unless -out= is given.
func (File) Sign(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder; without it files are changed in place
	identity *string, // test, pkcs12:FILE, pkcs11:URI, keyvault:URL…, all in docs/identities.md
	password *string, // of the identity, as env:NAME or file:PATH
	chain *string, // certificate files that complete the chain
	fetch *bool, // fetch missing intermediates (AIA)
	incomplete *bool, // sign although an intermediate is missing
	ecdsa *bool, // accept an elliptic-curve key
	digest *string, // sha256 (default), sha384 or sha512
	description *string, // shown in consent prompts
	url *string, // shown beside the description
	pages *bool, // add page hashes
	existing *string, // signatures that are there: refuse (default), replace, append or skip
	certs *string, // additional certificate files
	pathto *string, // thumbprint of a root that the certificates have to lead to
	server *string, // time servers, separated by commas, or test, or a time-stamping key such as pkcs12:FILE
	tspassword *string, // of a time-stamping key, as env:NAME or file:PATH
	allow *string, // relax a rule for your own time server, such as tsa-critical
	legacy *bool, // the older kind of timestamp instead of RFC 3161
	roots *string, // certificate files to trust for code signing and time stamping
	tsroots *string, // certificate files to trust for time stamping
	parallel *int, // files at a time; by itself what suits the key
	firmware *bool, // sign UEFI programs although Windows rejects their layout
	seal *bool, // seal the file, so that Windows notices every change of its signature
	intent *bool, // say that the file will be sealed, and leave that to file:seal
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Sign(ctx, screen(), filetool.Signing{
			Files: files(in, out),
			Signer: args.Signer{
				Key:         key(identity, password, chain, fetch, incomplete, ecdsa),
				Trusted:     trusted(roots, tsroots),
				Stampers:    stampers(server, tspassword, allow, legacy),
				Digest:      str(digest),
				Description: str(description),
				URL:         str(url),
			},
			PageHashes:      flag(pages),
			Existing:        str(existing),
			AdditionalCerts: str(certs),
			RequirePathTo:   str(pathto),
			Parallel:        number(parallel),
			Firmware:        flag(firmware),
			Seal:            flag(seal),
			Intent:          flag(intent),
		})
	})
}

// Verify judges signed files as Windows does and prints why.
func (File) Verify(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	roots *string, // certificate files to trust for code signing and time stamping
	tsroots *string, // certificate files to trust for time stamping
	only *bool, // trust nothing but these roots
	catalog *string, // catalogs for files without a signature of their own
	crl *string, // files with revocation lists
	ocsp *string, // files with OCSP responses
	online *bool, // ask for CRL and OCSP over the network
	policy *string, // authenticode (default), kernel for drivers, or firmware for UEFI programs
	strict *bool, // also refuse what Windows accepts but this program would not sign
	allow *string, // checks that only warn with -strict; windows stands for all that Windows does not make
	publisher *string, // name that the signer's certificate must have
	class *string, // of the signer's certificate: ev, ov or artifact-signing
	thumbprint *string, // SHA-1 or SHA-256 of the signer's certificate, one of these
	eku *string, // extended key usages that the signer's certificate must have
	hashonly *bool, // compare digests and leave trust aside
	json *bool, // print JSON
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Verify(ctx, screen(), os.Stdout, args.Verification{
			In:             str(in),
			Roots:          str(roots),
			TimestampRoots: str(tsroots),
			Only:           flag(only),
			Catalogs:       str(catalog),
			CRLs:           str(crl),
			OCSP:           str(ocsp),
			Online:         flag(online),
			Policy:         str(policy),
			Strict:         flag(strict),
			Allow:          str(allow),
			Publisher:      str(publisher),
			Class:          str(class),
			Thumbprints:    str(thumbprint),
			EKUs:           str(eku),
			HashOnly:       flag(hashonly),
			JSON:           flag(json),
		})
	})
}

// Inspect prints everything that is in the signatures of files.
func (File) Inspect(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	json *bool, // print JSON
) error {
	return do(ctx, func(ctx context.Context) error { return filetool.Inspect(ctx, os.Stdout, str(in), flag(json)) })
}

// Strip takes the signatures, or parts of them, out of PE files.
func (File) Strip(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder; without it files are changed in place
	checksum *string, // what the header's CheckSum becomes: auto (default), zero or computed
	only *string, // nested, unsigned or certs: take out a nested signature, unsigned attributes, or certificates that signed nothing
	index *int, // of which signature: 0 is the first, nested ones follow
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Strip(ctx, screen(), filetool.Stripping{
			Files:    files(in, out),
			Checksum: str(checksum),
			Only:     str(only),
			Index:    number(index),
		})
	})
}

// Timestamp adds a timestamp to signatures that exist.
func (File) Timestamp(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder; without it files are changed in place
	server *string, // time servers, separated by commas, or test, or a time-stamping key such as pkcs12:FILE
	tspassword *string, // of a time-stamping key, as env:NAME or file:PATH
	allow *string, // relax a rule for your own time server, such as tsa-critical
	digest *string, // sha256 (default), sha384 or sha512
	index *int, // which signature: 0 (default) is the first, nested ones follow
	legacy *bool, // the older kind of timestamp instead of RFC 3161
	roots *string, // certificate files to trust for code signing and time stamping
	tsroots *string, // certificate files to trust for time stamping
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Timestamp(ctx, screen(), filetool.Stamping{
			Files:    files(in, out),
			Trusted:  trusted(roots, tsroots),
			Stampers: stampers(server, tspassword, allow, legacy),
			Digest:   str(digest),
			Index:    number(index),
		})
	})
}

// AddCerts adds certificates to signatures that exist.
func (File) AddCerts(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder; without it files are changed in place
	certs *string, // certificate files
	pathto *string, // thumbprint of a root that the certificates have to lead to
	index *int, // which signature: 0 (default) is the first, nested ones follow
	roots *string, // certificate files to trust for code signing
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.AddCerts(ctx, screen(), filetool.Adding{
			Files:         files(in, out),
			Trusted:       trusted(roots, nil),
			Certs:         str(certs),
			RequirePathTo: str(pathto),
			Index:         number(index),
		})
	})
}

// Tag puts data beside a signature that exists, which does not cover it.
func (File) Tag(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder; without it files are changed in place
	value *string, // the tag
	file *string, // a file with the tag, instead of -value=
	index *int, // which signature: 0 (default) is the first, nested ones follow
	existing *string, // a tag that is there: refuse (default) or replace
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Tag(ctx, screen(), filetool.Tagging{
			Files:    files(in, out),
			Value:    str(value),
			File:     str(file),
			Index:    number(index),
			Existing: str(existing),
		})
	})
}

// Seal seals files that were signed with -intent.
func (File) Seal(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder; without it files are changed in place
	identity *string, // the one that signed: test, pkcs12:FILE, pkcs11:URI, keyvault:URL…, all in docs/identities.md
	password *string, // of the identity, as env:NAME or file:PATH
	digest *string, // sha256 (default), sha384 or sha512
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Seal(ctx, screen(), filetool.Sealing{
			Files:  files(in, out),
			Key:    key(identity, password, nil, nil, nil, nil),
			Digest: str(digest),
		})
	})
}

// Unseal takes seals off, so that the signatures can be changed.
func (File) Unseal(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder; without it files are changed in place
) error {
	return do(ctx, func(ctx context.Context) error { return filetool.Unseal(ctx, screen(), files(in, out)) })
}

// Extract writes the signatures of PE files to FILE.p7s.
func (File) Extract(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder for what would be FILE.p7s
	pem *bool, // PEM instead of DER
) error {
	return do(ctx, func(ctx context.Context) error { return filetool.Extract(ctx, screen(), files(in, out), flag(pem)) })
}

// Attach puts a signature that was extracted, or made elsewhere, into a PE filetool.
func (File) Attach(ctx context.Context,
	in *string, // one file
	out *string, // a file or an existing folder; without it files are changed in place
	signature *string, // the PKCS#7 in DER or PEM
	existing *string, // signatures that are there: refuse (default), replace, append or skip
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Attach(ctx, screen(), files(in, out), str(signature), str(existing))
	})
}

// Prepare writes what a key that lives elsewhere has to sign.
func (File) Prepare(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // an existing folder; without it, beside the program
	cert *string, // the signer's certificate and the intermediates behind it
	chain *string, // certificate files that complete the chain
	fetch *bool, // fetch missing intermediates (AIA)
	incomplete *bool, // go on although an intermediate is missing
	ecdsa *bool, // accept an elliptic-curve key
	digest *string, // sha256 (default), sha384 or sha512
	description *string, // shown in consent prompts
	url *string, // shown beside the description
	pages *bool, // add page hashes
	firmware *bool, // sign UEFI programs although Windows rejects their layout
	existing *string, // signatures that are there: refuse (default), replace or append
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Prepare(ctx, screen(), filetool.Split{
			Files:       files(in, out),
			Key:         key(nil, nil, chain, fetch, incomplete, ecdsa),
			Cert:        str(cert),
			Digest:      str(digest),
			Description: str(description),
			URL:         str(url),
			PageHashes:  flag(pages),
			Firmware:    flag(firmware),
			Existing:    str(existing),
		})
	})
}

// Finish puts a signature value made elsewhere into the file that was prepared.
func (File) Finish(ctx context.Context,
	in *string, // one file
	out *string, // a file or an existing folder; without it files are changed in place
	unfinished *string, // what prepare wrote; FILE.unfinished if left out
	signature *string, // the signature value: raw, hexadecimal or base64
	existing *string, // signatures that are there: refuse (default), replace or append
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Finish(ctx, screen(), files(in, out), str(unfinished), str(signature), str(existing))
	})
}
