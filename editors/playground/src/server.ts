// What the page asks of the program that serves it.

const word = document.querySelector<HTMLMetaElement>('meta[name="nsf-word"]')?.content ?? "";
const page = crypto.randomUUID();

export interface Text {
  path: string;
  text: string;
}

export interface Project {
  name: string;
  uri: string;
  files: Text[];
}

export interface Input {
  name: string;
  kind: "source" | "ingest" | "table";
  text: string;
}

export interface Output {
  name: string;
  kind: "topic" | "dimension" | "state" | "rejected";
  text: string;
  cut: boolean;
}

export interface Ran {
  ok: boolean;
  said: string;
  summary: { records?: number; rejected?: number; seconds?: number } | null;
  outputs: Output[];
}

export async function ask<T>(path: string, body: unknown = {}): Promise<T> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-nsf-word": word },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

interface Initialize {
  method?: string;
  params?: { capabilities?: { textDocument?: Record<string, unknown> } };
}

/**
 * A message as it is sent. CodeMirror says that it asks for diagnostics, and waits for them to be told; and it does not know that the page shows
 * what can be done about them.
 */
function told(text: string): string {
  const message = JSON.parse(text) as Initialize;
  const documents = message.params?.capabilities?.textDocument;
  if (message.method !== "initialize" || !documents) return text;
  delete documents.diagnostic;
  documents.codeAction = { codeActionLiteralSupport: { codeActionKind: { valueSet: ["quickfix"] } } };
  return JSON.stringify(message);
}

/** A connection to a language server of this page's own: messages go by requests, and come by requests that wait. */
export class Connection {
  private handlers: ((message: string) => void)[] = [];
  private sending: Promise<unknown> = Promise.resolve();

  constructor(private readonly lost: (why: string) => void) {
    void this.receive();
  }

  send(text: string): void {
    const message = told(text);
    // One after the other, so that changes arrive in their order.
    this.sending = this.sending
      .then(() => ask("/lsp", { page, message }))
      .catch((error: Error) => this.lost(error.message));
  }

  subscribe(handler: (message: string) => void): void {
    this.handlers.push(handler);
  }

  unsubscribe(handler: (message: string) => void): void {
    this.handlers = this.handlers.filter((own) => own !== handler);
  }

  private async receive(): Promise<void> {
    for (;;) {
      try {
        const messages = await ask<unknown[]>("/lsp/wait", { page });
        for (const message of messages) {
          const text = JSON.stringify(message);
          for (const handler of this.handlers) handler(text);
        }
      } catch (error) {
        this.lost((error as Error).message);
        return;
      }
    }
  }
}
