"""The reference pages of the floor: settings and commands."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from inro.common.referencing import PAGES, Page, code, table

_OWN = {"inro", "media_library", "messaging", "automations"}
_SETTING = re.compile(r"^(#?)([A-Z_]+)=(.*)$")


def register() -> None:
    PAGES.add(Page("settings", "Settings", settings_page))
    PAGES.add(Page("commands", "Commands", commands_page))


def settings_page() -> str:
    rows = list(settings_of((Path(settings.BASE_DIR) / ".env.example").read_text(encoding="utf-8")))
    about = (
        "Read from the environment, and from a file `.env` in the project's folder for what the "
        "environment does not set. A bad value stops the start and is named. Secrets marked with "
        "an asterisk may also be given as a file: `SECRET_KEY_FILE=/run/secrets/secret_key`."
    )
    return f"{about}\n\n{table(('Variable', 'Default', 'Meaning'), rows)}"


def settings_of(text: str) -> Iterator[tuple[str, str, str]]:
    """Variable, default and meaning of each line; a comment is about all lines down to a gap."""
    meaning: list[str] = []
    previous_was_comment = False
    for line in text.splitlines():
        found = _SETTING.match(line)
        if found and meaning:
            commented, name, value = found.groups()
            about = " ".join(meaning).replace("* ", "\\* ")
            default = "" if commented else code(value)
            told = re.search(r"Default: (.+?)\.?$", about)
            if commented and told:
                default, about = told[1], about[: told.start()].strip()
            yield f"`{name}`", default, about
        elif line.startswith("# "):
            meaning = [*meaning, line[2:]] if previous_was_comment else [line[2:]]
        elif not line:
            meaning = meaning[:0]
        previous_was_comment = line.startswith("# ")


def own_commands() -> dict[str, BaseCommand]:
    """The commands of this product, by name."""
    found = sorted(get_commands().items())
    own = [(name, str(app)) for name, app in found if str(app).partition(".")[0] in _OWN]
    return {name: load_command_class(app, name) for name, app in own}


def commands_page() -> str:
    about = (
        "Run them as `.venv/bin/python manage.py NAME`. Each prints its help with `--help`, and "
        "ends with a status other than 0 when it fails."
    )
    return "\n\n".join([about, *(_command(*item) for item in own_commands().items())])


def _command(name: str, command: BaseCommand) -> str:
    common = {each.dest for each in BaseCommand().create_parser("", "")._actions}
    arguments = command.create_parser("manage.py", name)._actions
    rows = [(_named(each), _explained(each)) for each in arguments if each.dest not in common]
    return f"## {name}\n\n{command.help}\n\n{table(('Argument', 'Meaning'), rows)}".strip()


def _named(argument: argparse.Action) -> str:
    name = argument.option_strings[-1] if argument.option_strings else ""
    value = argument.metavar or argument.dest.upper()
    takes_value = not (name and argument.nargs == 0)
    return code(" ".join(filter(None, [name, str(value) if takes_value else ""])))


def _explained(argument: argparse.Action) -> str:
    parts = []
    if argument.required and argument.option_strings:
        parts.append("Required.")
    if argument.help:
        parts.append(f"{argument.help[0].upper()}{argument.help[1:]}.")
    if argument.choices:
        parts.append(f"One of {', '.join(map(code, argument.choices))}.")
    default: Any = argument.default
    if default not in (None, "", False, argparse.SUPPRESS):
        parts.append(f"By default {code(default)}.")
    return " ".join(parts)
