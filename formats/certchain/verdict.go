package certchain

import (
	"fmt"
	"strconv"
	"strings"
)

// Verdict is a judgement in Windows' own terms: the HRESULT that WinVerifyTrust answers for it.
// Zero means trusted; everything else is a refusal, also values that are positive as a LONG
// (Microsoft, WinVerifyTrust, "Return value": only zero is success).
type Verdict uint32

// The HRESULTs of WinVerifyTrust and of the certificate chain engine that this package answers
// (winerror.h of the Windows SDK). The comment says what they mean here.
const (
	VerdictTrusted            Verdict = 0
	VerdictProviderUnknown    Verdict = 0x800B0001 // the trust provider is not known
	VerdictFormUnknown        Verdict = 0x800B0003 // not a kind of file that can carry a signature
	VerdictSubjectNotTrusted  Verdict = 0x800B0004 // the subject is refused for a reason of policy
	VerdictNoSignature        Verdict = 0x800B0100 // no signature, or none that can be read or is intact
	VerdictExpired            Verdict = 0x800B0101 // outside the validity period at the time that counts
	VerdictValidityNesting    Verdict = 0x800B0102 // validity periods do not nest
	VerdictRole               Verdict = 0x800B0103 // an end-entity certificate used as CA
	VerdictPathLength         Verdict = 0x800B0104 // path length constraint violated
	VerdictCritical           Verdict = 0x800B0105 // an unknown critical extension
	VerdictPurpose            Verdict = 0x800B0106 // certificate used for a purpose its issuer did not allow
	VerdictIssuerChaining     Verdict = 0x800B0107 // issuer and subject do not belong together
	VerdictMalformed          Verdict = 0x800B0108 // a certificate is malformed
	VerdictUntrustedRoot      Verdict = 0x800B0109 // the chain ends in a root that is not trusted
	VerdictChaining           Verdict = 0x800B010A // no chain to a root can be built
	VerdictRevoked            Verdict = 0x800B010C // revoked by its issuer
	VerdictRevocationFailure  Verdict = 0x800B010E // revocation could not be checked
	VerdictWrongUsage         Verdict = 0x800B0110 // not for code signing (or not for time stamping)
	VerdictExplicitDistrust   Verdict = 0x800B0111 // in the list of disallowed certificates
	VerdictInvalidPolicy      Verdict = 0x800B0113 // certificate policy does not allow it
	VerdictInvalidName        Verdict = 0x800B0114 // name constraints violated
	VerdictSystemError        Verdict = 0x80096001 // the verifier itself failed
	VerdictNoSignerCert       Verdict = 0x80096002 // the signer's certificate is not in the signature
	VerdictCounterSigner      Verdict = 0x80096003 // the countersignature cannot be read or checked
	VerdictCertSignature      Verdict = 0x80096004 // a certificate's signature is wrong
	VerdictTimeStamp          Verdict = 0x80096005 // the timestamp is wrong or not trusted
	VerdictBadDigest          Verdict = 0x80096010 // the file is not the one that was signed
	VerdictMalformedSignature Verdict = 0x80096011 // the signature is malformed
	VerdictBasicConstraints   Verdict = 0x80096019 // an issuer is not a CA
	VerdictFinancialCriteria  Verdict = 0x8009601E // the certificate's financial criteria are not met
	VerdictFileError          Verdict = 0x80092003 // the file cannot be read, or is cut off
	VerdictInvalidParameter   Verdict = 0x00000057 // a Win32 error, not an HRESULT: an attribute with other than one value
	VerdictBadMessage         Verdict = 0x8009200D // what should be a signature is not a message, or a malformed one
	VerdictCryptRevoked       Verdict = 0x80092010 // revoked, as the revocation provider says it
	VerdictRevocationOffline  Verdict = 0x80092013 // the revocation server does not answer
	VerdictSecuritySettings   Verdict = 0x80092026 // refused by a security setting
	VerdictHashValue          Verdict = 0x80091007 // a digest inside the message is wrong
	VerdictBadSignature       Verdict = 0x80090006 // a signature value is wrong
	VerdictCorruptASN1        Verdict = 0x80093103 // a structure inside the message cannot be decoded
)

