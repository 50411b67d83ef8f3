"""Every request, as each profile of client asks it."""

import asyncio

from lsprotocol import types
from pytest_lsp import LanguageClient

from conftest import LIMIT, Project, serves, uri_of

MISTAKE = ("stay >= plan_len", "stayy >= plan_len")


class Text:
    """A text, and places in it as the server and this client have agreed to count them."""

    def __init__(self, client: LanguageClient, text: str) -> None:
        self.text = text
        self.utf8 = client.server_answer.capabilities.position_encoding == types.PositionEncodingKind.Utf8

    def position(self, offset: int) -> types.Position:
        before = self.text[:offset]
        line = before.count("\n")
        rest = before.rsplit("\n", 1)[-1]
        return types.Position(line, len(rest.encode()) if self.utf8 else len(rest.encode("utf-16-le")) // 2)

    def offset(self, position: types.Position) -> int:
        lines = self.text.split("\n")
        line = lines[position.line]
        for at in range(len(line) + 1):
            if self.position(sum(len(one) + 1 for one in lines[: position.line]) + at).character >= position.character:
                return sum(len(one) + 1 for one in lines[: position.line]) + at
        raise AssertionError(f"{position} is not in {line!r}")

    def range(self, words: str) -> types.Range:
        at = self.text.index(words)
        return types.Range(self.position(at), self.position(at + len(words)))

    def at(self, words: str, into: int = 1) -> types.Position:
        return self.position(self.text.index(words) + into)

    def marked(self, span: types.Range) -> str:
        return self.text[self.offset(span.start) : self.offset(span.end)]

    def edited(self, edits: list[types.TextEdit]) -> str:
        text = self.text
        for edit in sorted(edits, key=lambda edit: self.offset(edit.range.start), reverse=True):
            text = text[: self.offset(edit.range.start)] + edit.new_text + text[self.offset(edit.range.end) :]
        return text


async def opened(client: LanguageClient, uri: str, text: str) -> list[types.Diagnostic]:
    """Opens a document; gives what is said of it."""
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(uri=uri, language_id="nsf", version=1, text=text))
    )
    return await said(client, uri)


async def said(client: LanguageClient, uri: str) -> list[types.Diagnostic]:
    """What the server finds in a document: it is asked, where both sides can do that, and else tells it unasked."""
    document = client.capabilities.text_document
    if client.server_answer.capabilities.diagnostic_provider and document and document.diagnostic:
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
        answer = await client.text_document_diagnostic_async(params)
        assert isinstance(answer, types.RelatedFullDocumentDiagnosticReport)
        return list(answer.items)
    client.diagnostics.pop(uri, None)
    while uri not in client.diagnostics:
        await asyncio.wait_for(client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS), LIMIT)
    return list(client.diagnostics[uri])


def edits_of(edit: types.WorkspaceEdit, uri: str) -> list[types.TextEdit]:
    found = list((edit.changes or {}).get(uri, []))
    for change in edit.document_changes or []:
        if isinstance(change, types.TextDocumentEdit) and change.text_document.uri == uri:
            found += [one for one in change.edits if isinstance(one, types.TextEdit)]
    return found


async def test_positions_are_counted_as_the_client_can(client: LanguageClient, project: Project):
    encoding = client.server_answer.capabilities.position_encoding
    offered = client.capabilities.general and client.capabilities.general.position_encodings
    if offered is None:
        assert encoding in (None, types.PositionEncodingKind.Utf16)
    else:
        assert encoding in offered


async def test_what_the_server_registers_the_client_can_register(client: LanguageClient, project: Project):
    await opened(client, project.uri, project.text)
    workspace = client.capabilities.workspace
    watching = workspace and workspace.did_change_watched_files
    watches = bool(watching and watching.dynamic_registration)
    assert client.registered == (["workspace/didChangeWatchedFiles"] if watches else [])


async def test_diagnostics_come_and_go(client: LanguageClient, project: Project):
    assert await opened(client, project.uri, project.text) == []
    whole = types.TextDocumentContentChangeWholeDocument(text=project.text.replace(*MISTAKE))
    version = types.VersionedTextDocumentIdentifier(uri=project.uri, version=2)
    client.text_document_did_change(types.DidChangeTextDocumentParams(version, [whole]))
    (own,) = await said(client, project.uri)
    assert (own.code, own.source, own.severity) == ("E0204", "nsf", types.DiagnosticSeverity.Error)
    assert Text(client, whole.text).marked(own.range) == "stayy"
    allowed(client, own)
    back = types.TextDocumentContentChangeWholeDocument(text=project.text)
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(uri=project.uri, version=3), [back])
    )
    assert await said(client, project.uri) == []


