// Package certchain finds the certificate chains of a signer and judges them as
// Windows does.
//
// [Build] looks for every path from a certificate to a trusted root and returns
// the best first, with what is wrong with each. A [Pool] holds trusted roots, with
// the dates up to which Microsoft trusts them ([Limits]). [Roots] has one pool for
// publishers and one for time-stamping authorities, since a root of the one is
// worth nothing for the other; [BuiltinRoots] come with the package. A
// [RevocationChecker] says which certificates of a chain are revoked, from CRLs and
// OCSP responses, and [Disallowed] holds those that Microsoft has banned.
// [Classify] says what kind of certificate it is, [ParseCertificates] reads
// certificates in every usual form.
//
// A [Finding] has Windows' answer to it, a [Verdict], such as CERT_E_EXPIRED. The
// judgement follows RFC 5280 where Windows does, and Windows where the two differ:
// extended key usages nest, for example.
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
package certchain
