"""What a tool says about itself; everything else is the API operation behind it."""

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from inro.common.errors import Details

ROOT = "/api/v1/"


class Tool:
    """One operation of the API: its docstring's first line is the title, the rest says when to
    call it. Arguments are the operation's path parameters and its query or body."""

    name: ClassVar[str]
    method: ClassVar[str] = "GET"
    path: ClassVar[str]
    example: ClassVar[Mapping[str, Any]] = {}
    destructive: ClassVar[bool] = False

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    @property
    def in_query(self) -> bool:
        """Whether its arguments are the operation's query; they are its body otherwise."""
        return self.method in ("GET", "DELETE")

    @property
    def address(self) -> str:
        """The operation's path as the API documents it."""
        return f"{ROOT}{self.path}"

    @property
    def path_names(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def title(self) -> str:
        return self._text().partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        about = " ".join(self._text().partition("\n")[2].split())
        return f"{about} Example: {json.dumps(self.example, ensure_ascii=False)}"

    def _text(self) -> str:
        return inspect.cleandoc(type(self).__doc__ or "")

    def refusals(self, arguments: Mapping[str, Any]) -> Details:
        """What agents may not send although the API takes it."""
        return {}

    def told(self, details: Details) -> Details:
        """What the API names as faults, in words for those who have this tool only."""
        return details
