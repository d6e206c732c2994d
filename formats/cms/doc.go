// Package cms reads, edits, checks and writes PKCS#7 / CMS SignedData in the
// shape that Authenticode signatures, Windows catalogs and RFC 3161 tokens use.
//
// It differs from a general CMS library where Windows does: the content is kept
// as the ASN.1 value that stands in the file instead of being forced into an
// OCTET STRING (PKCS#7 v1.5, RFC 2315 section 7), every SET OF is written in DER
// order, MD5 and SHA-1 signatures can be checked because old but valid files
// carry them, and a certificate that Go cannot parse does not make the signature
// unreadable. What is acceptable (algorithms, key sizes, usages, chains) is the
// caller's policy; this package only says what is there and whether it computes.
package cms
