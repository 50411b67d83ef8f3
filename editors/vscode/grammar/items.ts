// Items: what stands in column 0, and what each holds.
import { braces, bracketed, include, item, NAME, NEVER, range, re, token, type Rule } from "./rules.js";

const KEYWORD = "keyword.declaration";
const CLAUSE = "keyword.other.clause";

const separator = token(/,/u, "punctuation.separator");
const ofType = token(/:/u, "punctuation.separator.type");
const arrow = token(/->/u, "keyword.operator.arrow");
const names = (scope: string): Rule => token(re`${NAME}`, scope);

const settings = braces("settings", include("settings"));

/** A function of a step, whose body has the rules of that step. */
function stepFunction(keywords: string, body: string): Rule {
  return item("step-function", re`(${keywords})\s+(${NAME})`, { 1: KEYWORD, 2: "entity.name.function" }, [
    ...include("parameters"),
    arrow,
    token(re`\b(from|into)\s+(${NAME})`, { 1: CLAUSE, 2: "variable.other" }),
    braces("block", include(body)),
  ]);
}

const items: Rule[] = [
  item("use", /(use)\b/u, { 1: "keyword.control.import" }, [
    token(/\bas\b/u, "keyword.control.import"),
    token(/[{}]/u, "punctuation.section.braces"),
    separator,
    token(/\./u, "punctuation.accessor"),
    names("entity.name.namespace"),
  ]),
  item("const", re`(const)\s+(${NAME})`, { 1: KEYWORD, 2: "variable.other.constant" }, include("type-note", "expression")),
  item("type", re`(type)\s+(${NAME})\s*(=)`, { 1: KEYWORD, 2: "entity.name.type", 3: "keyword.operator.assignment" }, include("type")),
  item("function", re`(?:(builtin)\s+)?(fn)\s+(${NAME})`, { 1: "storage.modifier", 2: KEYWORD, 3: "entity.name.function" }, [
    ...include("type-arguments", "parameters", "result-type"),
    token(/\bfails\b/u, "storage.modifier"),
    range("=(?![=>])", NEVER, include("expression"), { begin: { 0: "keyword.operator.assignment" } }),
  ]),
  item("mapping", re`(mapping)\s+(${NAME})`, { 1: KEYWORD, 2: "entity.name.type.mapping" }, [
    braces("block", [
      ...include("comments"),
      token(/\b(?:else|keep|reject)\b/u, "keyword.control"),
      token(/\|/u, "keyword.operator.alternative"),
      ...include("expression"),
    ]),
    ofType,
    ...include("type"),
  ]),
  item("primary", re`(primary)\s+(${NAME})`, { 1: KEYWORD, 2: "variable.other.property.primary" }, [
    ...include("number-sign", "strings"),
    ofType,
    ...include("type"),
  ]),
  item("dimension", re`(dimension)\s+(${NAME})`, { 1: KEYWORD, 2: "entity.name.class.dimension" }, [
    ...include("number-sign", "strings", "key-list"),
    token(/\bin\b/u, CLAUSE),
    separator,
    names("entity.name.namespace.space"),
  ]),
  item("fields", re`(fields)\s+(${NAME})`, { 1: KEYWORD, 2: "entity.name.class.dimension" }, [
    braces("block", [
      ...include("comments", "number-sign", "strings"),
      token(/\bderived\b(?!\s*:)/u, "storage.modifier"),
      settings,
      ...include("field-name", "type"),
    ]),
  ]),
  item("settings", re`(tenant|space|source|table|ingest)\s+(${NAME})`, { 1: KEYWORD, 2: "entity.name.class" }, [settings]),
  item("settings", re`(subscription|monitor)\s+(${NAME})(?:\s+(on)\s+(${NAME}))?`, { 1: KEYWORD, 2: "entity.name.class", 3: CLAUSE, 4: "entity.name.class.dimension" }, [settings]),
  item("settings", re`(state)\s+(${NAME})(?:\s+(by)\b)?`, { 1: KEYWORD, 2: "entity.name.class.state", 3: CLAUSE }, [...include("key-list"), settings]),
  stepFunction("verify", "checks"),
  stepFunction("calculate|load", "assignments"),
  stepFunction("save", "save-operations"),
  stepFunction("expand", "steps"),
  item("flow", re`(flow)\s+(${NAME})`, { 1: KEYWORD, 2: "entity.name.function.flow" }, [
    token(/\b(from)(?:\s+(expired)(?!\s*,))?\b/u, { 1: CLAUSE, 2: CLAUSE }),
    separator,
    braces("block", include("steps")),
    names("variable.other"),
  ]),
  item("test", /(test)\b/u, { 1: KEYWORD }, [...include("strings"), braces("block", include("test-clauses"))]),
];

