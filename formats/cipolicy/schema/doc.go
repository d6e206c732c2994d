// Package schema checks XML against the schema of App Control policies,
// Microsoft's cipolicy.xsd, including the elements that newer versions of it
// have (AppID tagging, generic file rules, application settings, artifact
// rules, hotpatch attributes). Every problem is found in one pass and names its
// line. What the schema cannot say, such as references that must resolve, is
// left to package cipolicy.
package schema

// Problem is one violation of the schema.
type Problem struct {
	Line int // 1-based
	Text string
}
