"""The reference in `docs/reference`, written from the code, so that it cannot say otherwise."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from inro.common.registry import Registry

FOLDER = Path("docs/reference")
WRITTEN_BY = "<!-- Written by `make reference` from the code: change it there. -->"


@dataclass(frozen=True)
class Page:
    """`render()` is its text below the title, in Markdown."""

    name: str
    title: str
    render: Callable[[], str]

    @property
    def path(self) -> Path:
        return Path(settings.BASE_DIR) / FOLDER / f"{self.name}.md"

    @property
    def text(self) -> str:
        return f"{WRITTEN_BY}\n# {self.title}\n\n{self.render().strip()}\n"


PAGES: Registry[Page] = Registry("reference pages", key=lambda page: page.name)


def write_pages() -> list[Path]:
    """Write what is not as it should be; those files."""
    written = []
    for page in PAGES:
        if is_stale(page):
            page.path.parent.mkdir(parents=True, exist_ok=True)
            page.path.write_text(page.text, encoding="utf-8")
            written.append(page.path)
    return written


def is_stale(page: Page) -> bool:
    return not page.path.exists() or page.path.read_text(encoding="utf-8") != page.text


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; empty where there are no rows."""
    lines = [_line([_cell(each) for each in row]) for row in rows]
    if not lines:
        return ""
    return "\n".join([_line(heads), _line(["---"] * len(heads)), *lines])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def code(value: object) -> str:
    return f"`{value}`" if value not in ("", None) else ""
