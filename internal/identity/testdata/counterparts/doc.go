// Package counterparts tries the clients of signing services against servers
// that others wrote: local-kms for AWS KMS, and Microsoft's own fake of Key
// Vault's keys. It is a module of its own, so that only its tests compile them:
//
//	cd internal/identity/testdata/counterparts && go test .
package counterparts
