// Package authenticode signs PE files as Windows expects it and judges signatures as Windows does.
//
// Writing: Sign makes a signature and puts it into a file, alone or nested beside others; ReadSubject, Build and Subject.Write are its
// parts for callers that keep the PKCS#7 blob apart. SetToken, SetCountersignature, AddCertificatesTo, AppendSignature and RemoveSignature change a
// blob, Update does so inside a file. Extract, Attach and Strip take signatures out of files and put them in; PrepareSplit and
// FinishSplit serve keys that live elsewhere. Inspect describes all that is in a file.
//
// Judging: Verify gives the verdict of WinVerifyTrust and a stricter one of its own, with every reason.
//
// Nothing here opens files by name or uses the network; a Fetcher or a time-stamp client is the caller's. The formats are those of
// "Windows Authenticode Portable Executable Signature Format" (Microsoft, 2008), RFC 2315 and RFC 3161, checked against
// what Microsoft's own tools write and accept.
package authenticode
