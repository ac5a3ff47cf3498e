"""What a person can tap under a message, in our words; each channel shows it in its own way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class ButtonType(StrEnum):
    REPLY = "reply"  # the tap comes back to us, with `payload`
    URL = "url"  # the tap opens `url`


@dataclass(frozen=True, slots=True)
class Button:
    type: ButtonType
    title: str
    payload: str = ""
    url: str = ""

    @classmethod
    def reply(cls, title: str, payload: str) -> Self:
        return cls(ButtonType.REPLY, title, payload=payload)

    @classmethod
    def link(cls, title: str, url: str) -> Self:
        return cls(ButtonType.URL, title, url=url)


def written_out(text: str, buttons: Iterable[Button]) -> str:
    """`text` followed by `buttons` as lines: answers numbered, since a number answers too."""
    lines = [text] if text.strip() else []
    number = 0
    for each in buttons:
        if each.type == ButtonType.URL:
            lines.append(f"{each.title}: {each.url}")
        else:
            number += 1
            lines.append(f"{number}. {each.title}")
    return "\n".join(lines)


def as_rows(buttons: Iterable[Button]) -> list[dict[str, str]]:
    """As `Message.buttons` stores them and the API shows them."""
    rows = []
    for each in buttons:
        value = {"url": each.url} if each.type == ButtonType.URL else {"payload": each.payload}
        rows.append({"type": each.type.value, "title": each.title, **value})
    return rows


def from_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[Button, ...]:
    return tuple(
        Button(
            ButtonType(row["type"]),
            row["title"],
            payload=row.get("payload", ""),
            url=row.get("url", ""),
        )
        for row in rows
    )
