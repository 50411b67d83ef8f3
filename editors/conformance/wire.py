"""A client that can be rude: it writes whatever bytes it is told to, and reads what the server answers."""

import json
import os
import queue
import subprocess
import threading
import time
from typing import Any

NSFC = os.environ.get("NSFC", "nsfc")

# Seconds that an answer may take.
LIMIT = float(os.environ.get("LIMIT", "20"))


class Gone(Exception):
    """The server has ended, or answers nothing."""


class Wire:
    """One process of `nsfc lsp`, and the bytes to and from it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [NSFC, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.read = b""
        # What the server says is taken at once: one that waits for its reader would not read either.
        self.said: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.last = 0
        self.unasked: list[dict[str, Any]] = []

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def bytes(self, given: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(given)
        self.process.stdin.flush()

    def send(self, message: Any) -> None:
        self.bytes(framed(message))

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any = None) -> dict[str, Any]:
        """Asks, and gives the whole answer. What comes unasked meanwhile is kept in `unasked`."""
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        return self.answer(self.last)

    def answer(self, number: int | str | None) -> dict[str, Any]:
        while True:
            message = self.message()
            if message.get("id") == number and "method" not in message:
                return message
            self.unasked.append(message)

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """The diagnostics of a file that come next."""
        while True:
            for at, message in enumerate(self.unasked):
                if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                    del self.unasked[at]
                    return message["params"]["diagnostics"]
            self.unasked.append(self.message())

    def message(self) -> dict[str, Any]:
        head = self._until(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        length = int(headers["Content-Length"])
        while len(self.read) < length:
            self._more()
        body, self.read = self.read[:length], self.read[length:]
        return json.loads(body)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.read:
            self._more()
        head, self.read = self.read.split(mark, 1)
        return head

    def _listen(self) -> None:
        assert self.process.stdout is not None
        while got := os.read(self.process.stdout.fileno(), 1 << 16):
            self.said.put(got)
        self.said.put(b"")

    def _more(self) -> None:
        try:
            got = self.said.get(timeout=LIMIT)
        except queue.Empty:
            raise Gone("no answer") from None
        if not got:
            raise Gone(f"exit code {self.process.poll()}")
        self.read += got

    def start(self, capabilities: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Initialises as a client with these capabilities."""
        params = {"processId": os.getpid(), "rootUri": None, "capabilities": capabilities or {}} | more
        answer = self.request("initialize", params)
        self.notify("initialized", {})
        return answer["result"]

    def open(self, uri: str, text: str, version: int = 1) -> None:
        self.notify(
            "textDocument/didOpen",
            {"textDocument": {"uri": uri, "languageId": "nsf", "version": version, "text": text}},
        )

    def alive(self) -> None:
        """Asserts that it still answers."""
        self.notify("textDocument/didSave", {"textDocument": {"uri": "file:///nowhere.nsf"}})
        assert "error" in self.request("nsf/nothing")

    def ended(self) -> int:
        """Waits for its end; gives the exit code."""
        start = time.monotonic()
        while self.process.poll() is None:
            if time.monotonic() - start > LIMIT:
                raise Gone("it does not end")
            time.sleep(0.01)
        return self.process.returncode


def framed(message: Any) -> bytes:
    body = json.dumps(message, ensure_ascii=False).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body
