// Package rfc3161 stamps signatures with the time: requests, responses and tokens of the Time-Stamp Protocol
// (RFC 3161, updated by RFC 5816), a client that survives servers that are down, slow or strict, the older Authenticode
// protocol for those who ask for it, and a small server for test identities and tests.
//
// It is the only format package that uses the network, and only in Client.
package rfc3161
