// Package cipolicy reads, checks, writes, compiles and decompiles App Control for
// Business policies (formerly Windows Defender Application Control).
//
// A policy is written as XML in the namespace urn:schemas-microsoft-com:sipolicy (the
// schema is %windir%\schemas\CodeIntegrity\cipolicy.xsd on a Windows machine). Windows
// itself loads only the compiled binary, a file named {PolicyID}.cip, or SiPolicy.p7b
// for the single-policy format.
//
// [Read] and [Policy.Write] handle the XML, [Compile] and [Decompile] the binary.
// [Policy.Validate] says what is wrong, [Describe] explains a policy in words, [Diff]
// compares two, [Merge] joins several, and [Sign] signs a compiled one. Package
// rules makes rules from files.
//
// Compiling needs nothing but the policy: no clock, no random numbers, no Windows.
// Microsoft does not document the binary format; what this package writes is compared
// with pairs of XML and binary that ConfigCI made, and the parts that no known pair
// shows are named in [Unproved].
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
package cipolicy

// Namespace is the XML namespace of a policy.
const Namespace = "urn:schemas-microsoft-com:sipolicy"
