package clue

import (
	"regexp"
	"strings"
)

var (
	copyrightLine = regexp.MustCompile(`(?im)^[\s*#]*(copyright\s+(?:\(c\)\s+|©\s*)?[0-9]{4}[^\n]*?)\s*$`)
	holder        = regexp.MustCompile(`(?i)^copyright\s+(?:\(c\)\s+|©\s*)?[0-9]{4}(?:\s*[-–,]\s*(?:[0-9]{4}|present)?)*,?\s*(?:by\s+)?(\S.+)$`)
	reserved      = regexp.MustCompile(`(?i)[.,]?\s*all rights reserved\.?\s*$`)
	contact       = regexp.MustCompile(`\s*(?:[<(](?:https?://|[^\s<>()]+@)[^>)]*[>)]|https?://\S+)`)
)

// Licence finds the copyright notice at the head of a LICENSE file and its
// holder; both are empty when there is none, as in licences that only say how
// to write one.
func Licence(b []byte) (notice, owner string) {
	head := string(b[:min(len(b), 4<<10)])
	for _, m := range copyrightLine.FindAllStringSubmatch(head, -1) {
		line := strings.Join(strings.Fields(reserved.ReplaceAllString(contact.ReplaceAllString(m[1], ""), "")), " ")
		if h := holder.FindStringSubmatch(line); h != nil && !strings.ContainsAny(line, "[]{}<>") && !strings.Contains(line, "Free Software Foundation") {
			return line, h[1]
		}
	}
	return "", ""
}

var (
	comment  = regexp.MustCompile(`(?s)<!--.*?-->`)
	htmlTag  = regexp.MustCompile(`<[^>]*>`)
	picture  = regexp.MustCompile(`!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])`)
	link     = regexp.MustCompile(`\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?`)
	strong   = regexp.MustCompile("\\*\\*|__|`")
	emphasis = regexp.MustCompile(`(^|\s)[*_](\S)|(\S)[*_](\s|$)`)
	sentence = regexp.MustCompile(`^(.{10,}?[^A-Z.][.!])(\s|$)`)
	spaces   = regexp.MustCompile(`\s+`)
	article  = regexp.MustCompile(`^An? `)
	notWord  = regexp.MustCompile(`[^a-z0-9]+`)
)

// Readme finds the sentence in a README in Markdown that describes what the product
// is: one that begins with its name or an article. Others thank sponsors, or
// speak of the source code. It is empty when there is none.
func Readme(b []byte, product string) string {
	text := comment.ReplaceAllString(string(b[:min(len(b), 16<<10)]), "")
	fenced := false
	for _, paragraph := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		paragraph = strings.TrimSpace(paragraph)
		if strings.Count(paragraph, "```")%2 == 1 {
			fenced = !fenced
			continue
		}
		if fenced || strings.Contains(paragraph, "```") {
			continue
		}
		if s := prose(paragraph); s != "" && (article.MatchString(s) || named(s, product)) {
			return s
		}
	}
	return ""
}

// named reports whether a sentence begins with the product's name, however its
// words are written: Git LFS for git-lfs.
func named(sentence, product string) bool {
	bare := func(s string) string { return notWord.ReplaceAllString(strings.ToLower(s), "") }
	return bare(product) != "" && strings.HasPrefix(bare(sentence), bare(product))
}

// prose is the first sentence of a paragraph that is one: no heading, list,
// table, quotation, nor a row of badges or links.
func prose(paragraph string) string {
	lines := strings.Split(paragraph, "\n")
	for len(lines) > 0 && (strings.HasPrefix(lines[0], "#") || len(lines) > 1 && strings.Trim(lines[1], "=-") == "") {
		if !strings.HasPrefix(lines[0], "#") {
			lines = lines[1:] // a title with a line below it
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || strings.ContainsAny(lines[0][:min(1, len(lines[0]))], ">|-*+:") && !strings.HasPrefix(lines[0], "**") {
		return ""
	}
	bare := picture.ReplaceAllString(strings.Join(lines, " "), "")
	linked := 0
	for _, m := range link.FindAllStringSubmatch(bare, -1) {
		linked += len(m[1])
	}
	text := htmlTag.ReplaceAllString(link.ReplaceAllString(bare, "$1"), "")
	text = strings.TrimSpace(spaces.ReplaceAllString(emphasis.ReplaceAllString(strong.ReplaceAllString(text, ""), "$1$2$3$4"), " "))
	if len(strings.Fields(text)) < 4 || 2*linked > len(text) {
		return ""
	}
	if m := sentence.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	if len(lines) == 1 {
		return text
	}
	return ""
}
