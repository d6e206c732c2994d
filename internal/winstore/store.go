// Package winstore reads the certificate stores of Windows.
//
// Go's own x509.Certificate.Verify asks Windows to build the chain, and Windows
// then fetches certificates and revocation lists from addresses in the
// certificate, whether the caller wants a connection or not. Reading a store
// connects to nothing.
package winstore
