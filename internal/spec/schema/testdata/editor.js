// Judges files as VS Code and other editors do, with yaml-language-server.
// Arguments: the schema, a JSON list of texts. Prints a JSON list of messages.
const fs = require("fs");
const { getLanguageService } = require("yaml-language-server");
const { TextDocument } = require("vscode-languageserver-textdocument");

const [schema, texts] = process.argv.slice(2).map((f) => JSON.parse(fs.readFileSync(f, "utf8")));
const service = getLanguageService({
  schemaRequestService: async (uri) => { throw new Error("asked for " + uri); },
  workspaceContext: { resolveRelativePath: (relative) => relative },
  telemetry: { send() {}, sendError() {}, sendTrack() {} },
});
service.configure({
  validate: true, hover: true, completion: true, customTags: [], yamlVersion: "1.2",
  schemas: [{ uri: "file:///release.schema.json", fileMatch: ["*.yaml"], schema }],
});

(async () => {
  const verdicts = [];
  for (const [i, text] of texts.entries()) {
    const document = TextDocument.create(`file:///${i}.yaml`, "yaml", 1, text);
    verdicts.push((await service.doValidation(document, false)).map((d) => d.message).join("; ") || "ok");
  }
  // What an editor shows beside a key, and offers below it.
  const open = TextDocument.create("file:///open.yaml", "yaml", 1, "version: 1\nsign:\n  identity: test\n  ");
  verdicts.push((await service.doHover(open, { line: 2, character: 4 })).contents.value);
  verdicts.push((await service.doComplete(open, { line: 3, character: 2 }, false)).items.map((i) => i.label).join(" "));
  console.log(JSON.stringify(verdicts));
})();
