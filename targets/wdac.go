package targets

import (
	"context"
	"os"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/policy"
)

// Wdac works on App Control policies, without a release.yaml.
type Wdac mg.Namespace

// Compile compiles XML policies.
func (Wdac) Compile(
	in *string, // XML files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder (default: the name that Windows expects, beside the XML)
	format *int, // version of the binary: 7 (default), 8 or 9
	sort *string, // quicksort (default, as ConvertFrom-CIPolicy), introsort (as the Policy Wizard) or keep
) error {
	return fault.Exit(policy.Compile(screen(), files(in, out), number(format), str(sort)))
}

// Decompile converts compiled policies, signed or not, to XML.
func (Wdac) Decompile(
	in *string, // .cip or SiPolicy.p7b files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder (default: .xml beside the binary)
	sort *string, // sort order that the XML will be compiled with: quicksort (default) or introsort
) error {
	return fault.Exit(policy.Decompile(screen(), files(in, out), str(sort)))
}

// Merge combines policies, or the parts of a scan, into one policy.
func (Wdac) Merge(
	in *string, // policies (XML or binary), the first gives type, identity and options; or all .jsonl files of one scan
	out *string, // the XML
	level *string, // for parts of a scan: as with wdac:scan
	fallback *string, // for parts of a scan: as with wdac:scan
	name *string, // for parts of a scan: attribute of the level FileName
	mode *string, // for parts of a scan: as with wdac:scan
	path *string, // for parts of a scan: as with wdac:scan
	deny *bool, // for parts of a scan: as with wdac:scan
	unreadable *bool, // for parts of a scan: as with wdac:scan
	id *string, // for parts of a scan: PolicyID
	base *string, // for parts of a scan: BasePolicyID
	title *string, // for parts of a scan: name of the policy
) error {
	return fault.Exit(policy.Merge(screen(), str(in), str(out), ruleFlags(level, fallback, name, mode, path, deny, unreadable, id, base, title)))
}

// Scan makes a policy of the files in a folder.
func (Wdac) Scan(ctx context.Context,
	dir *string, // the folder
	out *string, // the XML, or with -shard= the JSON lines
	level *string, // Hash (default), FileName, FilePath, SignedVersion, Publisher, FilePublisher, LeafCertificate, PcaCertificate or RootCertificate
	fallback *string, // levels for files that the level cannot describe, in order, separated by commas
	name *string, // attribute of the level FileName: OriginalFileName (default), InternalName, FileDescription or ProductName
	mode *string, // auto (default: kernel mode for drivers, user mode for the rest), user, kernel or both
	path *string, // path of the folder on Windows, such as %OSDRIVE%\App
	deny *bool, // deny these files and allow everything else
	unreadable *bool, // skip files that cannot be read
	id *string, // PolicyID (default: derived from the files)
	base *string, // BasePolicyID: makes a supplemental policy
	title *string, // name of the policy
	shard *string, // scan only a part of the files, such as 2/8, and write JSON lines for wdac:merge
	workers *int, // files read at once (default: one per processor)
) error {
	return do(ctx, func(ctx context.Context) error {
		return policy.Scan(ctx, screen(), policy.Scanning{
			Rules:   ruleFlags(level, fallback, name, mode, path, deny, unreadable, id, base, title),
			Dir:     str(dir),
			Out:     str(out),
			Shard:   str(shard),
			Workers: number(workers),
		})
	})
}

// Diff explains the difference between two policies.
func (Wdac) Diff(
	from *string, // XML or binary
	to *string, // XML or binary
) error {
	return fault.Exit(policy.Diff(os.Stdout, str(from), str(to)))
}

// Show explains what a policy allows and denies.
func (Wdac) Show(
	in *string, // XML or binary: paths, glob patterns and @lists of them, separated by commas
) error {
	return fault.Exit(policy.Show(os.Stdout, str(in)))
}

// Sign signs compiled policies.
func (Wdac) Sign(ctx context.Context,
	in *string, // compiled policies: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder
	identity *string, // test, pkcs12:FILE, pkcs11:URI, keyvault:URL…, all in docs/identities.md
	password *string, // password of the identity, as env:NAME or file:PATH
	chain *string, // files with intermediate certificates that complete the chain
	fetch *bool, // fetch missing intermediates (AIA)
	incomplete *bool, // sign although an intermediate is missing
) error {
	return do(ctx, func(ctx context.Context) error {
		return policy.Sign(ctx, screen(), policy.Signing{
			Files: files(in, out),
			Key:   key(identity, password, chain, fetch, incomplete, nil),
		})
	})
}

func ruleFlags(level, fallback, name, mode, path *string, deny, unreadable *bool, id, base, title *string) policy.Rules {
	return policy.Rules{
		Level:           str(level),
		Fallback:        str(fallback),
		FileName:        str(name),
		Mode:            str(mode),
		WindowsPath:     str(path),
		Deny:            flag(deny),
		AllowUnreadable: flag(unreadable),
		PolicyID:        str(id),
		BasePolicyID:    str(base),
		Name:            str(title),
	}
}
