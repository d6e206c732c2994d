package cms

import "encoding/asn1"

// PKCS#7 content types (RFC 2315 section 14, RFC 5652 section 14).
var (
	OIDData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	OIDSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	// OIDTSTInfo is the content type of an RFC 3161 token (section 2.4.2).
	OIDTSTInfo = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
)

// PKCS#9 attributes (RFC 2985 section 5, RFC 5652 section 11).
var (
	OIDContentType      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	OIDMessageDigest    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	OIDSigningTime      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	OIDCountersignature = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 6}
	// OIDSequenceNumber is the PKCS#9 sequence number that osslsigncode adds beside
	// several nested signatures.
	OIDSequenceNumber = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 25, 4}
	// OIDSigningCertificate is the SHA-1 ESS attribute (RFC 2634 section 5.4).
	OIDSigningCertificate = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	// OIDSigningCertificateV2 is the ESS attribute with a chosen hash (RFC 5035 section 3).
	OIDSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	// OIDTimeStampToken is the id-aa-timeStampToken attribute (RFC 3161 appendix A);
	// Authenticode uses OIDRFC3161Token instead.
	OIDTimeStampToken = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
)

// Authenticode (Microsoft "Windows Authenticode Portable Executable Signature Format",
// and WinTrust.h of the Windows SDK).
var (
	OIDSpcIndirectData     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 4}
	OIDSpcStatementType    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 11}
	OIDSpcSpOpusInfo       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 12}
	OIDSpcPEImageData      = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 15}
	OIDSpcRawFileData      = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 18}
	OIDSpcStructuredData   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 19}
	OIDSpcJavaClassData    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 20}
	OIDSpcIndividualPurp   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 21}
	OIDSpcCommercialPurp   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 22}
	OIDSpcCabData          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 25}
	OIDSpcLink             = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 28}
	OIDSpcSipInfo          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 30}
	OIDSpcPageHashesV1     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 3, 1} // SHA-1
	OIDSpcPageHashesV2     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 3, 2} // SHA-256
	OIDNestedSignature     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 4, 1}
	OIDIntentToSeal        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 4, 2}
	OIDSealingSignature    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 4, 3}
	OIDSealingTimestamp    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 4, 4}
	OIDEnhancedHash        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 5, 1}
	OIDRelaxedPEMarker     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 6, 1}
	OIDDigestRetryCount    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 6, 2}
	OIDLegacyTimestampReq  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 3, 2, 1}           // wire only
	OIDRFC3161Token        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 3, 3, 1}           // unsigned attribute
	OIDUnauthenticatedBlob = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 42921, 1, 2, 1}         // osslsigncode -addUnauthenticatedBlob
	OIDJsignTag            = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 37476, 9000, 159, 1, 1} // jsign tag
)

// Catalogs (mscat.h and wincrypt.h of the Windows SDK).
var (
	OIDCTL                = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 1}
	OIDCatalogList        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 1, 1}
	OIDCatalogMemberV1    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 1, 2}
	OIDCatalogMemberV2    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 1, 3}
	OIDCatalogNameValue   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 2, 1}
	OIDCatalogMemberInfo  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 2, 2}
	OIDCatalogMemberInfo2 = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 2, 3}
)

// Extended key usages (RFC 5280 section 4.2.1.12; wincrypt.h; the Microsoft Artifact
// Signing documentation).
var (
	OIDEKUCodeSigning       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	OIDEKUTimeStamping      = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	OIDEKUAny               = asn1.ObjectIdentifier{2, 5, 29, 37, 0}
	OIDEKUWHQL              = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 5}
	OIDEKUWindowsComponent  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 6}
	OIDEKULifetimeSigning   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 13}
	OIDEKUEVWHQL            = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 39}
	OIDEKUKernelMode        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 61, 1, 1}
	OIDEKUArtifactSigning   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 97, 1, 0}
	OIDExtensionExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// Digest algorithms (RFC 1321, FIPS 180-4, RFC 8017 appendix B.1).
var (
	OIDMD5    = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}
	OIDSHA1   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	OIDSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	OIDSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	OIDSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

// Signature algorithms (RFC 8017 appendix A.2, RFC 5758 section 3.2, RFC 5480 section 2.1.1, OIW).
var (
	OIDRSAEncryption   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	OIDMD5WithRSA      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}
	OIDSHA1WithRSA     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}
	OIDMGF1            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	OIDRSAPSS          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	OIDSHA256WithRSA   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	OIDSHA384WithRSA   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	OIDSHA512WithRSA   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}
	OIDSHA1WithRSAOIW  = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 29}
	OIDECPublicKey     = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	OIDECDSAWithSHA1   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	OIDECDSAWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	OIDECDSAWithSHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	OIDECDSAWithSHA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}
)
