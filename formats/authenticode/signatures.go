package authenticode

import (
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Limits on nested signatures of foreign files. Windows itself looks one level deep.
const (
	maxTreeSignatures = 64
	maxTreeDepth      = 8
)

// Signature is one signature of a PKCS#7 blob: the first signer, or one nested in its
// unsigned attribute 1.3.6.1.4.1.311.2.4.1.
type Signature struct {
	Index int // 0 is the outermost; nested ones follow depth first, in the order of the file
	Depth int // 0 is the outermost
	*cms.SignedData
}

// Signatures lists all signatures of the block; bytes after it are ignored. At
// least one is returned unless there is an error.
func (p PKCS7) Signatures() ([]Signature, error) {
	root, err := parseTree(p)
	if err != nil {
		return nil, err
	}
	var out []Signature
	for i, n := range root.list() {
		out = append(out, Signature{Index: i, Depth: n.depth, SignedData: n.sd})
	}
	return out, nil
}

// Signature returns the signature with the given index.
func (p PKCS7) Signature(index int) (Signature, error) {
	root, err := parseTree(p)
	if err != nil {
		return Signature{}, err
	}
	n, err := root.at(index)
	if err != nil {
		return Signature{}, err
	}
	return Signature{Index: index, Depth: n.depth, SignedData: n.sd}, nil
}

// sigNode is a signature with those nested in it.
type sigNode struct {
	sd       *cms.SignedData
	depth    int
	children []*sigNode
}

func parseTree(p7 []byte) (*sigNode, error) {
	budget := maxTreeSignatures
	return parseNode(p7, 0, &budget)
}

func parseNode(p7 []byte, depth int, budget *int) (*sigNode, error) {
	if *budget--; *budget < 0 || depth > maxTreeDepth {
		return nil, fmt.Errorf("reading signatures: more than %d, or nested deeper than %d", maxTreeSignatures, maxTreeDepth)
	}
	sd, err := cms.Parse(p7)
	if err != nil {
		return nil, fmt.Errorf("reading signature: %w", err)
	}
	if len(sd.Signers) != 1 {
		return nil, fmt.Errorf("reading signature: %d signers, Authenticode has exactly one", len(sd.Signers))
	}
	n := &sigNode{sd: sd, depth: depth}
	for i, v := range unsignedValues(&sd.Signers[0], cms.OIDNestedSignature) {
		child, err := parseNode(v, depth+1, budget)
		if err != nil {
			return nil, fmt.Errorf("nested signature %d: %w", i, err)
		}
		n.children = append(n.children, child)
	}
	return n, nil
}

// list returns the node and all below it, depth first.
func (n *sigNode) list() []*sigNode {
	out := []*sigNode{n}
	for _, c := range n.children {
		out = append(out, c.list()...)
	}
	return out
}

// at finds a signature by its index.
func (n *sigNode) at(index int) (*sigNode, error) {
	all := n.list()
	if index < 0 || index >= len(all) {
		return nil, fmt.Errorf("there is no signature %d: the file has %d, counted from 0", index, len(all))
	}
	return all[index], nil
}

// marshal writes the tree; the nested signatures replace what the attribute held.
func (n *sigNode) marshal() ([]byte, error) {
	si := &n.sd.Signers[0]
	si.UnsignedAttrs.Remove(cms.OIDNestedSignature)
	for _, c := range n.children {
		der, err := c.marshal()
		if err != nil {
			return nil, err
		}
		si.UnsignedAttrs.Add(cms.OIDNestedSignature, der)
	}
	return n.sd.Marshal()
}

// intact reports whether signer and content belong together: the signature computes and
// covers the content.
func (n *sigNode) intact() bool { return checkSigner(n.sd) == nil }

func checkSigner(sd *cms.SignedData) error {
	cert, err := sd.SignerCertificate(0)
	if err != nil {
		return err
	}
	si := &sd.Signers[0]
	if len(si.SignedAttrs) == 0 {
		return errors.New("there are no signed attributes")
	}
	if err := si.CheckMessageDigest(sd.Content); err != nil {
		return err
	}
	return si.CheckSignature(cert)
}

// unsealed is an error wrapping ErrSealed where any change of the blob would break a seal.
func (n *sigNode) unsealed() error {
	if carriesSeal(&n.sd.Signers[0]) {
		return fmt.Errorf("%w, and a change of its signatures would break the seal; take the seal off first", ErrSealed)
	}
	return nil
}

// edit changes one signature of a blob and writes all of it again in DER. Whatever the
// change does, signatures that were intact must still be: an edit that breaks one is an
// error.
func (p PKCS7) edit(index int, change func(*sigNode) error) (PKCS7, error) {
	root, err := parseTree(p)
	if err != nil {
		return nil, err
	}
	if err := root.unsealed(); err != nil {
		return nil, err
	}
	wanted, err := root.at(index)
	if err != nil {
		return nil, err
	}
	intact := map[*sigNode]bool{}
	for _, n := range root.list() {
		intact[n] = n.intact()
	}
	if err := change(wanted); err != nil {
		return nil, err
	}
	want := 0
	for _, n := range root.list() { // those that the change has left
		if intact[n] {
			want++
		}
	}
	der, err := root.marshal()
	if err != nil {
		return nil, err
	}
	if err := stillIntact(der, want); err != nil {
		return nil, err
	}
	return der, nil
}

func stillIntact(der []byte, want int) error {
	root, err := parseTree(der)
	if err != nil {
		return fmt.Errorf("reading the changed signature back: %w", err)
	}
	for _, n := range root.list() {
		if n.intact() {
			want--
		}
	}
	if want > 0 {
		return errors.New("the change would break a signature: nothing was changed")
	}
	return nil
}

// Append nests another signature in the first one, as signtool /as does. Neither
// loses its timestamp.
func (p PKCS7) Append(nested PKCS7) (PKCS7, error) {
	child, err := parseTree(nested)
	if err != nil {
		return nil, fmt.Errorf("appending: %w", err)
	}
	if len(child.children) > 0 {
		return nil, errors.New("appending: the new signature contains others; Windows looks one level deep only")
	}
	if intent, err := readIntent(&child.sd.Signers[0]); intent || err != nil || carriesSeal(&child.sd.Signers[0]) {
		return nil, errors.New("appending: the new signature is sealed or intends to be; Windows looks for seals in the first signature only")
	}
	return p.edit(0, func(n *sigNode) error {
		n.children = append(n.children, child)
		return nil
	})
}

// Remove takes a nested signature out. The outermost, index 0, cannot be taken
// away alone: [Strip] the file.
func (p PKCS7) Remove(index int) (PKCS7, error) {
	if index == 0 {
		return nil, errors.New("removing signature 0: the others are nested in it; strip the file instead")
	}
	root, err := parseTree(p)
	if err != nil {
		return nil, err
	}
	if err := root.unsealed(); err != nil {
		return nil, err
	}
	unwanted, err := root.at(index)
	if err != nil {
		return nil, err
	}
	for _, n := range root.list() {
		n.children = slices.DeleteFunc(n.children, func(c *sigNode) bool { return c == unwanted })
	}
	return root.marshal()
}

// contentOf reads what a signature says about the file.
func contentOf(sd *cms.SignedData) (*signedContent, error) {
	if !sd.ContentType.Equal(cms.OIDSpcIndirectData) {
		return nil, fmt.Errorf("the signature is over %v, not over a file (SpcIndirectDataContent)", sd.ContentType)
	}
	c, err := parseSignedContent(sd.Content)
	if err == nil && c.image != nil {
		err = c.image
	}
	return c, err
}

// hashOrDefault is SHA-256 unless something else is wanted.
func hashOrDefault(hs ...crypto.Hash) crypto.Hash {
	for _, h := range hs {
		if h != 0 {
			return h
		}
	}
	return crypto.SHA256
}
