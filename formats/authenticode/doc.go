// Package authenticode signs PE files as Windows expects it and judges signatures
// as Windows does, without Windows.
//
// Five functions matter first. [Sign] makes a signature and writes the signed
// file. [Timestamp] adds a timestamp that an rfc3161.Client got for it. [Verify]
// gives the verdict of WinVerifyTrust and a stricter one of its own, with every
// reason. [Inspect] describes all that is in a file, damaged or not. [Strip] takes
// signatures out.
//
// All of them take an io.ReaderAt with the size of the file, read it once, and
// write a whole new file to an io.Writer: nothing is changed in place, and nothing
// opens files by name or uses the network. What needs the network gets it from the
// caller, as VerifyOptions.Fetcher.
//
// Signatures can be kept apart from their file: [SignDetached] makes one, [Extract]
// takes it out, [Attach] puts it in, and the methods of [PKCS7] change it: further
// certificates, nested signatures, tags. [Update] makes such a change inside a
// file. [PrepareSplit] and [FinishSplit] serve keys on another machine. [Seal] puts
// Windows' seal on a file. [SignList] signs what a catalog contains.
//
// # Errors
//
// A file that is not a PE file, or damaged, is a *peimage.FormatError. Wrong use,
// whatever the file, is an [*OptionError]. [ErrSigned], [ErrUnsigned], [ErrSealed]
// and [ErrTagged] can be told with errors.Is. Anything else comes from reading,
// writing or the key. What is wrong with a signature is not an error of Verify but
// in its [Report].
//
// # Compatibility
//
// This package follows semantic versioning with the module: before version 1.0 a
// minor version may change the API, and the changelog says so. The names of
// [Check], the JSON form of [Report] and [Inspection], and the bytes of signatures
// that the same input gives change in the same way only.
//
// # Sources
//
// "Windows Authenticode Portable Executable Signature Format" (Microsoft, 2008),
// RFC 2315 and RFC 3161, compared with what Microsoft's own tools write and accept.
package authenticode
