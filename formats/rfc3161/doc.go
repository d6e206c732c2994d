// Package rfc3161 stamps signatures with the time: the Time-Stamp Protocol of
// RFC 3161, updated by RFC 5816.
//
// [NewClient] makes a [Client], which asks one time-stamp server after another, keeps
// their rate limits, and returns tokens that it has checked. [ParseToken] and
// [Token.Check] judge a token that is there already. [Trust] says which authorities
// count. [NewServer] is a small server for test identities and tests.
// [Client.LegacyTimestamp] speaks the older Authenticode protocol, for files that
// must satisfy very old verifiers.
//
// Errors: [*OptionError] is wrong use, [*ServiceError] that no server returned a
// valid timestamp, [*TokenError] a token that is refused. Only Client uses the
// network.
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
package rfc3161
