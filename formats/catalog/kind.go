package catalog

import (
	"fmt"
	"strings"
)

// Kind is the kind of file that a member is, which decides how it is hashed: Windows
// calls it the subject type and names it by the GUID of the subject interface package
// (SIP) that hashes it.
type Kind int

// The kinds.
const (
	KindUnknown Kind = iota // of another subject interface package, or not said
	KindPE                  // the Authentihash
	KindCAB                 // the cabinet without the fields that signing changes
	KindFlat                // all bytes
)

// The subject GUIDs (observed in Microsoft's catalogs; PE and CAB are those of
// CryptSIPRetrieveSubjectGuid).
var kindGUIDs = map[Kind]string{
	KindPE:   "{C689AAB8-8E78-11D0-8C47-00C04FC295EE}",
	KindCAB:  "{C689AABA-8E78-11D0-8C47-00C04FC295EE}",
	KindFlat: "{DE351A42-8E59-11D0-8C47-00C04FC295EE}",
}

func (k Kind) String() string {
	switch k {
	case KindPE:
		return "PE"
	case KindCAB:
		return "CAB"
	case KindFlat:
		return "flat"
	}
	return "unknown"
}

// kindOfGUID reads a subject GUID, in braces or without.
func kindOfGUID(guid string) (Kind, error) {
	if !strings.HasPrefix(guid, "{") {
		guid = "{" + guid + "}"
	}
	for k, g := range kindGUIDs {
		if strings.EqualFold(g, guid) {
			return k, nil
		}
	}
	return KindUnknown, fmt.Errorf("subject interface package %s is not one of PE %s, CAB %s, flat %s", guid,
		kindGUIDs[KindPE], kindGUIDs[KindCAB], kindGUIDs[KindFlat])
}
