// What stands beside the program: input, what a run gives, the graph, problems.

import type { Editors, Problem } from "./editors";
import type { Input, Output, Ran } from "./server";

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function input(inputs: Input[], typed: Map<string, string>): Node[] {
  if (inputs.length === 0) {
    return [element("p", { className: "empty" }, "The program reads nothing yet, or has errors: see Problems.")];
  }
  return inputs.flatMap((own) => {
    const area = element("textarea", {
      value: typed.get(own.name) ?? own.text,
      spellcheck: false,
      placeholder: "one record a line",
    });
    area.setAttribute("aria-label", own.name);
    area.addEventListener("input", () => typed.set(own.name, area.value));
    return [title(own.name, `${own.kind}, one JSON record a line`), area];
  });
}

export function output(ran: Ran | null, kinds: Output["kind"][], nothing: string): Node[] {
  if (!ran) return [element("p", { className: "empty" }, "Run the program to see this.")];
  const all = ran.outputs.filter((own) => kinds.includes(own.kind));
  const nodes: Node[] = ran.ok || !ran.said ? [] : [element("pre", { className: "said" }, ran.said)];
  for (const own of all) {
    const lines = own.text.split("\n").filter(Boolean);
    const count = `${own.kind}, ${lines.length}${own.cut ? " of more" : ""}`;
    nodes.push(title(own.name, count));
    nodes.push(lines.length ? element("pre", {}, lines.join("\n")) : element("p", { className: "empty" }, "nothing"));
  }
  return nodes.length ? nodes : [element("p", { className: "empty" }, nothing)];
}

/** A rejected record with what became of it, its place leading into the editor. */
export function rejected(ran: Ran | null, editors: Editors): Node[] {
  if (!ran) return [element("p", { className: "empty" }, "Run the program to see this.")];
  const lines = ran.outputs.filter((own) => own.kind === "rejected").flatMap((own) => own.text.split("\n").filter(Boolean));
  if (lines.length === 0) return [element("p", { className: "empty" }, "No record was rejected.")];
  return lines.map((line) => {
    const own = JSON.parse(line) as { place?: string; code: string; reason: string; source: string; raw?: string };
    const [path, at] = (own.place ?? "").split(":");
    const where = element("button", { className: "where" }, `${own.code} ${own.place ?? own.source}`);
    where.addEventListener("click", () => path && editors.reveal(path, Number(at)));
    return element("div", { className: "problem bad" }, where, element("div", {}, own.reason), element("pre", {}, own.raw ?? ""));
  });
}

export function problems(all: Problem[], editors: Editors): Node[] {
  if (all.length === 0) return [element("p", { className: "empty" }, "Nothing is wrong.")];
  return all.map((own) => {
    const where = element("button", { className: "where" }, `${own.code} ${own.path}:${own.line}`);
    where.addEventListener("click", () => editors.reveal(own.path, own.line));
    const fixes = element("div", { className: "fixes" });
    void editors.actions(own).then((actions) => {
      for (const action of actions) {
        const fix = element("button", {}, action.title);
        fix.addEventListener("click", () => editors.apply(action));
        fixes.append(fix);
      }
    });
    const kind = own.severity === 1 ? "bad" : "warn";
    return element("div", { className: `problem ${kind}` }, where, element("div", {}, own.message), fixes);
  });
}

function title(name: string, detail: string): HTMLElement {
  return element("h2", {}, `${name} `, element("small", {}, detail));
}
