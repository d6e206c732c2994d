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
	out *string, // a file or an existing folder (default: change the files in place)
	identity *string, // test, pkcs12:FILE, pkcs11:URI, keyvault:URL…, all in docs/identities.md
	password *string, // password of the identity, as env:NAME or file:PATH
	chain *string, // files with intermediate certificates that complete the chain
	fetch *bool, // fetch missing intermediates (AIA)
	incomplete *bool, // sign although an intermediate is missing
	ecdsa *bool, // accept an elliptic-curve key
	digest *string, // sha256 (default), sha384 or sha512
	description *string, // shown in consent prompts
	url *string, // shown beside the description
	pages *bool, // add page hashes
	existing *string, // what to do with existing signatures: refuse (default), replace, append, skip or repair
	certs *string, // files with additional certificates to embed
	pathto *string, // require a chain to the root with this thumbprint
	server *string, // time servers, separated by commas; or test; or a time-stamping key such as pkcs12:FILE
	tspassword *string, // password of a time-stamping key, as env:NAME or file:PATH
	allow *string, // relax a rule for your own time server, such as tsa-critical
	legacy *bool, // use the legacy Authenticode timestamp instead of RFC 3161
	roots *string, // certificate files to trust for code signing and time stamping
	tsroots *string, // certificate files to trust for time stamping
	parallel *int, // files signed at once (default: chosen for the kind of key)
	firmware *bool, // sign UEFI programs although Windows rejects their layout
	seal *bool, // seal the file: Windows then refuses every later change of its signature
	intent *bool, // announce the seal now, add it later with file:seal
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

// Verify checks signed files as Windows does and prints the reasons.
func (File) Verify(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	roots *string, // certificate files to trust for code signing and time stamping
	tsroots *string, // certificate files to trust for time stamping
	only *bool, // trust only these roots
	catalog *string, // catalogs for files without a signature of their own
	crl *string, // files with revocation lists
	ocsp *string, // files with OCSP responses
	online *bool, // fetch CRLs and OCSP responses over the network
	policy *string, // authenticode (default), kernel for drivers, or firmware for UEFI programs
	strict *bool, // also refuse what Windows accepts but this program would not sign
	allow *string, // checks that only warn with -strict; windows stands for all that Windows does not make
	publisher *string, // required name of the signer
	class *string, // required class of the signer's certificate: ev, ov or artifact-signing
	thumbprint *string, // allowed SHA-1 or SHA-256 thumbprints of the signer's certificate, separated by commas
	eku *string, // required extended key usages of the signer's certificate (OIDs, separated by commas)
	hashonly *bool, // compare digests only, without judging trust
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

// Inspect prints what the signatures of files contain.
func (File) Inspect(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	json *bool, // print JSON
) error {
	return do(ctx, func(ctx context.Context) error { return filetool.Inspect(ctx, os.Stdout, str(in), flag(json)) })
}

// Strip removes signatures, or parts of them, from PE files.
func (File) Strip(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder (default: change the files in place)
	checksum *string, // CheckSum field of the header: auto (default), zero or computed
	only *string, // remove only a part: nested (a nested signature), unsigned (unsigned attributes) or certs (unused certificates)
	index *int, // number of the signature: 0 is the first, nested ones follow
	repair *bool, // clear also a directory entry that does not name a sound certificate table
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Strip(ctx, screen(), filetool.Stripping{
			Files:    files(in, out),
			Checksum: str(checksum),
			Only:     str(only),
			Index:    number(index),
			Repair:   flag(repair),
		})
	})
}