def allowed(client: LanguageClient, own: types.Diagnostic) -> None:
    """Holds a diagnostic against what the client has said that it understands."""
    document = client.capabilities.text_document
    known = document and document.publish_diagnostics
    if not (known and known.related_information):
        assert own.related_information is None
    if not (known and known.tag_support):
        assert own.tags is None
    if not (known and known.code_description_support):
        assert own.code_description is None


async def test_related_places_and_tags_are_told_to_those_who_know_them(client: LanguageClient, project: Project):
    text = project.text + "\nstate plan_stay by (stu_id) {\n  keep: 1d\n  value { sent: duration = 0s }\n}\n\nconst nobody: int32 = 5\n"
    found = await opened(client, project.uri, text)
    assert found
    for own in found:
        allowed(client, own)


async def test_small_changes_land_where_the_client_means_them(client: LanguageClient, project: Project):
    first = 'const 班级: text = "a😀b"\nconst other: int32 = 5\n'
    uri = uri_of(project.folder / "small.nsf")
    await opened(client, uri, first)
    text = Text(client, first)
    changes = []
    for old, new in [("😀", "\\q"), ("班级", "班")]:
        changes.append(types.TextDocumentContentChangePartial(range=text.range(old), text=new))
        text.text = text.text.replace(old, new)
    identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=2)
    client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, changes))
    found = await said(client, uri)
    escape = [own for own in found if own.severity == types.DiagnosticSeverity.Error]
    assert [text.marked(own.range)[:2] for own in escape] == ["\\q"], found


async def test_a_quick_fix_mends(client: LanguageClient, project: Project):
    text = Text(client, project.text.replace(*MISTAKE))
    found = await opened(client, project.uri, text.text)
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(project.uri), found[0].range, types.CodeActionContext(diagnostics=found)
    )
    actions = await client.text_document_code_action_async(params) or []
    document = client.capabilities.text_document
    literal = document and document.code_action and document.code_action.code_action_literal_support
    if not literal:
        assert not any(isinstance(action, types.CodeAction) for action in actions), "this client knows commands alone"
        return
    fix = next(action for action in actions if isinstance(action, types.CodeAction) and action.edit)
    assert text.edited(edits_of(fix.edit, project.uri)) == project.text
    workspace = client.capabilities.workspace
    if not (workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes):
        assert fix.edit.document_changes is None


async def test_formatting_gives_the_one_layout(client: LanguageClient, project: Project):
    text = Text(client, project.text.replace("  key:  stu_id", "     key:stu_id").replace("  late: 1d", "late:    1d"))
    await opened(client, project.uri, text.text)
    options = types.FormattingOptions(tab_size=8, insert_spaces=False)
    params = types.DocumentFormattingParams(types.TextDocumentIdentifier(project.uri), options)
    edits = await client.text_document_formatting_async(params)
    if edits:
        assert text.edited(list(edits)) == project.text
    else:
        # What stands in column 0 inside of braces is a mistake, and what has mistakes is left alone.
        assert "\nlate:" in text.text


async def test_formatting_leaves_alone_what_has_mistakes(client: LanguageClient, project: Project):
    await opened(client, project.uri, project.text + "\nflow {\n")
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    params = types.DocumentFormattingParams(types.TextDocumentIdentifier(project.uri), options)
    assert not await client.text_document_formatting_async(params)


async def test_the_outline_has_the_form_that_the_client_knows(client: LanguageClient, project: Project):
    await opened(client, project.uri, project.text)
    params = types.DocumentSymbolParams(types.TextDocumentIdentifier(project.uri))
    symbols = await client.text_document_document_symbol_async(params)
    names = [symbol.name for symbol in symbols or []]
    assert names[:3] == ["stay_segment", "plan_info", "plan_stay"] or "plan_stay" in names
    document = client.capabilities.text_document
    nested = document and document.document_symbol and document.document_symbol.hierarchical_document_symbol_support
    assert all(isinstance(symbol, types.DocumentSymbol if nested else types.SymbolInformation) for symbol in symbols)
    if nested:
        text = Text(client, project.text)
        for symbol in symbols:
            assert symbol.name in text.marked(symbol.selection_range)
            assert text.marked(symbol.selection_range) in text.marked(symbol.range)


