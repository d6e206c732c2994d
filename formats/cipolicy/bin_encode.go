package cipolicy

import (
	"encoding/binary"
	"unicode/utf16"
)

// encoder appends the primitives of the format: little-endian numbers, byte
// blobs padded to four bytes, UTF-16 strings followed by a zero, and lists of
// positions.
type encoder struct {
	buf []byte
}

func (e *encoder) u32(v uint32)      { e.buf = binary.LittleEndian.AppendUint32(e.buf, v) }
func (e *encoder) u64(v uint64)      { e.buf = binary.LittleEndian.AppendUint64(e.buf, v) }
func (e *encoder) guid(g GUID)       { e.buf = append(e.buf, g[:]...) }
func (e *encoder) version(v Version) { e.u64(uint64(v)) }

func (e *encoder) blob(b []byte) {
	e.u32(uint32(len(b)))
	e.buf = append(e.buf, b...)
	e.pad()
}

func (e *encoder) pad() {
	for len(e.buf)%4 != 0 {
		e.buf = append(e.buf, 0)
	}
}

func (e *encoder) text(s string) {
	at := len(e.buf)
	e.u32(0)
	for _, r := range s {
		e.buf = appendUTF16(e.buf, r)
	}
	binary.LittleEndian.PutUint32(e.buf[at:], uint32(len(e.buf)-at-4))
	e.pad()
	e.u32(0)
}

func appendUTF16(b []byte, r rune) []byte {
	if r < 0x10000 {
		return append(b, byte(r), byte(r>>8))
	}
	hi, lo := utf16.EncodeRune(r)
	return append(b, byte(hi), byte(hi>>8), byte(lo), byte(lo>>8))
}

func (e *encoder) list(positions []uint32) {
	e.u32(uint32(len(positions)))
	for _, p := range positions {
		e.u32(p)
	}
}

// encode writes a policy. All parts begin at a multiple of four bytes.
func (b *compiled) encode() []byte {
	e := &encoder{buf: make([]byte, 0, 1<<12+len(b.rules)*160)}
	e.header(b)
	for _, v := range b.ekus {
		e.blob(v)
	}
	for i := range b.rules {
		e.rule(&b.rules[i])
	}
	for i := range b.signers {
		e.signer(&b.signers[i])
	}
	e.list(b.update)
	e.list(b.ci)
	for i := range b.scenarios {
		e.scenario(&b.scenarios[i])
	}
	e.u32(b.hvci)
	e.settings(b.settings)
	e.blocks(b)
	e.u32(b.format + 1) // the number of the next block is the end tag
	return e.buf
}

func (e *encoder) header(b *compiled) {
	e.u32(b.format)
	e.guid(b.typeID)
	e.guid(b.platform)
	e.u32(b.flags)
	e.u32(uint32(len(b.ekus)))
	e.u32(uint32(len(b.rules)))
	e.u32(uint32(len(b.signers)))
	e.u32(uint32(len(b.scenarios)))
	e.version(b.version)
	e.u32(bodyOffset)
}

func (e *encoder) rule(r *binRule) {
	e.u32(uint32(r.kind))
	e.text(r.fileName)
	e.version(r.min)
	e.blob(r.hash)
}

func (e *encoder) signer(s *binSigner) {
	if s.wellknown {
		e.u32(1)
		e.u32(s.root)
	} else {
		e.u32(0)
		e.blob(s.tbs)
	}
	e.list(s.ekus)
	e.text(s.issuer)
	e.text(s.publisher)
	e.text(s.oemID)
	e.list(s.fileAttribs)
}

func (e *encoder) scenario(s *binScenario) {
	e.u32(s.value)
	e.list(s.inherited)
	e.u32(s.hashAlgorithm)
	e.group(&s.product)
	e.group(&s.test)
	e.group(&s.testSigning)
}

func (e *encoder) group(g *binGroup) {
	e.members(g.allowed)
	e.members(g.denied)
	e.list(g.rules)
}

func (e *encoder) members(list []binMember) {
	e.u32(uint32(len(list)))
	for i := range list {
		e.u32(list[i].signer)
		e.list(list[i].except)
	}
}

func (e *encoder) settings(list []Setting) {
	e.u32(uint32(len(list)))
	for i := range list {
		s := &list[i]
		e.text(s.Provider)
		e.text(s.Key)
		e.text(s.ValueName)
		e.u32(uint32(s.Value.Kind))
		switch s.Value.Kind {
		case SettingBoolean:
			e.u32(bit(s.Value.Bool))
		case SettingDWord:
			e.u32(s.Value.DWord)
		case SettingBinary:
			e.blob(s.Value.Binary)
		case SettingString:
			e.text(s.Value.Text)
		}
	}
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// blocks writes what each format version added, every block after its number.
func (e *encoder) blocks(b *compiled) {
	for n := uint32(3); n <= b.format; n++ {
		e.u32(n)
		switch n {
		case 3:
			e.block3(b)
		case 6:
			e.guid(b.policyID)
			e.guid(b.baseID)
			e.list(b.supplemental)
		case 8:
			e.u32(0) // number of applications with settings
		case 9:
			e.hotpatches(b.hotpatches)
		case 10:
			e.artifacts(b)
		case 11:
			e.refs(b.exceptEKUs)
		default:
			e.ruleBlock(b, n)
		}
	}
}

func (e *encoder) block3(b *compiled) {
	for i := range b.rules {
		r := &b.rules[i]
		e.version(r.max)
		e.u32(uint32(len(r.appIDs)))
		for _, id := range r.appIDs {
			e.text(id)
		}
	}
	for i := range b.signers {
		e.u64(b.signers[i].signTimeAfter)
	}
}

// ruleBlock writes the blocks that add attributes to each file rule.
func (e *encoder) ruleBlock(b *compiled, n uint32) {
	for i := range b.rules {
		r := &b.rules[i]
		switch n {
		case 4:
			e.text(r.internalName)
			e.text(r.fileDescription)
			e.text(r.productName)
		case 5:
			e.text(r.packageFamilyName)
			e.version(r.packageVersion)
		case 7:
			e.text(r.filePath)
		}
	}
}

func (e *encoder) artifacts(b *compiled) {
	e.u32(uint32(len(b.artifacts)))
	for i := range b.artifacts {
		a := &b.artifacts[i]
		e.u32(a.kind)
		e.u32(a.action)
		e.text(a.name)
		e.text(a.description)
		e.version(a.min)
		e.version(a.max)
		e.blob(a.hash)
	}
	e.refs(b.artifactRefs)
	for i := range b.scenarios {
		e.group(&b.scenarios[i].artifacts)
	}
}

func (e *encoder) refs(list []binRefs) {
	e.u32(uint32(len(list)))
	for i := range list {
		e.u32(list[i].signer)
		e.list(list[i].refs)
	}
}

func (e *encoder) hotpatches(list []binHotpatch) {
	e.u32(uint32(len(list)))
	for _, h := range list {
		e.u32(h.rule)
		e.u32(h.required)
		e.u32(h.min)
		e.u32(h.max)
	}
}
