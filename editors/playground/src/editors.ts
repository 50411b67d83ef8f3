// An editor for each file, all of one project, and the language server that they share.

import { LSPClient, formatDocument, languageServerExtensions } from "@codemirror/lsp-client";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { basicSetup } from "codemirror";

import { colours, language } from "./language";
import { ask, type Connection, type Project, type Text } from "./server";

export interface Problem {
  path: string;
  line: number;
  severity: number;
  code: string;
  message: string;
  /** As the protocol has it, to ask for what can be done. */
  own: Diagnostic;
}

interface Position {
  line: number;
  character: number;
}
interface Range {
  start: Position;
  end: Position;
}
interface Diagnostic {
  range: Range;
  severity?: number;
  code?: string;
  message: string;
}
interface Edit {
  range: Range;
  newText: string;
}
export interface Action {
  title: string;
  kind?: string;
  isPreferred?: boolean;
  edit?: { changes?: Record<string, Edit[]> };
}

export class Editors {
  private readonly views = new Map<string, EditorView>();
  private readonly found = new Map<string, Diagnostic[]>();
  private readonly client: LSPClient;
  open = "";

  constructor(
    private readonly project: Project,
    connection: Connection,
    private readonly place: HTMLElement,
    private readonly on: { changed(): void; problems(): void; run(): void },
  ) {
    this.client = new LSPClient({
      rootUri: project.uri,
      timeout: 10_000,
      extensions: languageServerExtensions(),
    });
    connection.subscribe((message) => this.listen(message));
    this.client.connect(connection);
    for (const file of project.files) this.make(file);
  }

  private uri(path: string): string {
    return this.project.uri + path.split("/").map(encodeURIComponent).join("/");
  }

  private path(uri: string): string {
    return decodeURIComponent(uri.slice(this.project.uri.length));
  }

  private make(file: Text): void {
    const changed = EditorView.updateListener.of((update) => {
      if (update.docChanged) this.on.changed();
    });
    const keys = Prec.highest(
      keymap.of([
        { key: "Ctrl-Enter", mac: "Cmd-Enter", run: () => (this.on.run(), true) },
        { key: "Shift-Alt-f", run: formatDocument },
      ]),
    );
    const extensions = [keys, basicSetup, language, colours, changed, this.client.plugin(this.uri(file.path), "nsf")];
    this.views.set(file.path, new EditorView({ state: EditorState.create({ doc: file.text, extensions }) }));
  }

  show(path: string): void {
    const view = this.views.get(path);
    if (!view) return;
    this.open = path;
    this.place.replaceChildren(view.dom);
    view.focus();
  }

  get paths(): string[] {
    return [...this.views.keys()];
  }

  get texts(): Text[] {
    return [...this.views].map(([path, view]) => ({ path, text: view.state.doc.toString() }));
  }

  get problems(): Problem[] {
    const all = [...this.found].flatMap(([path, own]) =>
      own.map((one) => ({
        path,
        line: one.range.start.line + 1,
        severity: one.severity ?? 1,
        code: one.code ?? "",
        message: one.message,
        own: one,
      })),
    );
    return all.sort((one, other) => one.severity - other.severity || one.path.localeCompare(other.path) || one.line - other.line);
  }

  format(): void {
    const view = this.views.get(this.open);
    if (view) formatDocument(view);
  }

  /** Shows a place of a file. */
  reveal(path: string, line: number): void {
    this.show(path);
    const view = this.views.get(path);
    if (!view) return;
    const at = view.state.doc.line(Math.min(line, view.state.doc.lines)).from;
    view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
  }

  /** What can be done about a problem. */
  async actions(problem: Problem): Promise<Action[]> {
    this.client.sync();
    const params = {
      textDocument: { uri: this.uri(problem.path) },
      range: problem.own.range,
      context: { diagnostics: [problem.own] },
    };
    const all = await this.client.request<typeof params, Action[] | null>("textDocument/codeAction", params);
    return (all ?? []).filter((own) => own.kind === "quickfix" && own.edit?.changes);
  }

  /** Makes the edits of an action. */
  apply(action: Action): void {
    for (const [uri, edits] of Object.entries(action.edit?.changes ?? {})) {
      const view = this.views.get(this.path(uri));
      if (!view) continue;
      const doc = view.state.doc;
      const offset = (own: Position): number => {
        const line = doc.line(Math.min(own.line + 1, doc.lines));
        return Math.min(line.from + own.character, line.to);
      };
      view.dispatch({
        changes: edits.map((own) => ({ from: offset(own.range.start), to: offset(own.range.end), insert: own.newText })),
        userEvent: "input.fix",
      });
    }
  }

  private listen(text: string): void {
    const message = JSON.parse(text) as { method?: string; params?: { uri: string; diagnostics: Diagnostic[] } };
    if (message.method !== "textDocument/publishDiagnostics" || !message.params) return;
    this.found.set(this.path(message.params.uri), message.params.diagnostics);
    this.on.problems();
  }

  run(inputs: { name: string; text: string }[]): Promise<import("./server").Ran> {
    return ask("/run", { files: this.texts, inputs });
  }
}
