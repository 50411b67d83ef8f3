// Expressions, literals and comments.
import { braces, bracketed, include, NAME, range, re, token, type Rule } from "./rules.js";

const word = (words: string, scope: string): Rule => token(re`(?<![\p{L}\p{N}_.])(?:${words})\b`, scope);

/** Expressions and what they are made of. */
export const expressionRules: Record<string, Rule> = {
  comments: {
    patterns: [
      range("//!", "$", [], { name: "comment.line.documentation.file", begin: { 0: "punctuation.definition.comment" } }),
      range("///(?!/)", "$", [], { name: "comment.line.documentation", begin: { 0: "punctuation.definition.comment" } }),
      token(/(\/\/)\s*(nsfc:\s*allow)\b(.*)$/u, {
        0: "comment.line.double-slash",
        1: "punctuation.definition.comment",
        2: "keyword.other.directive",
        3: "entity.other.attribute-name.lint",
      }),
      range("//", "$", [], { name: "comment.line.double-slash", begin: { 0: "punctuation.definition.comment" } }),
    ],
  },
  property: token(re`(${NAME})\s*(:)`, { 1: "variable.other.property", 2: "punctuation.separator" }),
  "record-literal": braces("record", [token(/\.\.\./u, "keyword.operator.spread"), ...include("property", "expression")]),
  match: range(
    String.raw`(?<![\p{L}\p{N}_.])(match)\b`,
    String.raw`(?<=\})|(?=[)\]])`,
    [
      braces("match", [...include("comments"), token(/\|/u, "keyword.operator.alternative"), ...include("expression")]),
      ...include("expression-without-record"),
    ],
    { begin: { 1: "keyword.control" } },
  ),
  expression: { patterns: include("match", "record-literal", "expression-without-record") },
  "expression-without-record": {
    patterns: [
      ...include("comments", "strings", "match"),
      bracketed("(", ")", "parens", include("property", "expression")),
      bracketed("[", "]", "brackets", include("expression")),
      ...include("literals"),
      word("if|then|else|match|catch", "keyword.control"),
      word("and|or|not|in", "keyword.operator.word"),
      word("true|false|null", "constant.language"),
      token(/(?<![\p{L}\p{N}_.])reject(?=\s+r?#*")/u, "keyword.control"),
      token(re`(\?\.|\.(?!\.))\s*(${NAME})(?=\s*\()`, { 1: "punctuation.accessor", 2: "entity.name.function" }),
      token(re`(\?\.|\.(?!\.))\s*(${NAME})`, { 1: "punctuation.accessor", 2: "variable.other.member" }),
      token(re`(${NAME})(?=\s*=>)`, "variable.parameter"),
      token(re`(${NAME})(?=\s*\()`, "entity.name.function"),
      token(re`${NAME}`, "variable.other"),
      token(/=>|->/u, "keyword.operator.arrow"),
      token(/\.\.\.?/u, "keyword.operator.range"),
      token(/==|!=|<=|>=|<|>/u, "keyword.operator.comparison"),
      token(/\?\?/u, "keyword.operator.coalesce"),
      token(/[-+*/%]/u, "keyword.operator.arithmetic"),
      token(/=/u, "keyword.operator.assignment"),
      token(/,/u, "punctuation.separator"),
    ],
  },
  literals: {
    patterns: [
      token(/@\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[-+]\d{2}:\d{2})?)?/u, "constant.other.timestamp"),
      token(/(?<![\p{L}\p{N}_.])0x[0-9A-Fa-f][0-9A-Fa-f_]*\b/u, "constant.numeric.hex"),
      token(/(?<![\p{L}\p{N}_])(?:\d[\d_]*(?:min|ms|s|h|d))+\b/u, "constant.numeric.duration"),
      token(/(?<![\p{L}\p{N}_])\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][-+]?\d+)?%(?![\p{L}\p{N}_(\[{])/u, "constant.numeric.percent"),
      token(/(?<![\p{L}\p{N}_])\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][-+]?\d+)?\b/u, "constant.numeric"),
    ],
  },
  strings: {
    patterns: [
      {
        // It may go over lines that look like items.
        ...range(String.raw`(?<![\p{L}\p{N}_])r(#*)"`, "", [], {
          name: "string.quoted.raw",
          begin: { 0: "punctuation.definition.string.begin" },
          end: { 0: "punctuation.definition.string.end" },
        }),
        end: String.raw`"\1`,
      },
      range(
        '"',
        '"|$',
        [
          token(/\\(?:[ntr\\"{}]|u\{[0-9A-Fa-f]{1,6}\})/u, "constant.character.escape"),
          token(/\\./u, "invalid.illegal.escape"),
          range(String.raw`\{`, String.raw`\}|(?=")|$`, include("expression"), {
            name: "meta.interpolation",
            content: "source.nsf",
            begin: { 0: "punctuation.section.interpolation.begin" },
            end: { 0: "punctuation.section.interpolation.end" },
          }),
        ],
        {
          name: "string.quoted.double",
          begin: { 0: "punctuation.definition.string.begin" },
          end: { 0: "punctuation.definition.string.end" },
        },
      ),
    ],
  },
};
