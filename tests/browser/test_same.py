"""The footer of a page says the same thing in the CLI and the API: both lines are run here."""

import gc
import html
import json
import re
import shlex
import urllib.request

import pytest

from rackrate.cli.main import run
from tests.browser.conftest import Site
from tests.browser.test_guard import Client
from tests.browser.test_pages import OPERATOR


@pytest.fixture(scope="module")
def lines(site: Site) -> dict[str, tuple[str, str]]:
    """Path to its (command, request), for every page that has a footer."""
    client = Client(site.url)
    client.sign_in(site.cloud.tokens["admin"])
    found: dict[str, tuple[str, str]] = {}
    for path in OPERATOR:
        body = client.get(path.format_map(site.cloud.leases)).body
        said = dict(re.findall(r'data-same="(cli|api)"[^>]*>([^<]*)<', body))
        if said:
            found[path] = (html.unescape(said["cli"]), html.unescape(said["api"]))
    return found


def test_every_page_but_the_jump_has_both(lines: dict[str, tuple[str, str]]) -> None:
    assert set(OPERATOR) - lines.keys() == {"/jump"}


def test_the_requests_are_answered(site: Site, lines: dict[str, tuple[str, str]]) -> None:
    for path, (_, line) in lines.items():
        method, address, *body = line.split(" ", 2)
        request = urllib.request.Request(
            site.url + address, body[0].encode() if body else None, method=method
        )
        request.add_header("Authorization", f"Bearer {site.cloud.tokens['admin']}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status < 300, path


# A command ends its process, and its connection with it; here the process goes on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_commands_are_carried_out(
    site: Site,
    lines: dict[str, tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RACKRATE_URL", site.url)
    monkeypatch.setenv("RACKRATE_TOKEN", site.cloud.tokens["admin"])
    for path, (line, _) in lines.items():
        program, *arguments = shlex.split(line)
        assert program == "rackrate"
        code = run(arguments)
        assert code == 0, f"{path}: {line}: {capsys.readouterr().err}"
    gc.collect()


def test_the_api_says_what_the_page_shows(site: Site) -> None:
    request = urllib.request.Request(f"{site.url}/v1/leases?live=true")
    request.add_header("Authorization", f"Bearer {site.cloud.tokens['admin']}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        ids = [lease["id"] for lease in json.load(answer)["items"]]
    client = Client(site.url)
    client.sign_in(site.cloud.tokens["admin"])
    body = client.get("/leases").body
    assert ids and all(id in body for id in ids)
