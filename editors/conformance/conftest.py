"""The profiles of clients that every feature is asked with, and a project to ask about."""

import os
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

CLASSROOM = Path(__file__).parents[2] / "examples" / "classroom"

# Seconds that a message may take.
LIMIT = float(os.environ.get("LIMIT", "20"))


def bare() -> types.ClientCapabilities:
    """A client that can do nothing: what it gets is what every client must understand."""
    return types.ClientCapabilities()


def rich() -> types.ClientCapabilities:
    """The newest Neovim, with UTF-8 before all else."""
    capabilities = client_capabilities("neovim@v0.11")
    capabilities.general.position_encodings = ["utf-8"]
    return capabilities


PROFILES = {
    "vscode": lambda: client_capabilities("visual_studio_code"),
    "neovim-0.7": lambda: client_capabilities("neovim@v0.7"),
    "neovim-0.11": lambda: client_capabilities("neovim@v0.11"),
    "emacs-29": lambda: client_capabilities("emacs"),
    "utf-8": rich,
    "bare": bare,
}


class Project:
    """A copy of the classroom, under a path that addresses have to escape."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a class 班 %41"
        shutil.copytree(CLASSROOM, self.folder, ignore=shutil.ignore_patterns(".nsf", "data", "expected"))
        self.duration = self.folder / "classroom" / "duration.nsf"
        self.text = self.duration.read_text()

    @property
    def uri(self) -> str:
        return uri_of(self.duration)


def uri_of(path: Path) -> str:
    return "file://" + quote(str(path))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=[os.environ.get("NSFC", "nsfc"), "lsp"]), params=list(PROFILES)
)
async def client(lsp_client: LanguageClient, request: pytest.FixtureRequest, project: Project):
    profile = request.param
    lsp_client.registered = []

    @lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(given: types.RegistrationParams) -> None:
        lsp_client.registered += [one.method for one in given.registrations]

    capabilities = PROFILES[profile]()
    folder = uri_of(project.folder)
    params = types.InitializeParams(capabilities=capabilities, root_uri=folder)
    if profile == "bare":
        params.root_uri = None
    elif profile != "neovim-0.7":
        params.workspace_folders = [types.WorkspaceFolder(uri=folder, name="")]
    lsp_client.server_answer = await lsp_client.initialize_session(params)
    lsp_client.profile = profile
    yield
    await lsp_client.shutdown_session()
    assert lsp_client._server.returncode == 0


MISSING: set[str] = set()


def serves(client: LanguageClient, provider: str) -> None:
    """Goes on where the server says that it can do something; where it cannot, that is told of at the end."""
    if getattr(client.server_answer.capabilities, provider) in (None, False):
        MISSING.add(provider)
        pytest.skip(f"this nsfc has no {provider}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "known(why): what is not yet as the protocol wants it; told of at the end")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if known := item.get_closest_marker("known"):
            item.add_marker(pytest.mark.xfail(reason=known.args[0], strict=False))


def pytest_terminal_summary(terminalreporter) -> None:
    known = {report.wasxfail for report in terminalreporter.stats.get("xfailed", [])}
    for why in sorted(known | {f"this nsfc has no {provider}" for provider in MISSING}):
        terminalreporter.write_line(f"NOT SHOWN: conformance: {why}")