var verdictNames = map[Verdict]string{
	VerdictTrusted:            "TRUSTED",
	VerdictProviderUnknown:    "TRUST_E_PROVIDER_UNKNOWN",
	VerdictFormUnknown:        "TRUST_E_SUBJECT_FORM_UNKNOWN",
	VerdictSubjectNotTrusted:  "TRUST_E_SUBJECT_NOT_TRUSTED",
	VerdictNoSignature:        "TRUST_E_NOSIGNATURE",
	VerdictExpired:            "CERT_E_EXPIRED",
	VerdictValidityNesting:    "CERT_E_VALIDITYPERIODNESTING",
	VerdictRole:               "CERT_E_ROLE",
	VerdictPathLength:         "CERT_E_PATHLENCONST",
	VerdictCritical:           "CERT_E_CRITICAL",
	VerdictPurpose:            "CERT_E_PURPOSE",
	VerdictIssuerChaining:     "CERT_E_ISSUERCHAINING",
	VerdictMalformed:          "CERT_E_MALFORMED",
	VerdictUntrustedRoot:      "CERT_E_UNTRUSTEDROOT",
	VerdictChaining:           "CERT_E_CHAINING",
	VerdictRevoked:            "CERT_E_REVOKED",
	VerdictRevocationFailure:  "CERT_E_REVOCATION_FAILURE",
	VerdictWrongUsage:         "CERT_E_WRONG_USAGE",
	VerdictExplicitDistrust:   "TRUST_E_EXPLICIT_DISTRUST",
	VerdictInvalidPolicy:      "CERT_E_INVALID_POLICY",
	VerdictInvalidName:        "CERT_E_INVALID_NAME",
	VerdictSystemError:        "TRUST_E_SYSTEM_ERROR",
	VerdictNoSignerCert:       "TRUST_E_NO_SIGNER_CERT",
	VerdictCounterSigner:      "TRUST_E_COUNTER_SIGNER",
	VerdictCertSignature:      "TRUST_E_CERT_SIGNATURE",
	VerdictTimeStamp:          "TRUST_E_TIME_STAMP",
	VerdictBadDigest:          "TRUST_E_BAD_DIGEST",
	VerdictMalformedSignature: "TRUST_E_MALFORMED_SIGNATURE",
	VerdictBasicConstraints:   "TRUST_E_BASIC_CONSTRAINTS",
	VerdictFinancialCriteria:  "TRUST_E_FINANCIAL_CRITERIA",
	VerdictFileError:          "CRYPT_E_FILE_ERROR",
	VerdictInvalidParameter:   "ERROR_INVALID_PARAMETER",
	VerdictBadMessage:         "CRYPT_E_BAD_MSG",
	VerdictCryptRevoked:       "CRYPT_E_REVOKED",
	VerdictRevocationOffline:  "CRYPT_E_REVOCATION_OFFLINE",
	VerdictSecuritySettings:   "CRYPT_E_SECURITY_SETTINGS",
	VerdictHashValue:          "CRYPT_E_HASH_VALUE",
	VerdictBadSignature:       "NTE_BAD_SIGNATURE",
	VerdictCorruptASN1:        "CRYPT_E_ASN1_CORRUPT",
}

// Trusted reports whether Windows would trust the subject.
func (v Verdict) Trusted() bool { return v == VerdictTrusted }

// String gives Windows' name, or the code in hexadecimal where there is none.
func (v Verdict) String() string {
	if n, ok := verdictNames[v]; ok {
		return n
	}
	return v.Code()
}

// Code gives the HRESULT as it is usually written: 0x and eight digits.
func (v Verdict) Code() string { return fmt.Sprintf("0x%08X", uint32(v)) }

// MarshalText writes name and code, "CERT_E_EXPIRED 0x800B0101", so that JSON can be
// searched for either.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String() + " " + v.Code()), nil }

// UnmarshalText reads what MarshalText wrote; the code counts.
func (v *Verdict) UnmarshalText(b []byte) error {
	s := string(b)
	if i := strings.LastIndexByte(s, ' '); i >= 0 {
		s = s[i+1:]
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 32)
	if err != nil {
		return fmt.Errorf("reading verdict %q: not an HRESULT", b)
	}
	*v = Verdict(n)
	return nil
}
