// The page: files and their editor on the left, input and results on the right.

import { Editors } from "./editors";
import { element, input, output, problems, rejected } from "./panels";
import { ask, Connection, type Input, type Project, type Ran } from "./server";

const find = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
};

const tabs = ["Input", "Output", "State", "Rejected", "Graph", "Problems"] as const;
type Tab = (typeof tabs)[number];

class Page {
  private tab: Tab = "Input";
  private inputs: Input[] = [];
  private readonly typed = new Map<string, string>();
  private ran: Ran | null = null;
  private graph = "";
  private readonly editors: Editors;
  private asked = 0;

  constructor(project: Project) {
    find("project").textContent = project.name;
    const connection = new Connection((why) => this.say(why, "bad"));
    this.editors = new Editors(project, connection, find("editor"), {
      changed: () => this.later(),
      problems: () => this.draw(),
      run: () => void this.run(),
    });
    find("run").addEventListener("click", () => void this.run());
    find("format").addEventListener("click", () => this.editors.format());
    const first = project.files.find((own) => /^flow /m.test(own.text)) ?? project.files[0];
    if (first) this.show(first.path);
    void this.refresh();
  }

  private say(words: string, kind = ""): void {
    const state = find("state");
    state.textContent = words;
    state.className = kind;
  }

  private show(path: string): void {
    this.editors.show(path);
    this.draw();
  }

  /** What the program reads is asked for again when nobody has typed for a while. */
  private later(): void {
    const asked = ++this.asked;
    setTimeout(() => {
      if (asked === this.asked) void this.refresh();
    }, 600);
  }

  private async refresh(): Promise<void> {
    try {
      this.inputs = (await ask<{ inputs: Input[] }>("/sample", { files: this.editors.texts })).inputs;
    } catch {
      // The program has errors, which the editor shows; what was read before is as good as anything.
    }
    if (this.tab === "Graph") await this.drawGraph();
    this.draw();
  }

  private async drawGraph(): Promise<void> {
    try {
      this.graph = (await ask<{ svg: string }>("/graph", { files: this.editors.texts })).svg;
    } catch (error) {
      this.graph = "";
      this.say((error as Error).message, "bad");
    }
  }

  private async run(): Promise<void> {
    this.say("running …");
    try {
      const inputs = this.inputs.map((own) => ({ name: own.name, text: this.typed.get(own.name) ?? own.text }));
      this.ran = await this.editors.run(inputs);
      const { summary } = this.ran;
      const count = `${summary?.records ?? 0} records, ${summary?.rejected ?? 0} rejected`;
      this.say(this.ran.ok ? count : this.ran.said.split("\n")[0] ?? "", this.ran.ok ? "good" : "bad");
      if (this.tab === "Input" || this.tab === "Problems") this.tab = "Output";
    } catch (error) {
      this.say((error as Error).message, "bad");
      this.tab = "Problems";
    }
    this.draw();
  }

  private draw(): void {
    if (!this.editors) return;
    const all = this.editors.problems;
    find("files").replaceChildren(
      ...this.editors.paths.map((path) => {
        const count = all.filter((own) => own.path === path && own.severity === 1).length;
        return this.button(path, path === this.editors.open, count ? String(count) : "", () => this.show(path));
      }),
    );
    const counts: Partial<Record<Tab, number>> = { Problems: all.length };
    if (this.ran) counts.Rejected = this.ran.summary?.rejected ?? 0;
    find("tabs").replaceChildren(
      ...tabs.map((tab) => {
        const count = counts[tab] ? String(counts[tab]) : "";
        return this.button(tab, tab === this.tab, count, () => void this.choose(tab));
      }),
    );
    // What is being typed into stays as it is.
    if (this.tab === "Input" && find("panel").contains(document.activeElement)) return;
    find("panel").replaceChildren(...this.content(all));
  }

  private async choose(tab: Tab): Promise<void> {
    this.tab = tab;
    if (tab === "Graph") await this.drawGraph();
    this.draw();
  }

  private content(all: Editors["problems"]): Node[] {
    switch (this.tab) {
      case "Input":
        return input(this.inputs, this.typed);
      case "Output":
        return output(this.ran, ["topic"], "The program sends nothing.");
      case "State":
        return output(this.ran, ["state", "dimension"], "The program keeps nothing.");
      case "Rejected":
        return rejected(this.ran, this.editors);
      case "Problems":
        return problems(all, this.editors);
      case "Graph": {
        const graph = element("div", { className: "graph", title: "Click to see it whole or in its own size" });
        graph.innerHTML = this.graph;
        graph.addEventListener("click", () => graph.classList.toggle("whole"));
        return [graph];
      }
    }
  }

  private button(name: string, selected: boolean, count: string, chosen: () => void): HTMLElement {
    const made = element("button", {}, name);
    if (count) made.append(" ", element("span", { className: "count bad" }, count));
    made.setAttribute("role", "tab");
    made.setAttribute("aria-selected", String(selected));
    made.addEventListener("click", chosen);
    return made;
  }
}

ask<Project>("/files")
  .then((project) => new Page(project))
  .catch((error: Error) => {
    find("state").textContent = error.message;
    find("state").className = "bad";
  });
