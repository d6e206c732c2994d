package authenticode

import (
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// Finding is something that a check noticed, Severity what it does to the result,
// and Check the name of the check, which VerifyOptions.Allow takes.
type (
	Finding  = certchain.Finding
	Severity = certchain.Severity
	Check    = certchain.Check
)

// The severities.
const (
	SeverityError   = certchain.SeverityError   // Windows refuses the file for it, and so do we
	SeverityStrict  = certchain.SeverityStrict  // Windows lets it pass, we do not, unless VerifyOptions.Allow names its check
	SeverityWarning = certchain.SeverityWarning // worth knowing; does not change the result
	SeverityNote    = certchain.SeverityNote    // for the record
)

// The checks, in the order in which Verify makes them, with their sources.
const (
	CheckFormat         Check = "format"                  // PE/COFF headers and certificate table (PE Format)
	CheckTable          Check = "table"                   // certificate table entries (PE Format, "The Attribute Certificate Table")
	CheckTrailingData   Check = "trailing-data"           // bytes after the certificate table
	CheckPadding        Check = "padding"                 // bytes between the end of the PKCS#7 and the end of its entry (CVE-2013-3900)
	CheckChecksum       Check = "checksum"                // CheckSum of the optional header (PE Format)
	CheckSignature      Check = "signature"               // SignedData, its signer and signed attributes (RFC 2315 section 9)
	CheckContent        Check = "content"                 // SpcIndirectDataContent (Windows Authenticode Portable Executable Signature Format)
	CheckDigest         Check = "digest"                  // Authentihash
	CheckPageHashes     Check = "page-hashes"             // page hash table in SpcPeImageData
	CheckAlgorithms     Check = "weak-digest"             // MD5 and SHA-1 (CA/Browser Forum code signing requirements 7.1.3.2)
	CheckKeySize        Check = "weak-key"                // RSA below 2048 bits
	CheckSeal           Check = "seal"                    // intent to seal and seal 1.3.6.1.4.1.311.2.4.2, 1.3.6.1.4.1.311.2.4.3 (WinTrust.h)
	CheckTimestamp      Check = "timestamp"               // RFC 3161 token or PKCS#9 countersignature
	CheckTSAUsage       Check = "tsa-usage"               // time stamping is the only usage of the authority (RFC 3161 section 2.3)
	CheckTSACritical    Check = "tsa-critical"            // … and is marked critical, as Microsoft's own authorities did not before 2021
	CheckTSABinding     Check = "tsa-binding"             // the token names its signer's certificate (RFC 5816)
	CheckNoTimestamp    Check = "no-timestamp"            // there is none: the signature ends with the certificate
	CheckChain                = certchain.CheckChain      // RFC 5280 section 6
	CheckUsage                = certchain.CheckUsage      // extended key usages
	CheckRevocation           = certchain.CheckRevocation // CRL (RFC 5280 section 5), OCSP (RFC 6960)
	CheckDisallowed           = certchain.CheckDisallowed // Microsoft's list of disallowed certificates
	CheckKernel         Check = "kernel"                  // the kernel's code signing policy (Microsoft, "Driver Signing Policy")
	CheckLifetime       Check = "lifetime"                // lifetime signing EKU 1.3.6.1.4.1.311.10.3.13
	CheckRequired       Check = "required"                // VerifyOptions.Require
	CheckCatalog        Check = "catalog"                 // membership in a security catalog
	CheckNested         Check = "nested"                  // nested signatures 1.3.6.1.4.1.311.2.4.1
	CheckUnknownContent Check = "unknown-content"         // unknown unsigned attributes
)

// WindowsOnly lists every check that can find something which Windows lets pass. As
// VerifyOptions.Allow it reduces Verify to Windows' own judgement, with what else was
// found as warnings.
func WindowsOnly() []Check {
	return []Check{CheckTable, CheckPadding, CheckChecksum, CheckContent, CheckPageHashes, CheckAlgorithms, CheckKeySize, CheckTimestamp,
		CheckTSAUsage, CheckTSACritical, CheckTSABinding, CheckNoTimestamp, CheckNested, CheckUsage, CheckSeal, CheckKernel}
}

func problem(c Check, v Verdict, format string, args ...any) Finding {
	return Finding{Check: c, Severity: SeverityError, Verdict: v, Message: fmt.Sprintf(format, args...)}
}

func strict(c Check, format string, args ...any) Finding {
	return Finding{Check: c, Severity: SeverityStrict, Message: fmt.Sprintf(format, args...)}
}

func warning(c Check, format string, args ...any) Finding {
	return Finding{Check: c, Severity: SeverityWarning, Message: fmt.Sprintf(format, args...)}
}

func note(c Check, format string, args ...any) Finding {
	return Finding{Check: c, Severity: SeverityNote, Message: fmt.Sprintf(format, args...)}
}