// Timestamp adds a timestamp to existing signatures.
func (File) Timestamp(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder (default: change the files in place)
	server *string, // time servers, separated by commas; or test; or a time-stamping key such as pkcs12:FILE
	tspassword *string, // password of a time-stamping key, as env:NAME or file:PATH
	allow *string, // relax a rule for your own time server, such as tsa-critical
	digest *string, // sha256 (default), sha384 or sha512
	index *int, // number of the signature: 0 (default) is the first, nested ones follow
	legacy *bool, // use the legacy Authenticode timestamp instead of RFC 3161
	roots *string, // certificate files to trust for code signing and time stamping
	tsroots *string, // certificate files to trust for time stamping
	chain *string, // files with intermediate certificates that the time server does not send
	fetch *bool, // fetch missing intermediates (AIA)
) error {
	return do(ctx, func(ctx context.Context) error {
		st := stampers(server, tspassword, allow, legacy)
		st.Intermediates, st.Fetching = str(chain), flag(fetch)
		return filetool.Timestamp(ctx, screen(), filetool.Stamping{
			Files:    files(in, out),
			Trusted:  trusted(roots, tsroots),
			Stampers: st,
			Digest:   str(digest),
			Index:    number(index),
		})
	})
}

// AddCerts adds certificates to existing signatures.
func (File) AddCerts(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder (default: change the files in place)
	certs *string, // files with the certificates to add
	pathto *string, // require a chain to the root with this thumbprint
	index *int, // number of the signature: 0 (default) is the first, nested ones follow
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

// Tag adds unsigned data to an existing signature.
func (File) Tag(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder (default: change the files in place)
	value *string, // text of the tag
	file *string, // file that holds the tag, instead of -value=
	index *int, // number of the signature: 0 (default) is the first, nested ones follow
	existing *string, // what to do with an existing tag: refuse (default) or replace
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
	out *string, // a file or an existing folder (default: change the files in place)
	identity *string, // the identity that signed the file: test, pkcs12:FILE, pkcs11:URI, keyvault:URL…, all in docs/identities.md
	password *string, // password of the identity, as env:NAME or file:PATH
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

// Unseal removes seals, so that the signatures can be changed.
func (File) Unseal(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder (default: change the files in place)
) error {
	return do(ctx, func(ctx context.Context) error { return filetool.Unseal(ctx, screen(), files(in, out)) })
}

// Extract writes the signatures of PE files to FILE.p7s.
func (File) Extract(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder (default: FILE.p7s beside the program)
	pem *bool, // write PEM instead of DER
) error {
	return do(ctx, func(ctx context.Context) error { return filetool.Extract(ctx, screen(), files(in, out), flag(pem)) })
}

// Attach adds an extracted or separately made signature to a PE file.
func (File) Attach(ctx context.Context,
	in *string, // one file
	out *string, // a file or an existing folder (default: change the files in place)
	signature *string, // file with the PKCS#7 signature, DER or PEM
	existing *string, // what to do with existing signatures: refuse (default), replace, append, skip or repair
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Attach(ctx, screen(), files(in, out), str(signature), str(existing))
	})
}

// Prepare writes the data to be signed by a key on another machine.
func (File) Prepare(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // an existing folder (default: beside the program)
	cert *string, // file with the signer's certificate, then the intermediates
	chain *string, // files with intermediate certificates that complete the chain
	fetch *bool, // fetch missing intermediates (AIA)
	incomplete *bool, // continue although an intermediate is missing
	ecdsa *bool, // accept an elliptic-curve key
	digest *string, // sha256 (default), sha384 or sha512
	description *string, // shown in consent prompts
	url *string, // shown beside the description
	pages *bool, // add page hashes
	firmware *bool, // sign UEFI programs although Windows rejects their layout
	existing *string, // what to do with existing signatures: refuse (default), replace, append or repair
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

// Finish adds a signature value made on another machine to the prepared file.
func (File) Finish(ctx context.Context,
	in *string, // one file
	out *string, // a file or an existing folder (default: change the files in place)
	unfinished *string, // file written by prepare (default: FILE.unfinished)
	signature *string, // file with the signature value: raw, hexadecimal or base64
	existing *string, // what to do with existing signatures: refuse (default), replace, append or repair
) error {
	return do(ctx, func(ctx context.Context) error {
		return filetool.Finish(ctx, screen(), files(in, out), str(unfinished), str(signature), str(existing))
	})
}
