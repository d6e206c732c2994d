// Package catalog makes, reads, signs and searches security catalogs (.cat): signed
// lists of file digests by which Windows trusts files that carry no signature of
// their own.
//
// A [Builder] collects files and gives a [Catalog]; [Catalog.Marshal] writes it and
// [Sign] signs it. [Parse] reads one, [Catalog.Findings] says what is odd about it, and
// a [Set] finds the catalog that lists a file, for authenticode.Verify.
// [Digest] hashes a file as a catalog lists it, programs and cabinets in their own
// way. [ParseCDF] reads the definition files of Microsoft's makecat.
//
// A catalog is a PKCS#7 SignedData whose content is a certificate trust list of the
// usage 1.3.6.1.4.1.311.12.1.1. The list has the fields of CTL_INFO (wincrypt.h;
// Microsoft, "CTL_INFO structure") and stands in the SignedData as it is, without an
// OCTET STRING around it. There are two versions: 1 lists SHA-1 digests under textual
// tags, 2 lists SHA-256 digests and, beside each, the SHA-1 digest for readers that
// still look files up by it.
//
// What is written here equals, byte for byte, what makecat writes from the same
// files, given the same list identifier and time, from the same definition also where
// makecat loses something. Unlike makecat's catalogs, these need not differ from run
// to run: the identifier derives from the contents.
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
package catalog
