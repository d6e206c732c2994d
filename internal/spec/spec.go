// Package spec reads release.yaml: the types that describe a release, the
// strict decoder, the defaults (which only fill in) and the validation (which
// only judges, and reports every problem at once with line and field path).
//
// The doc comment of each type and field is the text that the JSON Schema
// (hallmark schema) and docs/spec.md show, so it is written for the person who
// fills in a release.yaml.
package spec

import (
	"time"

	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Spec is one release.yaml: one release of one product. A section that is
// missing switches its step off.
type Spec struct {
	// Version of the format of this file. Always 1.
	Version int `yaml:"version" jsonschema:"required,enum=1"`
	// Project names the product and its publisher.
	Project Project `yaml:"project" jsonschema:"required"`
	// Build describes which programs are compiled, and how.
	Build Build `yaml:"build"`
	// Resources are put into every program: version information, application manifest, icon. Left out: the programs stay as the linker made them.
	Resources *Resources `yaml:"resources"`
	// Sign gives every program an Authenticode signature. Left out: the release is unsigned.
	Sign *Sign `yaml:"sign"`
	// Timestamp lets the signatures outlive the certificate. Needed with sign, unless verify.require_timestamp is false.
	Timestamp *Timestamp `yaml:"timestamp"`
	// Verify judges the finished files as Windows would. With sign it is always on; the section only changes its settings.
	Verify *Verify `yaml:"verify"`
	// Catalog lists the finished files in a signed security catalog.
	Catalog *Catalog `yaml:"catalog"`
	// WDAC makes an App Control for Business policy that allows what this release ships.
	WDAC *WDAC `yaml:"wdac"`
	// Portal writes the text and the fields for Microsoft's file submission portal.
	Portal *Portal `yaml:"portal"`
	// Package makes the files to publish. It is always on; the section only changes its settings.
	Package *Package `yaml:"package"`

	// Source is what git and the environment say about the source code.
	Source Source `yaml:"-"`
	// replaced are secrets of an identity that a trial does not use.
	replaced []secret.Ref
	// file is the name of the file as it was given to Parse.
	file string
	// lines holds the line of every field present, by path.
	lines map[string]int
}

// Source describes the source code that is released. It comes from git and
// the environment, not from the file.
type Source struct {
	// Commit on HEAD, or empty without git.
	Commit string `yaml:"-"`
	// VersionFrom is what the file says about the version (git, env:NAME, the
	// version itself), or RELEASE_VERSION or snapshot for a release that is
	// for trying out.
	VersionFrom string `yaml:"-"`
	// Untagged says, when a plan is made anyway, why git gives no
	// version.
	Untagged *Problem `yaml:"-"`
	// Tag of the version: that on HEAD which stands for it, else the version with a v before it.
	Tag string `yaml:"-"`
	// Time that stands in for «now» in everything that is written: SOURCE_DATE_EPOCH, else the time of the commit, else gitinfo.NoTime.
	Time time.Time `yaml:"-"`
	// TimeFrom names where Time comes from.
	TimeFrom string `yaml:"-"`
}

// Project names the product and its publisher. The values appear in version
// information, signatures and the submission text.
type Project struct {
	// Name of the product. Used in file names, so letters, digits, dot, dash and underscore only.
	Name string `yaml:"name" jsonschema:"required,format=name,example=app"`
	// Version of the release: a semantic version such as 1.4.2, env:NAME to take it from an environment variable, or git to take it from the tag on HEAD. Default: git.
	Version string `yaml:"version" jsonschema:"format=version,default=git"`
	// Title of the product as people read it. Default: name.
	Title string `yaml:"title" jsonschema:"example=The App"`
	// Description of what the product does, in one sentence.
	Description string `yaml:"description" jsonschema:"example=Does one thing well."`
	// Company is the legal name of the publisher.
	Company string `yaml:"company" jsonschema:"required,example=Example Ltd"`
	// Copyright notice for the version information. Default: the year of the release, which is that of the commit, and the company's name; without git the year is left out.
	Copyright string `yaml:"copyright" jsonschema:"example=© 2026 Example Ltd"`
	// URL of the product's page, https only.
	URL string `yaml:"url" jsonschema:"format=https"`
	// Support is the contact for questions about the release: an e-mail address or an https URL.
	Support string `yaml:"support" jsonschema:"format=contact"`
	// Repository is the https URL of the source code.
	Repository string `yaml:"repository" jsonschema:"format=https"`
}

// Build describes which programs are compiled, and how. -trimpath is always set,
// and CGO_ENABLED=0 but for DLLs.
type Build struct {
	// Builder that compiles: goreleaser, go (plain go build, identical bytes), or auto (goreleaser when it is installed, else go). Default: auto.
	Builder string `yaml:"builder" jsonschema:"enum=auto|goreleaser|go,default=auto"`
	// Config is the path of your own goreleaser configuration. Only for the builder goreleaser; binaries, targets, tags, ldflags, variables, flags and env are then its business and must not be set here.
	Config string `yaml:"config" jsonschema:"format=path,example=.goreleaser.yaml"`
	// Binaries are the programs of the release: those to compile, and those that something else has built. Needed unless config is set.
	Binaries []Binary `yaml:"binaries" jsonschema:"minitems=1"`
	// Targets to compile for: windows/amd64, windows/arm64, windows/386, and windows/amd64/v2, v3 or v4 for programs that demand a newer processor (GOAMD64). Default: windows/amd64 and windows/arm64.
	Targets []string `yaml:"targets" jsonschema:"enum=windows/amd64|windows/arm64|windows/386|windows/amd64/v2|windows/amd64/v3|windows/amd64/v4,default=windows/amd64|windows/arm64,minitems=1,unique"`
	// Before are commands that run once before anything is compiled, in the project's folder and without a shell, such as go generate. They run again when the commit, a changed file or what they wrote is not as it was.
	Before []string `yaml:"before" jsonschema:"format=command,minitems=1,unique,example=go generate ./..."`
	// Env are environment variables of the compilation and of before, such as GOEXPERIMENT. What a release promises cannot be set: CGO_ENABLED, GOOS, GOARCH, GOFLAGS and their like. Not for secrets.
	Env map[string]string `yaml:"env" jsonschema:"keys=variable-name,example=GOEXPERIMENT"`
	// Flags of go build, one an entry: -gcflags=…, -asmflags=…, -pgo=… or -mod=…. Linker flags and tags have keys of their own.
	Flags []string `yaml:"flags" jsonschema:"format=build-flag,minitems=1,unique,example=-gcflags=all=-l"`
	// Workspace set to on builds with the go.work that is in force in the project's folder. Off ignores it, since it need not be part of the commit. Default: off.
	Workspace string `yaml:"workspace" jsonschema:"enum=off|on,default=off"`
	// LDFlags for the linker, one flag an entry; an empty list means none. Nothing is expanded in them; what changes from release to release belongs to variables. Default: -s and -w.
	LDFlags []string `yaml:"ldflags" jsonschema:"default=-s|-w"`
	// Tags are Go build tags.
	Tags []string `yaml:"tags" jsonschema:"format=build-tag,unique,example=netgo"`
	// Variables are string variables that the linker sets, each with what it receives: version, tag (the version as it is tagged, such as v1.4.2), commit (all 40 digits), short_commit (the first 7), commit_date (2026-01-31T12:00:00Z, in UTC), commit_day (2026-01-31) or commit_timestamp (seconds since 1970). The dates are that of SOURCE_DATE_EPOCH if it is set. For a fixed text write -X=main.name=text below ldflags.
	Variables map[string]string `yaml:"variables" jsonschema:"keys=variable,enum=version|tag|commit|short_commit|commit_date|commit_day|commit_timestamp,example=main.version"`
	// VCS controls version control stamping in the binary: off, or on, which demands git and, unless the test identity signs, a work tree without changes. Default: off.
	VCS string `yaml:"vcs" jsonschema:"enum=off|on,default=off"`
	// Reproducible set to verify compiles everything a second time in another folder and fails when a byte differs. Default: off.
	Reproducible string `yaml:"reproducible" jsonschema:"enum=off|verify,default=off"`
}

// Binary is one program.
type Binary struct {
	// ID names the program in this file and in folder names. Default: name.
	ID string `yaml:"id" jsonschema:"format=name,example=app"`
	// Main is the package to compile, such as ./cmd/app. Default: . (the module's root).
	Main string `yaml:"main" jsonschema:"format=package,default=."`
	// File is a program or DLL that something else has built, instead of main: a path or a pattern that finds one file for each machine, such as bin/*/app.exe. Which machine it is for is read from the file.
	File string `yaml:"file" jsonschema:"format=glob,example=bin/app.exe"`
	// Buildmode: exe, or c-shared for a DLL. A DLL needs cgo and a C compiler for Windows in PATH: gcc, or on other systems x86_64-w64-mingw32-gcc and its like. Default: exe.
	Buildmode string `yaml:"buildmode" jsonschema:"enum=exe|c-shared,default=exe"`
	// Name of the file without .exe or .dll. Default: project.name; with file, its own name.
	Name string `yaml:"name" jsonschema:"format=name,example=app"`
	// GUI links the program for the Windows GUI subsystem (no console window).
	GUI bool `yaml:"gui"`
	// Description overrides project.description in the version information.
	Description string `yaml:"description" jsonschema:"example=Does one thing well."`
	// Icon overrides resources.icon for this program.
	Icon string `yaml:"icon" jsonschema:"format=path,example=assets/app.ico"`
}

// Resources are the Windows resources put into every program.
type Resources struct {
	// FileVersion is the four-part version of the files. Default: project.version with a fourth part of 0.
	FileVersion string `yaml:"file_version" jsonschema:"format=four-part,example=1.4.2.0"`
	// ProductVersion as people read it. Default: project.version.
	ProductVersion string `yaml:"product_version" jsonschema:"example=1.4.2"`
	// Company overrides project.company.
	Company string `yaml:"company" jsonschema:"example=Example Ltd"`
	// Product overrides project.title.
	Product string `yaml:"product" jsonschema:"example=The App"`
	// Description overrides project.description.
	Description string `yaml:"description" jsonschema:"example=Does one thing well."`
	// Copyright overrides project.copyright.
	Copyright string `yaml:"copyright" jsonschema:"example=© 2026 Example Ltd"`
	// Trademarks, as shown in the file's properties.
	Trademarks string `yaml:"trademarks" jsonschema:"example=The App is a trade mark of Example Ltd."`
	// Comments, as shown in the file's properties.
	Comments string `yaml:"comments" jsonschema:"example=Built from source."`
	// Language of the strings as a BCP 47 tag. Default: en-US.
	Language string `yaml:"language" jsonschema:"format=language,default=en-US"`
	// Translations hold the strings in further languages, by BCP 47 tag; what one leaves out is taken from the main language.
	Translations map[string]Strings `yaml:"translations" jsonschema:"keys=language,example=de-CH"`
	// Icon is the path of an .ico or .png file.
	Icon string `yaml:"icon" jsonschema:"format=path,example=assets/app.ico"`
	// Manifest is the application manifest.
	Manifest *Manifest `yaml:"manifest"`
}

// Strings are the version information strings of one language.
type Strings struct {
	// Company that publishes the product.
	Company string `yaml:"company" jsonschema:"example=Example AG"`
	// Product as people read its name in this language.
	Product string `yaml:"product" jsonschema:"example=Die App"`
	// Description of the file; Windows shows it in consent prompts.
	Description string `yaml:"description" jsonschema:"example=Kann eine Sache gut."`
	// Copyright notice in this language.
	Copyright string `yaml:"copyright" jsonschema:"example=© 2026 Example AG"`
	// Trademarks, as shown in the file's properties.
	Trademarks string `yaml:"trademarks" jsonschema:"example=Die App ist eine Marke der Example AG."`
	// Comments, as shown in the file's properties.
	Comments string `yaml:"comments" jsonschema:"example=Aus dem Quelltext gebaut."`
}

// Manifest is the application manifest: what Windows grants the program at
// start.
type Manifest struct {
	// File is the path of a complete manifest of your own; no other field may then be set.
	File string `yaml:"file" jsonschema:"format=path,example=assets/app.manifest"`
	// ExecutionLevel: asInvoker, highestAvailable or requireAdministrator. Default: asInvoker.
	ExecutionLevel string `yaml:"execution_level" jsonschema:"enum=asInvoker|highestAvailable|requireAdministrator,default=asInvoker"`
	// UIAccess lets the program drive windows of a higher integrity level (accessibility tools).
	UIAccess bool `yaml:"ui_access"`
	// LongPaths lifts the limit of 260 characters. Default: true.
	LongPaths *bool `yaml:"long_paths" jsonschema:"default=true"`
	// UTF8 makes UTF-8 the program's code page. Default: true.
	UTF8 *bool `yaml:"utf8" jsonschema:"default=true"`
	// DPI awareness: unaware, system, per-monitor or per-monitor-v2. Default: per-monitor-v2.
	DPI string `yaml:"dpi" jsonschema:"enum=unaware|system|per-monitor|per-monitor-v2,default=per-monitor-v2"`
	// CommonControls loads version 6 of the common controls, which most toolkits for windows and dialogs need.
	CommonControls bool `yaml:"common_controls"`
	// MinimumWindows is the oldest Windows named as supported: vista, 7, 8, 8.1 or 10. Default: 10, which covers Windows 11.
	MinimumWindows string `yaml:"minimum_windows" jsonschema:"enum=vista|7|8|8.1|10,default=10"`
}

// Sign gives every program an Authenticode signature.
type Sign struct {
	// Identity that signs: test, pkcs12:FILE, pem:KEY,CHAIN, pkcs11:URI, exec:PROGRAM, or a key in a signing service, such as keyvault:URL; docs/identities.md has them all.
	Identity string `yaml:"identity" jsonschema:"required,format=identity,example=pkcs12:code.pfx"`
	// Password or PIN of the identity, as env:NAME or file:PATH, never the secret itself.
	Password string `yaml:"password" jsonschema:"format=secret,example=env:SIGNING_PASSWORD"`
	// Digest of the signature: sha256, sha384 or sha512. Default: sha256.
	Digest string `yaml:"digest" jsonschema:"enum=sha256|sha384|sha512,default=sha256"`
	// Description is shown by Windows in consent prompts. Default: project.title.
	Description string `yaml:"description" jsonschema:"example=The App"`
	// URL is shown beside the description. Default: project.url.
	URL string `yaml:"url" jsonschema:"format=https"`
	// PageHashes adds a hash of each 4096-byte page, which lets Windows check pages as they are loaded.
	PageHashes bool `yaml:"page_hashes"`
	// Firmware signs programs for UEFI firmware although Windows refuses their layout, for example alignments of 32 bytes. The programs are then verified as firmware does it.
	Firmware bool `yaml:"firmware"`
	// Chain lists certificate files that complete the chain from the identity's certificate to its root.
	Chain []string `yaml:"chain" jsonschema:"format=path,minitems=1,unique,example=certs/intermediate.pem"`
	// FetchIntermediates allows missing intermediate certificates to be fetched from the URL that a certificate names (AIA).
	FetchIntermediates bool `yaml:"fetch_intermediates"`
	// AllowIncompleteChain signs although an intermediate certificate is missing.
	AllowIncompleteChain bool `yaml:"allow_incomplete_chain"`
	// AllowECDSA signs with an elliptic-curve key although Windows' code-signing roots are RSA.
	AllowECDSA bool `yaml:"allow_ecdsa"`
	// ExpectEKU lists object identifiers of extended key usages that every signing certificate must have, such as the subscriber's own of Artifact Signing.
	ExpectEKU []string `yaml:"expect_eku" jsonschema:"format=oid,minitems=1,unique,example=1.3.6.1.5.5.7.3.3"`
	// ExpectSubject is the common name or the whole subject that every signing certificate must have. Case and the number of spaces do not matter.
	ExpectSubject string `yaml:"expect_subject" jsonschema:"example=Example Ltd"`
	// AdditionalCerts are certificate files added to the signature afterwards: cross-certificates for machines that lack a newer root.
	AdditionalCerts []string `yaml:"additional_certs" jsonschema:"format=path,minitems=1,unique,example=certs/cross.pem"`
	// RequirePathTo is the SHA-256 or SHA-1 thumbprint of a root that the embedded certificates must lead to.
	RequirePathTo string `yaml:"require_path_to" jsonschema:"format=thumbprint"`
	// Parallel is how many files are signed at once. Default: what the identity allows.
	Parallel int `yaml:"parallel" jsonschema:"min=1,max=64,example=4"`
}

// Timestamp lets the signatures outlive the certificate.
type Timestamp struct {
	// Servers to ask, in order; the first that answers is used. Either test alone, or http and https URLs.
	Servers []string `yaml:"servers" jsonschema:"required,format=time-server,minitems=1,unique,example=http://timestamp.digicert.com"`
	// Digest of the timestamp: sha256, sha384 or sha512. Default: sha256.
	Digest string `yaml:"digest" jsonschema:"enum=sha256|sha384|sha512,default=sha256"`
	// Attempts at each server. Answers with status 429 that say when to come back (Retry-After) are obeyed and not counted; the budget bounds them. Default: 3.
	Attempts int `yaml:"attempts" jsonschema:"default=3,min=1,max=20"`
	// RequestTimeout for one answer. Default: 20s.
	RequestTimeout Duration `yaml:"request_timeout" jsonschema:"default=20s,min=1s,max=10m"`
	// Budget is the time for one file, all servers and attempts together. Default: 5m.
	Budget Duration `yaml:"budget" jsonschema:"default=5m,min=1s,max=2h"`
	// MinInterval between two requests to one server; some operators ask for 15s. Default: 0s.
	MinInterval Duration `yaml:"min_interval" jsonschema:"default=0s,min=0s,max=10m"`
	// Allow lists what a time server of your own may do without, by the names of docs/verify.md: tsa-critical (its usage is not marked critical), tsa-usage (its certificate has other usages, too), tsa-binding, weak-digest, weak-key.
	Allow []string `yaml:"allow" jsonschema:"enum=tsa-critical|tsa-usage|tsa-binding|weak-digest|weak-key,minitems=1,unique,example=tsa-critical"`
}

// Verify judges the finished files.
type Verify struct {
	// Roots are files with root certificates to trust for code signing, beside the system's and the built-in ones.
	Roots []string `yaml:"roots" jsonschema:"format=path,minitems=1,unique,example=certs/root.pem"`
	// TimestampRoots are files with root certificates to trust for time stamping.
	TimestampRoots []string `yaml:"timestamp_roots" jsonschema:"format=path,minitems=1,unique,example=certs/tsa-root.pem"`
	// OnlyTheseRoots trusts nothing but roots and timestamp_roots.
	OnlyTheseRoots bool `yaml:"only_these_roots"`
	// RequireTimestamp fails a signature without a timestamp. Default: true.
	RequireTimestamp *bool `yaml:"require_timestamp" jsonschema:"default=true"`
	// Allow lists checks that only warn, by the names of docs/verify.md, for what Windows lets pass as well. What timestamp.allow names need not stand here again.
	Allow []string `yaml:"allow" jsonschema:"enum=tsa-critical|tsa-usage|tsa-binding|weak-digest|weak-key|usage|checksum,minitems=1,unique,example=weak-key"`
	// Publisher is the common name that the signing certificate must have, or its whole subject. Case and the number of spaces do not matter.
	Publisher string `yaml:"publisher" jsonschema:"example=Example Ltd"`
	// Class that the signing certificate must have: ev, ov or artifact-signing.
	Class string `yaml:"class" jsonschema:"enum=ev|ov|artifact-signing"`
	// Revocation: off, files (only the CRLs and OCSP responses below) or online (CRL and OCSP addresses of the certificates). Default: off.
	Revocation string `yaml:"revocation" jsonschema:"enum=off|files|online,default=off"`
	// CRLs are certificate revocation list files for revocation: files.
	CRLs []string `yaml:"crls" jsonschema:"format=path,minitems=1,unique,example=certs/ca.crl"`
	// OCSP are files with OCSP responses in DER for revocation: files.
	OCSP []string `yaml:"ocsp" jsonschema:"format=path,minitems=1,unique,example=certs/code.ocsp"`
}

// Catalog lists the finished files in a security catalog.
type Catalog struct {
	// Name of the catalog file without .cat. Default: project.name.
	Name string `yaml:"name" jsonschema:"format=name,example=app"`
	// Version of the catalog format: 2 (SHA-256) or 1 (SHA-1, for Windows 7). Default: 2.
	Version int `yaml:"version" jsonschema:"enum=1|2,default=2"`
	// Include adds files of the project by glob pattern: scripts, configuration, installers.
	Include []string `yaml:"include" jsonschema:"format=glob,minitems=1,unique,example=scripts/*.ps1"`
	// PageHashes adds page hashes of programs.
	PageHashes bool `yaml:"page_hashes"`
	// CompatSHA1 adds SHA-1 entries, so that look-ups with the old default algorithm find the catalog. Default: true, as makecat does.
	CompatSHA1 *bool `yaml:"compat_sha1" jsonschema:"default=true"`
	// PathAttribute that names each file: FilePath (for Test-FileCatalog), File (as makecat and inf2cat write it) or none. Default: FilePath.
	PathAttribute string `yaml:"path_attribute" jsonschema:"enum=FilePath|File|none,default=FilePath"`
	// Attributes of the catalog as a whole, such as OSAttr.
	Attributes map[string]string `yaml:"attributes" jsonschema:"keys=attribute,example=OSAttr"`
	// HardwareIDs are written as HWID1, HWID2, … (driver packages).
	HardwareIDs []string `yaml:"hardware_ids" jsonschema:"minitems=1,unique,example=PCI\\VEN_8086"`
}

// WDAC makes an App Control for Business policy.
type WDAC struct {
	// Template: supplemental (allow our product on top of a base policy), audit (a base policy in audit mode), enforced (a base policy on top of Microsoft's recommended allow set) or deny-old (deny older versions of our product). Default: supplemental.
	Template string `yaml:"template" jsonschema:"enum=supplemental|audit|enforced|deny-old,default=supplemental"`
	// Name of the policy. Default: project.title.
	Name string `yaml:"name" jsonschema:"example=The App"`
	// BasePolicyID is the GUID of the base policy that a supplemental policy extends. Default: {A244370E-44C9-4C06-B551-F6016E563076}, that of Microsoft's example policies.
	BasePolicyID string `yaml:"base_policy_id" jsonschema:"format=guid"`
	// Level of the rules: Hash, FileName, SignedVersion, Publisher, FilePublisher, LeafCertificate or PcaCertificate. Default: FilePublisher.
	Level string `yaml:"level" jsonschema:"enum=Hash|FileName|SignedVersion|Publisher|FilePublisher|LeafCertificate|PcaCertificate,default=FilePublisher"`
	// Fallback levels for files that the level cannot describe, in order; an empty list means that such a file is an error. Default: Hash.
	Fallback []string `yaml:"fallback" jsonschema:"enum=Hash|FileName|SignedVersion|Publisher|FilePublisher|LeafCertificate|PcaCertificate,unique,example=Hash"`
	// Options of the policy, such as "Enabled:UMCI", added to those of the template.
	Options []string `yaml:"options" jsonschema:"format=policy-option,minitems=1,unique,example=Disabled:Runtime FilePath Rule Protection"`
	// KeepReleases is how many earlier releases stay allowed by hash. Default: 2, but 0 with the template deny-old.
	KeepReleases *int `yaml:"keep_releases" jsonschema:"default=2,min=0,max=100"`
	// History is the file in which the hashes of earlier releases are kept between releases. Keep it in the repository, or restore it before each release. Default: .hallmark/wdac/history.json.
	History string `yaml:"history" jsonschema:"format=path,default=.hallmark/wdac/history.json,example=release/history.json"`
	// Merge names a policy XML of the customer that is merged in.
	Merge string `yaml:"merge" jsonschema:"format=path,example=policies/customer.xml"`
	// Format version of the compiled policy: 7, 8 or 9. Default: 7.
	Format int `yaml:"format" jsonschema:"enum=7|8|9,default=7"`
	// SinglePolicy also writes SiPolicy.p7b for Windows before 10 1903.
	SinglePolicy bool `yaml:"single_policy"`
	// Sign signs the compiled policy with the release's identity.
	Sign bool `yaml:"sign"`
	// TemplateFile is the path of your own policy template.
	TemplateFile string `yaml:"template_file" jsonschema:"format=path,example=policies/template.xml"`
}

// Portal writes the text and the fields for Microsoft's file submission
// portal (false positives).
type Portal struct {
	// Product that reported the file, as Microsoft's form lists it. Default: Microsoft Defender Antivirus (Windows 11).
	Product string `yaml:"product" jsonschema:"enum=Microsoft Defender Antivirus (Windows 10)|Microsoft Defender Antivirus (Windows 11)|Microsoft Defender Smartscreen,default=Microsoft Defender Antivirus (Windows 11)"`
	// Detection is the exact name that Defender showed, such as Trojan:Win32/Wacatac.B!ml.
	Detection string `yaml:"detection" jsonschema:"format=detection"`
	// DefinitionVersion is the security intelligence version at the time of the detection, such as 1.457.164.0.
	DefinitionVersion string `yaml:"definition_version" jsonschema:"format=numbers,example=1.457.164.0"`
	// EngineVersion of the antivirus engine.
	EngineVersion string `yaml:"engine_version" jsonschema:"format=numbers,example=1.1.25110.1"`
	// Stage at which the file was flagged: download, scan or run.
	Stage string `yaml:"stage" jsonschema:"enum=download|scan|run"`
	// FirstSeen is the time of the first detection, in UTC, as 2026-01-31T12:00:00Z.
	FirstSeen string `yaml:"first_seen" jsonschema:"format=utc"`
	// Behaviour explains in one or two sentences what the program does that may look bad: services, ports, paths.
	Behaviour string `yaml:"behaviour" jsonschema:"format=ascii,example=Installs a service that listens on port 8080."`
	// DownloadURL is where the published files can be fetched, https only.
	DownloadURL string `yaml:"download_url" jsonschema:"format=https,example=https://example.com/download"`
	// CIURL is the public build log, https only.
	CIURL string `yaml:"ci_url" jsonschema:"format=https,example=https://ci.example.com/build/7"`
	// Hosts that URLs in the text may name. Default: the hosts of project.url, project.repository, project.support and download_url.
	Hosts []string `yaml:"hosts" jsonschema:"format=host,unique"`
	// PreviousSubmissions are the IDs (GUIDs) of earlier submissions of the product.
	PreviousSubmissions []string `yaml:"previous_submissions" jsonschema:"format=guid,minitems=1,unique"`
	// SupportCase is a Microsoft support case number, if there is one.
	SupportCase string `yaml:"support_case" jsonschema:"format=ascii,example=123456"`
	// Template is the path of your own template of the additional information.
	Template string `yaml:"template" jsonschema:"format=path,example=portal.tmpl"`
}

// Package makes the files to publish in dist/package: under names that are used
// once, with README and LICENSE, and with SHA256SUMS.
type Package struct {
	// Formats of what is published: zip, an archive for each target, and exe, the programs and DLLs themselves. Default: zip.
	Formats []string `yaml:"formats" jsonschema:"enum=zip|exe,default=zip,minitems=1,unique"`
	// Per describes what one archive holds: all programs of a target (target), or one program (program). Default: target.
	Per string `yaml:"per" jsonschema:"enum=target|program,default=target"`
	// Files go into every archive beside README and LICENSE, by glob pattern.
	Files []string `yaml:"files" jsonschema:"format=glob,minitems=1,unique,example=docs/*.md"`
}
