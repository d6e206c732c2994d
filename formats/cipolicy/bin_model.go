package cipolicy

import "time"

// compiled is a policy as it lies in a file: everything refers to everything
// else by its position. Names of fields follow the XML.
type compiled struct {
	format    uint32
	typeID    GUID // BasePolicyID, or PolicyTypeID in the single-policy format
	platform  GUID
	flags     uint32
	version   Version
	ekus      [][]byte
	rules     []binRule
	signers   []binSigner
	update    []uint32
	ci        []uint32
	scenarios []binScenario
	hvci      uint32
	settings  []Setting
	// From format 6 on.
	policyID, baseID GUID
	supplemental     []uint32
	// From format 9 on.
	hotpatches []binHotpatch
	// From format 10 on.
	artifacts    []binArtifact
	artifactRefs []binRefs
	// From format 11 on: EKUs that a signer's leaf must not have.
	exceptEKUs []binRefs
}

type binRule struct {
	kind     RuleKind
	fileName string
	min, max Version
	hash     []byte
	appIDs   []string
	// From format 4 on: InternalName, FileDescription, ProductName.
	internalName, fileDescription, productName string
	// From format 5 on.
	packageFamilyName string
	packageVersion    Version
	// From format 7 on.
	filePath string
}

type binSigner struct {
	wellknown                bool
	root                     uint32 // number of a well-known root
	tbs                      []byte
	ekus                     []uint32
	issuer, publisher, oemID string
	fileAttribs              []uint32
	signTimeAfter            uint64 // FILETIME, 0 if absent
}

type binScenario struct {
	value, hashAlgorithm       uint32
	inherited                  []uint32
	product, test, testSigning binGroup
	// From format 10 on; its rules are artifacts.
	artifacts binGroup
}

type binGroup struct {
	allowed, denied []binMember
	rules           []uint32
}

type binMember struct {
	signer uint32
	except []uint32
}

// binArtifact is a rule for a disk image or a catalog.
type binArtifact struct {
	kind, action      uint32
	name, description string
	min, max          Version
	hash              []byte
}

// binRefs are references that one signer has.
type binRefs struct {
	signer uint32
	refs   []uint32
}

type binHotpatch struct {
	rule, required, min, max uint32
}

// Binary format versions that can be read and written.
const (
	minFormat = 3
	maxFormat = 11
	// firstMultiplePolicy is the first format that holds PolicyID and BasePolicyID.
	firstMultiplePolicy = 6
)

const (
	// bodyOffset stands in the last field of the header.
	bodyOffset = 0x40
	// calgSHA256 is CALG_SHA_256 of wincrypt.h, the default of MinimumHashAlgorithm.
	calgSHA256 = 0x800C
	noSequence = 0xFFFFFFFF
)

// filetimeEpoch is where FILETIME begins to count steps of 100 ns.
var filetimeEpoch = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)

const stepsPerSecond = 10_000_000

func toFiletime(t time.Time) uint64 {
	seconds := t.Unix() - filetimeEpoch.Unix()
	return uint64(seconds)*stepsPerSecond + uint64(t.Nanosecond()/100)
}

func fromFiletime(f uint64) time.Time {
	seconds := int64(f/stepsPerSecond) + filetimeEpoch.Unix()
	return time.Unix(seconds, int64(f%stepsPerSecond)*100).UTC()
}
