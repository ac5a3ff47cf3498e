"""Links lead somewhere, commands exist, examples of the API are taken by the API."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from inro.api.errors import STATUS_OF
from tests.docs.pages import PAGES, ROOT, anchors_of, blocks
from tests.media_library.conftest import upload
from tests.media_library.files import noise

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"manage\.py (\w+)([^\n`]*)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path):
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / link).resolve() for link in LINK.findall(index.read_text(encoding="utf-8"))
    }
    assert {page for page in PAGES if page != index} <= linked


def commands() -> list[Any]:
    """Every call of manage.py in a page, and every one that a shell block makes."""
    found = [
        pytest.param(name, rest, id=f"{named(page)}-{number}-{name}")
        for page in PAGES
        for number, (name, rest) in enumerate(
            COMMAND.findall(page.read_text(encoding="utf-8").replace("\\\n", " "))
        )
    ]
    assert len(found) >= 8
    return found


@pytest.mark.parametrize(("name", "rest"), commands())
def test_commands_take_what_the_documents_give_them(name: str, rest: str):
    if name in {"migrate", "NAME"}:
        return
    parser = load_command_class(str(get_commands()[name]), name).create_parser("manage.py", name)
    words = shlex.split(rest.split(" (")[0].rstrip(".:)"), comments=True)
    if "--help" in words:
        return
    if not words and name in {"backup", "restore"}:
        words = ["DIR"]  # told of, not called
    parser.parse_args(words)


def test_commands_that_operations_lists_are_all_there_are():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.split("\n## Commands\n")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = {name for cell in first_cells for name in re.findall(r"`(\w+)", cell)}
    own = {"inro", "media_library", "messaging", "automations"}
    there = {name for name, app in get_commands().items() if str(app).split(".")[0] in own}
    assert listed == there


def test_make_targets_that_documents_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wanted = {
        name
        for page in PAGES
        for block in [*blocks(page, "sh"), *re.findall(r"`([^`\n]+)`", page.read_text())]
        for name in re.findall(r"(?:^|\s)make ([a-z-]+)", block)
    }
    assert {"run", "demo", "reference", "check"} <= wanted <= targets


def test_codes_of_the_api_are_told_with_their_status():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| (.*) \|$", text, re.MULTILINE)
    told = {code: int(status) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert told == STATUS_OF


def bodies(page: str) -> list[dict[str, Any]]:
    """What a page sends to `/scenarios`: in JSON blocks, or as the data of a curl."""
    path = ROOT / page
    sent = [json.loads(block) for block in blocks(path, "json")]
    for block in blocks(path, "sh"):
        given = re.findall(r"/scenarios [^']*'[^']*' -d '(.*?)'", block, re.DOTALL)
        sent += [json.loads(data) for data in given]
    return [body for body in sent if isinstance(body, dict) and "triggers" in body]


@pytest.mark.parametrize("page", ["docs/api.md", "README.md"])
def test_scenarios_of_the_documents_are_taken(api: Any, page: str):
    file = upload(api, noise("JPEG")).json()
    found = bodies(page)
    assert found
    for body in found:
        for action in body["actions"]:
            if "media_file" in action:
                action["media_file"] = {"id": file["id"]}
        answer = api.post("/api/v1/scenarios", body)
        assert answer.status_code == 201, answer.content
        assert answer.json()["warnings"] == []
        assert answer.json()["active"] is body.get("active", False)


def test_changelog_says_what_is_to_come_first():
    heads = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == "Unreleased"