/** Items and the parts that only they have. */
export const itemRules: Record<string, Rule> = {
  items: { patterns: items },
  "key-list": bracketed("(", ")", "parens", [...include("comments"), separator, names("variable.other.property")]),
  "number-sign": token(/(#)(\d+)/u, { 1: "punctuation.definition.number", 2: "constant.numeric.identity" }),
  settings: {
    patterns: [
      ...include("comments"),
      braces("record", [...include("comments", "record-fields")], { match: String.raw`\b(record|value)`, scope: "keyword.other.setting" }),
      braces("block", include("assignments"), { match: `(${NAME})`, scope: "keyword.other.setting" }),
      token(re`(${NAME})\s*(:)`, { 1: "keyword.other.setting", 2: "punctuation.separator" }),
      token(/\b(else)(?:\s+(drop|reject)\b)?/u, { 1: "keyword.control", 2: "keyword.control" }),
      token(/\bsecret\b(?=\s*\()/u, "keyword.other.secret"),
      ...include("expression"),
    ],
  },
};

/** Types, and the fields of records and parameters. */
export const typeRules: Record<string, Rule> = {
  type: {
    patterns: [
      ...include("comments", "record-type", "type-arguments"),
      token(/\b(?:bool|u?int(?:8|16|32|64)|float(?:32|64)|decimal|text|bytes|timestamp|date|duration|json|link|attachment)\b/u, "support.type"),
      token(/\b(?:list|set|map|select|multi)\b(?=\s*<)/u, "support.type"),
      token(/\bfn\b/u, "keyword.other.fn"),
      arrow,
      token(/\?/u, "keyword.operator.nullable"),
      separator,
      names("entity.name.type"),
    ],
  },
  "type-arguments": range("<", ">|(?=[(){}=])", [...include("type"), ofType], {
    begin: { 0: "punctuation.definition.typeparameters.begin" },
    end: { 0: "punctuation.definition.typeparameters.end" },
  }),
  "record-type": braces("record", include("comments", "record-fields")),
  "record-fields": { patterns: include("field-from", "field-default", "field-name", "type") },
  "field-name": token(re`(${NAME})\s*(:)`, { 1: "variable.other.property", 2: "punctuation.separator.type" }),
  "field-from": range(String.raw`\b(from)\s+(?=r?#*")`, String.raw`(?<=")|(?<="#)|$`, include("strings"), { begin: { 1: CLAUSE } }),
  "field-default": range("=(?![=>])", String.raw`(?=[,)}])|(?=\s${NAME}\s*:)|$`, include("expression"), { begin: { 0: "keyword.operator.assignment" } }),
  "type-note": range(":", "(?==)|$", include("type"), { begin: { 0: "punctuation.separator.type" } }),
  "result-type": range("->", String.raw`(?==(?![=>]))|(?=\bfails\b)|$`, include("type"), { begin: { 0: "keyword.operator.arrow" } }),
  parameters: bracketed("(", ")", "parameters", include("comments", "record-fields")),
};
