// Writes the grammars: that of the language, and the one that colours `nsf` blocks of Markdown pages. With `--check` it says
// whether they are as written.
import { readFileSync, writeFileSync } from "node:fs";

import { expressionRules } from "./expressions.js";
import { itemRules, typeRules } from "./items.js";
import { stepRules } from "./steps.js";

const language = {
  name: "NSF",
  scopeName: "source.nsf",
  patterns: [{ include: "#comments" }, { include: "#items" }],
  repository: { ...expressionRules, ...itemRules, ...typeRules, ...stepRules },
};

const markdown = {
  scopeName: "markdown.nsf.codeblock",
  injectionSelector: "L:text.html.markdown",
  patterns: [{ include: "#block" }],
  repository: {
    block: {
      begin: String.raw`(^|\G)(\s*)(\x60{3,}|~{3,})\s*(nsf)(?=\s|$)([^\x60~]*)$`,
      beginCaptures: { 3: { name: "punctuation.definition.markdown" }, 4: { name: "fenced_code.block.language" } },
      end: String.raw`(^|\G)\s*(\3)\s*$`,
      endCaptures: { 2: { name: "punctuation.definition.markdown" } },
      name: "markup.fenced_code.block.markdown",
      patterns: [
        { begin: String.raw`(^|\G)(?!\s*(?:\x60{3,}|~{3,})\s*$)`, while: String.raw`(^|\G)(?!\s*(?:\x60{3,}|~{3,})\s*$)`, contentName: "meta.embedded.block.nsf", patterns: [{ include: "source.nsf" }] },
      ],
    },
  },
};

for (const [name, grammar] of Object.entries({ nsf: language, markdown })) {
  const path = `syntaxes/${name}.tmLanguage.json`;
  const text = `${JSON.stringify(grammar, null, 2)}\n`;
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
  } else if (readFileSync(path, "utf8") !== text) {
    console.error(`${path} is not what grammar/ says; \`npm run grammar\` writes it`);
    process.exitCode = 1;
  }
}
