// Colours for the language: words, texts, numbers. What a name means is the language server's.

import { HighlightStyle, StreamLanguage, syntaxHighlighting, type StringStream } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const items = new Set(
  ("use const type fn mapping primary dimension fields tenant space source table ingest subscription state monitor " +
    "verify load calculate save expand flow test builtin").split(" "),
);
const words = new Set(
  ("from record key time late value store keep closes by on in as with given expect rejected dropped published same under " +
    "require drop reject unique within when each stop jump repartition let else if then match catch and or not insert into " +
    "remove delete reset derived map expired fails max min").split(" "),
);
const types = new Set(
  ("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 decimal text bytes timestamp date duration json " +
    "list set map link attachment select multi").split(" "),
);

function token(stream: StringStream): string | null {
  if (stream.match(/^\/\/.*/)) return "comment";
  if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return "string";
  if (stream.match(/^@[\dT:.Z+-]+/)) return "literal";
  if (stream.match(/^#\d+/)) return "meta";
  if (stream.match(/^\d[\d_]*(?:\.\d+)?(?:ms|min|[smhdw%])?/)) return "number";
  const name = stream.match(/^[\p{L}_][\p{L}\p{N}_]*/u) as RegExpMatchArray | null;
  if (name) {
    const at = stream.column() === 0;
    const word = name[0];
    if (at && items.has(word)) return "definitionKeyword";
    if (types.has(word) && /^\s*[<?,)}\s]/.test(stream.string.slice(stream.pos) + " ")) return "typeName";
    if (items.has(word) || words.has(word)) return "keyword";
    if (word === "true" || word === "false" || word === "null") return "atom";
    return stream.peek() === "(" ? "function" : "variableName";
  }
  stream.next();
  return null;
}

const style = HighlightStyle.define([
  { tag: tags.definitionKeyword, color: "var(--accent)", fontWeight: "600" },
  { tag: tags.keyword, color: "var(--accent)" },
  { tag: tags.typeName, color: "var(--good)" },
  { tag: tags.string, color: "var(--warn)" },
  { tag: [tags.number, tags.literal, tags.atom, tags.meta], color: "var(--bad)" },
  { tag: tags.comment, color: "var(--dim)", fontStyle: "italic" },
]);

export const language = StreamLanguage.define({
  name: "nsf",
  token,
  languageData: { commentTokens: { line: "//" }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
  tokenTable: { function: tags.function(tags.variableName) },
});

export const colours = syntaxHighlighting(style);
