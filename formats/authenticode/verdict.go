package authenticode

import "github.com/hallmark-dev/hallmark/formats/certchain"

// Verdict is a judgement in Windows' own terms: the HRESULT that WinVerifyTrust
// answers for it; zero means trusted.
type Verdict = certchain.Verdict

// The HRESULTs that Verify answers.
const (
	VerdictTrusted           = certchain.VerdictTrusted           // 	VerdictTrusted            Verdict = 0
	VerdictFormUnknown       = certchain.VerdictFormUnknown       // not a kind of file that can carry a signature
	VerdictNoSignature       = certchain.VerdictNoSignature       // no signature, or none that can be read or is intact
	VerdictNoSignerCert      = certchain.VerdictNoSignerCert      // the signer's certificate is not in the signature
	VerdictBadDigest         = certchain.VerdictBadDigest         // the file is not the one that was signed
	VerdictBadSignature      = certchain.VerdictBadSignature      // a signature value is wrong
	VerdictHashValue         = certchain.VerdictHashValue         // a digest inside the message is wrong
	VerdictCounterSigner     = certchain.VerdictCounterSigner     // the countersignature cannot be read or checked
	VerdictTimeStamp         = certchain.VerdictTimeStamp         // the timestamp is wrong or not trusted
	VerdictSystemError       = certchain.VerdictSystemError       // the verifier itself failed, as it does with nested signatures that it cannot read
	VerdictInvalidParameter  = certchain.VerdictInvalidParameter  // a Win32 error: an attribute with other than one value
	VerdictBadMessage        = certchain.VerdictBadMessage        // what should be a signature is not a message, or a malformed one
	VerdictCorruptASN1       = certchain.VerdictCorruptASN1       // a structure inside the message cannot be decoded
	VerdictCertSignature     = certchain.VerdictCertSignature     // a certificate's signature is wrong
	VerdictRevoked           = certchain.VerdictRevoked           // revoked by its issuer
	VerdictExplicitDistrust  = certchain.VerdictExplicitDistrust  // in the list of disallowed certificates
	VerdictChaining          = certchain.VerdictChaining          // no chain to a root can be built
	VerdictUntrustedRoot     = certchain.VerdictUntrustedRoot     // the chain ends in a root that is not trusted
	VerdictExpired           = certchain.VerdictExpired           // outside the validity period at the time that counts
	VerdictWrongUsage        = certchain.VerdictWrongUsage        // not for code signing (or not for time stamping)
	VerdictBasicConstraints  = certchain.VerdictBasicConstraints  // an issuer is not a CA
	VerdictCritical          = certchain.VerdictCritical          // an unknown critical extension
	VerdictInvalidName       = certchain.VerdictInvalidName       // name constraints violated
	VerdictRevocationFailure = certchain.VerdictRevocationFailure // revocation could not be checked
	VerdictRevocationOffline = certchain.VerdictRevocationOffline // the revocation server does not answer
)
