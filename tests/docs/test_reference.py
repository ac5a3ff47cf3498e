"""The reference says what the code does, all of it."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from automations.actions import ACTION_TYPES
from automations.triggers import TRIGGER_TYPES
from inro.api.errors import STATUS_OF
from inro.api.references import MEANINGS
from inro.common.references import own_commands, settings_of
from inro.common.referencing import PAGES, Page, table
from messaging.channels import CHANNELS
from tests.docs.pages import ROOT


def test_pages_are_current():
    call_command("write_reference", "--check")


@pytest.mark.parametrize("page", [*PAGES], ids=lambda page: page.name)
def test_no_page_without_its_text(page: Page):
    assert page.path.parent == ROOT / "docs" / "reference"
    assert page.path.read_text(encoding="utf-8").startswith("<!-- Written by")


def test_no_page_of_something_that_has_gone():
    there = {path.stem for path in (ROOT / "docs" / "reference").iterdir()}
    assert there == set(PAGES.keys())


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("actions", ACTION_TYPES.keys()),
        ("triggers", TRIGGER_TYPES.keys()),
        ("channels", [each.label for each in CHANNELS]),
        ("commands", own_commands()),
    ],
)
def test_everything_has_its_section(page: str, names: Any):
    sections = re.findall(r"^## (.*)$", PAGES[page].text, re.MULTILINE)
    assert sections == list(names)


def test_every_code_has_a_meaning():
    assert set(MEANINGS) == set(STATUS_OF)


def test_every_setting_has_a_line_and_a_meaning():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    lines = list(settings_of(example))
    assert [name for name, _, _ in lines] == [f"`{name}`" for name in names]
    assert [name for name, _, meaning in lines if not meaning] == []


def test_settings_are_read_as_the_example_tells_them():
    text = "# How many\nMOST=3\n\n# Where.\n# Default: here\n#PLACE=x\n\n# Which\nA=1\nB=\n"
    assert list(settings_of(text)) == [
        ("`MOST`", "`3`", "How many"),
        ("`PLACE`", "here", "Where."),
        ("`A`", "`1`", "Which"),
        ("`B`", "", "Which"),
    ]


@pytest.fixture
def elsewhere(settings: Any, tmp_path: Path) -> Path:
    for name in (".env.example", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    settings.BASE_DIR = tmp_path
    return tmp_path / "docs" / "reference"


def test_writes_what_is_missing_or_stale_and_nothing_else(elsewhere: Path, capsys: Any):
    with pytest.raises(
        CommandError, match="Not current: settings, commands, errors, forms, channels"
    ):
        call_command("write_reference", "--check")
    assert not elsewhere.exists()
    call_command("write_reference")
    assert len(capsys.readouterr().out.split()) == len(PAGES)
    (elsewhere / "actions.md").write_text("mine")
    with pytest.raises(CommandError, match=r"Not current: actions\. Write them: make reference"):
        call_command("write_reference", "--check")
    assert (elsewhere / "actions.md").read_text() == "mine"
    call_command("write_reference")
    assert capsys.readouterr().out.split() == [str(elsewhere / "actions.md")]
    call_command("write_reference", "--check")


def test_cells_hold_what_would_end_them():
    assert table(("A",), [["x | y\nz"]]) == "| A |\n| --- |\n| x \\| y z |"
    assert table(("A",), []) == ""
