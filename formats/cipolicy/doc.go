// Package cipolicy reads, checks, writes, compiles and decompiles App Control
// for Business policies (formerly Windows Defender Application Control).
//
// A policy is written as XML in the namespace urn:schemas-microsoft-com:sipolicy
// (the schema is %windir%\schemas\CodeIntegrity\cipolicy.xsd on a Windows
// machine). Windows itself loads only the compiled binary, a file named
// {PolicyID}.cip, or SiPolicy.p7b for the single-policy format.
//
// [Read] and [Policy.Write] handle the XML, [Compile] and [Decompile] the
// binary. Compiling needs nothing but the policy: no clock, no random numbers,
// no Windows. Microsoft does not document the binary format; what this package
// writes is proved against pairs of XML and binary that ConfigCI made, and the
// parts that no known pair proves are named in [Unproved].
package cipolicy

// Namespace is the XML namespace of a policy.
const Namespace = "urn:schemas-microsoft-com:sipolicy"
