"""How the server begins and ends, and what it makes of bytes and messages that no good client sends."""

import signal
import subprocess
import sys

import pytest

from wire import Gone, Wire, framed

# The protocol's numbers.
INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, NOT_INITIALIZED = -32600, -32601, -32602, -32002


@pytest.fixture
def wire():
    with Wire() as one:
        yield one


def test_an_end_in_order_has_the_exit_code_0(wire):
    wire.start()
    assert wire.request("shutdown") == {"jsonrpc": "2.0", "id": 2, "result": None}
    wire.notify("exit")
    assert wire.ended() == 0


def test_an_exit_without_a_shutdown_has_the_exit_code_1(wire):
    wire.start()
    wire.notify("exit")
    assert wire.ended() == 1


def test_an_exit_before_all_ends_it(wire):
    wire.notify("exit")
    assert wire.ended() == 1


def test_a_client_that_is_gone_ends_it(wire):
    wire.start()
    wire.process.stdin.close()
    wire.ended()


def test_a_client_that_dies_in_a_message_ends_it(wire):
    wire.start()
    wire.bytes(b"Content-Length: 100\r\n\r\n{")
    wire.process.stdin.close()
    wire.ended()


def test_a_client_whose_process_dies_ends_it_though_the_pipe_stays_open(wire):
    client = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    wire.start(processId=client.pid)
    client.send_signal(signal.SIGKILL)
    client.wait()
    wire.ended()


def test_what_is_asked_before_initialize_is_refused(wire):
    assert wire.request("textDocument/hover", {})["error"]["code"] == NOT_INITIALIZED
    wire.notify("textDocument/didOpen", {})
    assert "capabilities" in wire.start()


def test_what_is_asked_after_shutdown_is_refused(wire):
    wire.start()
    wire.request("shutdown")
    assert wire.request("textDocument/hover", {})["error"]["code"] == INVALID_REQUEST
    wire.notify("exit")
    assert wire.ended() == 0


def test_a_second_initialize_is_refused(wire):
    wire.start()
    assert "error" in wire.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    wire.alive()


def test_it_says_who_it_is(wire):
    info = wire.start()["serverInfo"]
    assert info["name"] == "nsfc" and info["version"]


def test_unknown_requests_have_an_error_and_unknown_notifications_none(wire):
    wire.start()
    for method in ["nsf/nothing", "$/nothing", "textDocument/nothing", ""]:
        assert wire.request(method)["error"]["code"] == METHOD_NOT_FOUND, method
    for method in ["nsf/nothing", "$/setTrace", "$/cancelRequest", "workspace/didChangeConfiguration", ""]:
        wire.notify(method, {"id": 99, "value": "off", "settings": None})
    wire.alive()


def test_requests_whose_parameters_are_wrong_have_an_error_and_cost_nothing_else(wire):
    capabilities = wire.start()["capabilities"]
    methods = ["textDocument/formatting", "textDocument/documentSymbol", "textDocument/codeAction"]
    more = {
        "hoverProvider": "textDocument/hover",
        "completionProvider": "textDocument/completion",
        "definitionProvider": "textDocument/definition",
        "referencesProvider": "textDocument/references",
        "renameProvider": "textDocument/rename",
        "signatureHelpProvider": "textDocument/signatureHelp",
        "foldingRangeProvider": "textDocument/foldingRange",
        "inlayHintProvider": "textDocument/inlayHint",
    }
    methods += [method for provider, method in more.items() if capabilities.get(provider)]
    for method in methods:
        for params in [None, [], {}, {"textDocument": {}}, {"textDocument": {"uri": 5}, "position": {"line": -1}}]:
            assert wire.request(method, params)["error"]["code"] == INVALID_PARAMS, (method, params)
    wire.alive()


def test_notifications_whose_parameters_are_wrong_cost_nothing(wire):
    wire.start()
    for method in ["didOpen", "didChange", "didClose", "didSave"]:
        for params in [None, [], {}, {"textDocument": {"uri": "file:///a.nsf"}}]:
            wire.notify(f"textDocument/{method}", params)
    wire.alive()


@pytest.mark.parametrize("uri", ["file:///nowhere/a.nsf", "untitled:Untitled-1", "git:/a.nsf?x", "file://host/a.nsf", "x", ""])
def test_files_that_were_never_opened_have_answers(wire, uri):
    wire.start()
    place = {"textDocument": {"uri": uri}, "position": {"line": 3, "character": 5}}
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 9}}
    asked = {
        "textDocument/formatting": {"options": {"tabSize": 2, "insertSpaces": True}},
        "textDocument/documentSymbol": {},
        "textDocument/codeAction": {"range": span, "context": {"diagnostics": []}},
        "textDocument/hover": {},
        "textDocument/completion": {},
        "textDocument/definition": {},
        "textDocument/rename": {"newName": "a"},
    }
    for method, more in asked.items():
        answer = wire.request(method, place | more)
        assert answer.get("result") in (None, [], {}) or "error" in answer, (method, answer)
    wire.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": "x"}]})
    wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    wire.alive()


def test_an_unsaved_document_is_served(wire):
    wire.start()
    wire.open("untitled:Untitled-1", "const a: int32 = 5\n")
    wire.alive()


def test_messages_may_come_in_pieces_and_together(wire):
    wire.start()
    asked = b"".join(framed({"jsonrpc": "2.0", "id": name, "method": "nsf/nothing"}) for name in ["a", "b", 77])
    for at in range(0, len(asked), 7):
        wire.bytes(asked[at : at + 7])
    assert [wire.answer(name)["id"] for name in ["a", "b", 77]] == ["a", "b", 77]


def test_other_headers_are_read_over(wire):
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}'
    head = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(body)
    wire.bytes(head + body)
    assert "result" in wire.answer(1)


@pytest.mark.parametrize(
    "rubbish",
    [b"Content-Length: 5\r\n\r\n{]{]{", b"Content-Length: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe\r\n\r\n"],
)
def test_bytes_that_are_not_the_protocol_end_it_with_a_sentence(wire, rubbish):
    wire.start()
    wire.bytes(rubbish)
    try:
        wire.alive()
    except (Gone, BrokenPipeError):
        assert wire.ended() not in (0, 101)
        said = wire.process.stderr.read().decode()
        assert "not the language server protocol" in said and "panicked" not in said, said


def test_a_burst_of_changes_is_answered_at_its_end(wire):
    wire.start()
    uri = "file:///nowhere/burst.nsf"
    wire.open(uri, "")
    for version in range(2, 400):
        text = f"const a: int32 = {version}\n" * 40
        wire.notify(
            "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]}
        )
    wire.alive()
