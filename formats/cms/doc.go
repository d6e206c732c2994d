// Package cms reads, edits, checks and writes PKCS#7 / CMS SignedData in the form
// that Authenticode signatures, Windows catalogs and RFC 3161 tokens have.
//
// [Parse] reads a message into a [SignedData], [SignedData.Marshal] writes it.
// [SignedData.CheckContent] and [SignerInfo.CheckSignature] say whether a signature
// computes. [Sign] makes a message with a [Signer]; [Prepare] makes all but the
// signature value, for keys on another machine.
//
// It differs from a general CMS library where Windows does. The content is kept as
// the ASN.1 value that stands in the file instead of being put into an OCTET STRING
// (PKCS#7 v1.5, RFC 2315 section 7). Every SET OF is written in DER order. MD5 and
// SHA-1 signatures can be checked, because old but valid files carry them. A
// certificate that Go cannot parse does not make the signature unreadable. What is
// acceptable (algorithms, key sizes, usages, chains) is for the caller to decide:
// this package only says what is there and whether it computes.
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
package cms
