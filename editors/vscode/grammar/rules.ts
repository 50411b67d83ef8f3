// What a TextMate grammar is made of, in the words of the grammar's own files.

/** A rule of a TextMate grammar. */
export interface Rule {
  name?: string;
  contentName?: string;
  include?: string;
  match?: string;
  begin?: string;
  end?: string;
  captures?: Captures;
  beginCaptures?: Captures;
  endCaptures?: Captures;
  patterns?: Rule[];
}

type Captures = Record<string, { name: string }>;

/** Scopes by the group that they are of; group 0 is all that was found. */
export type Scopes = Record<number, string>;

/** A name of the language: an identifier of Unicode. */
export const NAME = String.raw`[\p{L}_][\p{L}\p{N}_]*`;

/** Where an item starts. Only an item's first letter stands in column 0, so whatever is not closed ends there, as in the compiler. */
export const NEXT_ITEM = "^(?=[a-z])";

/** What is nowhere: the end of what only the next item ends. */
export const NEVER = "(?!)";

const SUFFIX = ".nsf";

function captures(scopes: Scopes): Captures {
  return Object.fromEntries(Object.entries(scopes).map(([group, scope]) => [group, { name: scoped(scope) }]));
}

function scoped(scope: string): string {
  return scope.split(" ").map((name) => name + SUFFIX).join(" ");
}

/** What is found in one line: its scope, or those of its groups. */
export function token(match: RegExp, scope: string | Scopes): Rule {
  return typeof scope === "string" ? { name: scoped(scope), match: match.source } : { match: match.source, captures: captures(scope) };
}

/** What reaches from one place to another; without its end it goes to the next item. */
export function range(begin: string, end: string, patterns: Rule[], more: { name?: string; content?: string; begin?: Scopes; end?: Scopes } = {}): Rule {
  const rule: Rule = { begin, end: `${end}|${NEXT_ITEM}`, patterns };
  if (more.name !== undefined) rule.name = scoped(more.name);
  if (more.content !== undefined) rule.contentName = more.content;
  if (more.begin) rule.beginCaptures = captures(more.begin);
  if (more.end) rule.endCaptures = captures(more.end);
  return rule;
}

/** What stands between two brackets. */
export function bracketed(open: string, close: string, kind: string, patterns: Rule[], before?: { match: string; scope: string }): Rule {
  const [opens, closes] = [`\\${open}`, `\\${close}`];
  const begin = before ? String.raw`${before.match}\s*(${opens})` : `(${opens})`;
  const opening = `punctuation.section.${kind}.begin`;
  return range(begin, closes, patterns, {
    name: `meta.${kind}`,
    begin: before ? { 1: before.scope, 2: opening } : { 1: opening },
    end: { 0: `punctuation.section.${kind}.end` },
  });
}

/** What stands between braces. */
export function braces(kind: string, patterns: Rule[], before?: { match: string; scope: string }): Rule {
  return bracketed("{", "}", kind, patterns, before);
}

/** An item, from its keyword in column 0 to the next one. */
export function item(kind: string, begin: RegExp, scopes: Scopes, patterns: Rule[]): Rule {
  return range(`^${begin.source}`, NEVER, [...include("comments"), ...patterns], { name: `meta.item.${kind}`, begin: scopes });
}

/** Rules of the repository. */
export function include(...names: string[]): Rule[] {
  return names.map((name) => ({ include: `#${name}` }));
}

/** A regular expression that may hold others' source. */
export function re(strings: TemplateStringsArray, ...parts: string[]): RegExp {
  return new RegExp(String.raw(strings, ...parts), "u");
}
