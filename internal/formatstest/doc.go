// Package formatstest is the test support of the format packages and of everything above them: a test PKI, real
// Windows programs, sample files, and the independent programs that judge what we write (osslsigncode, openssl,
// Microsoft's own signtool and wintrust where they can be run).
//
// It is an ordinary package, as net/http/httptest is, so that the tests of several packages can share it. It imports
// no format package: every one of them may use it, also from inside.
//
// A part that is missing on this machine skips the test and says how to get it. With HALLMARK_REQUIRE_TOOLS=1 a missing
// program fails the test instead, which is how continuous integration makes sure that nothing is skipped silently.
//
// What is slow to make is made once and kept in a folder of this user below the system's temporary folder
// (hallmark-test-<user>): RSA keys and certificates, compiled programs. Deleting it is always safe.
package formatstest
