// Package language holds the identifiers that Windows has for languages.
package language

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ids maps BCP 47 tags to Windows language identifiers ([MS-LCID]
// section 2.2, "LCID Structure"): the languages with a display language of
// their own in Windows, and their usual regional variants.
var ids = map[string]uint16{
	"af-ZA": 0x0436, "ar-AE": 0x3801, "ar-EG": 0x0c01, "ar-SA": 0x0401,
	"bg-BG": 0x0402, "bn-IN": 0x0445, "ca-ES": 0x0403, "cs-CZ": 0x0405,
	"cy-GB": 0x0452, "da-DK": 0x0406, "de-AT": 0x0c07, "de-CH": 0x0807,
	"de-DE": 0x0407, "de-LI": 0x1407, "de-LU": 0x1007, "el-GR": 0x0408,
	"en-AU": 0x0c09, "en-CA": 0x1009, "en-GB": 0x0809, "en-IE": 0x1809,
	"en-IN": 0x4009, "en-NZ": 0x1409, "en-US": 0x0409, "en-ZA": 0x1c09,
	"es-AR": 0x2c0a, "es-CL": 0x340a, "es-CO": 0x240a, "es-ES": 0x0c0a,
	"es-MX": 0x080a, "et-EE": 0x0425, "eu-ES": 0x042d, "fa-IR": 0x0429,
	"fi-FI": 0x040b, "fil-PH": 0x0464, "fr-BE": 0x080c, "fr-CA": 0x0c0c,
	"fr-CH": 0x100c, "fr-FR": 0x040c, "fr-LU": 0x140c, "ga-IE": 0x083c,
	"gl-ES": 0x0456, "gu-IN": 0x0447, "he-IL": 0x040d, "hi-IN": 0x0439,
	"hr-HR": 0x041a, "hu-HU": 0x040e, "hy-AM": 0x042b, "id-ID": 0x0421,
	"is-IS": 0x040f, "it-CH": 0x0810, "it-IT": 0x0410, "ja-JP": 0x0411,
	"ka-GE": 0x0437, "kk-KZ": 0x043f, "km-KH": 0x0453, "kn-IN": 0x044b,
	"ko-KR": 0x0412, "lb-LU": 0x046e, "lo-LA": 0x0454, "lt-LT": 0x0427,
	"lv-LV": 0x0426, "mk-MK": 0x042f, "ml-IN": 0x044c, "mr-IN": 0x044e,
	"ms-MY": 0x043e, "mt-MT": 0x043a, "nb-NO": 0x0414, "ne-NP": 0x0461,
	"nl-BE": 0x0813, "nl-NL": 0x0413, "nn-NO": 0x0814, "pa-IN": 0x0446,
	"pl-PL": 0x0415, "pt-BR": 0x0416, "pt-PT": 0x0816, "rm-CH": 0x0417,
	"ro-RO": 0x0418, "ru-RU": 0x0419, "sk-SK": 0x041b, "sl-SI": 0x0424,
	"sq-AL": 0x041c, "sr-Cyrl-RS": 0x281a, "sr-Latn-RS": 0x241a, "sv-FI": 0x081d,
	"sv-SE": 0x041d, "sw-KE": 0x0441, "ta-IN": 0x0449, "te-IN": 0x044a,
	"th-TH": 0x041e, "tr-TR": 0x041f, "uk-UA": 0x0422, "ur-PK": 0x0420,
	"vi-VN": 0x042a, "zh-CN": 0x0804, "zh-HK": 0x0c04, "zh-MO": 0x1404,
	"zh-SG": 0x1004, "zh-TW": 0x0404,
}

// ID turns a BCP 47 tag with a region, such as de-CH, into the
// language identifier that Windows writes into resources. Case does not
// matter.
func ID(tag string) (uint16, error) {
	for known, id := range ids {
		if strings.EqualFold(known, tag) {
			return id, nil
		}
	}
	if similar := sameLanguage(tag); len(similar) > 0 {
		return 0, fmt.Errorf("language %q has no identifier in Windows; similar ones: %s", tag, strings.Join(similar, ", "))
	}
	return 0, fmt.Errorf("unknown language tag %q (examples: en-US, de-CH)", tag)
}

// All returns every tag with its identifier.
func All() map[string]uint16 { return maps.Clone(ids) }

func sameLanguage(tag string) []string {
	want, _, _ := strings.Cut(tag, "-")
	var similar []string
	for known := range ids {
		if base, _, _ := strings.Cut(known, "-"); strings.EqualFold(base, want) {
			similar = append(similar, known)
		}
	}
	slices.Sort(similar)
	return similar
}