async def test_hover_speaks_the_form_that_the_client_reads(client: LanguageClient, project: Project):
    serves(client, "hover_provider")
    await opened(client, project.uri, project.text)
    place = Text(client, project.text).at("plan_stay\n  calculate")
    answer = await client.text_document_hover_async(types.HoverParams(types.TextDocumentIdentifier(project.uri), place))
    assert isinstance(answer.contents, types.MarkupContent) and "plan_stay" in answer.contents.value
    document = client.capabilities.text_document
    formats = document and document.hover and document.hover.content_format
    if not formats or types.MarkupKind.Markdown not in formats:
        assert answer.contents.kind == types.MarkupKind.PlainText


async def test_completion_has_snippets_only_for_those_who_know_them(client: LanguageClient, project: Project):
    serves(client, "completion_provider")
    await opened(client, project.uri, project.text)
    text = Text(client, project.text)
    for place in [text.at("stop      when stay ==", 17), types.Position(3, 0)]:
        params = types.CompletionParams(types.TextDocumentIdentifier(project.uri), place)
        answer = await client.text_document_completion_async(params)
        items = answer.items if isinstance(answer, types.CompletionList) else answer
        assert items
        document = client.capabilities.text_document
        item = document and document.completion and document.completion.completion_item
        if not (item and item.snippet_support):
            assert all(one.insert_text_format in (None, types.InsertTextFormat.PlainText) for one in items)
            assert not any("$" in (one.insert_text or "") for one in items)


async def test_a_definition_is_found(client: LanguageClient, project: Project):
    serves(client, "definition_provider")
    await opened(client, project.uri, project.text)
    text = Text(client, project.text)
    params = types.DefinitionParams(types.TextDocumentIdentifier(project.uri), text.at("sane_segment\n  save"))
    answer = await client.text_document_definition_async(params)
    first = answer[0] if isinstance(answer, list) else answer
    if isinstance(first, types.LocationLink):
        document = client.capabilities.text_document
        assert document.definition.link_support
        first = types.Location(first.target_uri, first.target_selection_range)
    assert first.uri == project.uri and text.marked(first.range) == "sane_segment"


async def test_references_are_found(client: LanguageClient, project: Project):
    serves(client, "references_provider")
    await opened(client, project.uri, project.text)
    text = Text(client, project.text)
    params = types.ReferenceParams(
        types.ReferenceContext(include_declaration=True),
        types.TextDocumentIdentifier(project.uri),
        text.at("plan_stay by"),
    )
    found = await client.text_document_references_async(params)
    assert [text.marked(one.range) for one in found] == ["plan_stay"] * project.text.count("plan_stay")


async def test_a_rename_changes_every_place(client: LanguageClient, project: Project):
    serves(client, "rename_provider")
    await opened(client, project.uri, project.text)
    text = Text(client, project.text)
    params = types.RenameParams(types.TextDocumentIdentifier(project.uri), text.at("plan_stay by"), "stay_of_plan")
    edit = await client.text_document_rename_async(params)
    assert text.edited(edits_of(edit, project.uri)) == project.text.replace("plan_stay", "stay_of_plan")
    workspace = client.capabilities.workspace
    if not (workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes):
        assert edit.document_changes is None


async def test_folding_and_hints_and_tokens_have_answers(client: LanguageClient, project: Project):
    await opened(client, project.uri, project.text)
    document = types.TextDocumentIdentifier(project.uri)
    provided = client.server_answer.capabilities
    if provided.folding_range_provider:
        assert await client.text_document_folding_range_async(types.FoldingRangeParams(document))
    if provided.inlay_hint_provider:
        span = Text(client, project.text).range(project.text)
        assert await client.text_document_inlay_hint_async(types.InlayHintParams(document, span)) is not None
    if provided.semantic_tokens_provider:
        answer = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document))
        assert answer.data and len(answer.data) % 5 == 0
    serves(client, "folding_range_provider")
    serves(client, "inlay_hint_provider")
    serves(client, "semantic_tokens_provider")


async def test_diagnostics_are_pulled_by_those_who_pull(client: LanguageClient, project: Project):
    document = client.capabilities.text_document
    if not (document and document.diagnostic):
        assert client.server_answer.capabilities.diagnostic_provider is None
        return
    serves(client, "diagnostic_provider")
    text = project.text.replace(*MISTAKE)
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(uri=project.uri, language_id="nsf", version=1, text=text))
    )
    params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(project.uri))
    answer = await client.text_document_diagnostic_async(params)
    assert isinstance(answer, types.RelatedFullDocumentDiagnosticReport)
    assert [own.code for own in answer.items] == ["E0204"]


async def test_a_file_outside_of_every_folder_is_served(client: LanguageClient, tmp_path):
    uri = uri_of(tmp_path / "elsewhere" / "alone.nsf")
    found = await opened(client, uri, "const a: int32 = b\n")
    assert any(own.severity == types.DiagnosticSeverity.Error for own in found)
