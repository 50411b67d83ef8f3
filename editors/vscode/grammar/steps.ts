// The steps of flows, the bodies of functions and the clauses of tests.
import { braces, bracketed, include, NAME, range, re, token, type Rule } from "./rules.js";

const STEP = "keyword.control.step";
const CHECK = "keyword.control.check";
const SAVE = "keyword.control.save";
const TEST = "keyword.control.test";
const CLAUSE = "keyword.other.clause";

const STEPS = "verify|load|calculate|save|expand|when|each|stop|jump|repartition";

/** Where a step of one line ends: behind its block, with the line, or where the next one begins on the same line. */
const STEP_END = String.raw`(?<=\})|$|(?=\})|(?=\s(?:${STEPS})\s)`;

/** A word that is a keyword only where a statement starts: not as a field's name in an expression or before a colon. */
function statement(words: string, scope: string): Rule {
  return token(re`(?<![\p{L}\p{N}_.])(?:${words})\b(?!\s*(?:[:=,.\)\]\}]|$))`, scope);
}

/** Such a word with what it names. */
function named(words: string, scopes: Record<number, string>, behind = ""): Rule {
  return token(re`(?<![\p{L}\p{N}_.])(${words})\s+(${NAME})${behind}`, scopes);
}

/** A step that goes on behind the name of what it calls or changes. */
function step(words: string, called: string, rest: Rule[], behind = ""): Rule {
  return range(String.raw`(?<![\p{L}\p{N}_.])(${words})\s+(?:(delete|reset)\s+)?(${NAME})${behind}`, STEP_END, [...include("comments"), ...rest], {
    begin: { 1: STEP, 2: STEP, 3: called },
  });
}

const block = (keyword: string, body: string): Rule =>
  braces("block", include(body), { match: String.raw`(?<![\p{L}\p{N}_.])(${keyword})`, scope: STEP });

/** Steps, and what each kind of block holds. */
export const stepRules: Record<string, Rule> = {
  steps: {
    patterns: [
      ...include("comments"),
      block("verify", "checks"),
      block("calculate", "assignments"),
      step("verify|calculate", "entity.name.function", include("bindings", "renamed")),
      step("save", "variable.other", [...include("bindings"), braces("block", include("save-operations"))]),
      step("expand", "entity.name.function", include("bindings", "record-literal"), String.raw`(?=\s*\()`),
      step("expand", "entity.name.class.dimension", include("record-literal")),
      named("load", { 1: STEP, 2: "variable.other" }),
      named("jump", { 1: STEP, 2: "entity.name.label" }),
      token(/(?<![\p{L}\p{N}_.])(repartition)\s+(by)\b/u, { 1: STEP, 2: CLAUSE }),
      named("each", { 1: STEP, 2: "variable.parameter", 3: CLAUSE }, String.raw`\s+(in)\b`),
      token(/(?<![\p{L}\p{N}_.])stop\b(?!\s*[:=,.)\]])/u, STEP),
      statement("when|verify|load|calculate|save|expand", STEP),
      token(/\b(else)(?:\s+(drop|reject|when)\b)?/u, { 1: "keyword.control", 2: "keyword.control" }),
      token(re`\b(as)\s+(${NAME})`, { 1: CLAUSE, 2: "variable.other" }),
      token(re`^\s*(${NAME})\s*(:)(?=\s*(?:$|(?:${STEPS})\b))`, { 1: "entity.name.label", 2: "punctuation.separator.label" }),
      braces("block", include("steps")),
      ...include("renamed", "expression-without-record"),
    ],
  },
  renamed: bracketed(
    "(",
    ")",
    "parens",
    [...include("comments"), token(/[:,]/u, "punctuation.separator"), token(re`${NAME}`, "variable.other.property")],
    { match: "(->)", scope: "keyword.operator.arrow" },
  ),
  bindings: bracketed("(", ")", "arguments", include("property", "expression")),
  checks: {
    patterns: [
      ...include("comments"),
      statement("require|drop|reject|unique|when", CHECK),
      token(/(?<![\p{L}\p{N}_.])within\b(?!\s*[:=,.)\]])/u, CLAUSE),
      token(/\b(else)\s+(reject)\b/u, { 1: "keyword.control", 2: CHECK }),
      ...include("expression"),
    ],
  },
  assignments: {
    patterns: [
      ...include("comments"),
      named("let", { 1: "storage.modifier", 2: "variable.other" }, String.raw`(?=\s*=)`),
      token(re`(${NAME})(?=(?:\.${NAME})?\s*=(?![=>]))`, "variable.other.property"),
      ...include("expression"),
    ],
  },
  "save-operations": {
    patterns: [
      ...include("comments"),
      token(/(?<![\p{L}\p{N}_.])(?:insert|remove)\b(?!\s*(?:[:=,.)\]\[}]|[-+]=|$))/u, SAVE),
      named("into|from", { 1: CLAUSE, 2: "variable.other.property" }),
      token(/(?<![\p{L}\p{N}_.])delete\b(?!\s*[,:])/u, SAVE),
      token(/(?:\b(?:max|min)|[-+])=(?!=)/u, "keyword.operator.assignment.compound"),
      token(re`(${NAME})(?=\s*(?:\[[^\]]*\]\s*)?(?:[-+]?=(?![=>])|(?:max|min)=(?!=)))`, "variable.other.property"),
      ...include("property", "expression"),
    ],
  },
  "test-clauses": {
    patterns: [
      ...include("comments"),
      named("with|given", { 1: TEST, 2: "variable.other" }),
      token(re`(?<![\p{L}\p{N}_.])(expect)\s+(rejected|dropped)\b(?!\s*[\(.\[])(?:\s+(?!(?:with|given|expect)\b)(${NAME}))?`, { 1: TEST, 2: CLAUSE, 3: "variable.other" }),
      token(/(?<![\p{L}\p{N}_.])(expect)\s+(published)\b/u, { 1: TEST, 2: CLAUSE }),
      range(
        String.raw`(?<![\p{L}\p{N}_.])(expect)\s+(same)\s+(under)\b`,
        String.raw`$|(?=\})|(?=\b(?:with|given|expect)\b)`,
        [token(/\b(?:duplicate|resend|restart|shuffle|parallel)\b/u, "support.constant.law"), token(/,/u, "punctuation.separator")],
        { begin: { 1: TEST, 2: CLAUSE, 3: CLAUSE } },
      ),
      statement("expect", TEST),
      ...include("expression"),
    ],
  },
};
