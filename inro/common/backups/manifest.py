"""The list of what a backup holds, by which it is judged before anything is restored."""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings

from inro.common.backups import BackupError

NAME = "manifest.json"
FORMAT = 1
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Part:
    size: int
    sha256: str


@dataclass
class Manifest:
    """`migrations` and `rows` (by table) are those of the copied database; None without one."""

    made_at: str
    version: str
    migrations: list[tuple[str, str]] | None = None
    rows: dict[str, int] | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    # Whether stored files were to be copied: they may be kept where they are safe by themselves.
    with_files: bool = True
    # Stored files that were missing or changed already when the copy was made.
    damaged: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1)
        (folder / NAME).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises BackupError."""
        try:
            given: Any = json.loads((folder / NAME).read_text(encoding="utf-8"))
            if given.pop("format") != FORMAT:
                raise BackupError("Another version of the product made this backup; use that.")
            parts = {name: Part(**part) for name, part in given.pop("parts").items()}
            migrations = given.pop("migrations")
            applied = None if migrations is None else [(app, name) for app, name in migrations]
            found = cls(**given, migrations=applied, parts=parts)
        except OSError:
            raise BackupError(f"{folder} is no backup: it has no {NAME}.") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BackupError(f"The {NAME} of {folder} cannot be read.") from None
        if bad := [name for name in found.parts if not _is_inside(name)]:
            raise BackupError(f"The {NAME} names {bad[0]!r}, which lies outside the backup.")
        return found

    def faults(self, folder: Path) -> Iterator[str]:
        """What of `folder` is not as it was written."""
        for name, part in self.parts.items():
            path = folder / name
            if path.is_symlink() or not path.is_file():
                yield f"{name} is missing."
            elif part != measured(path):
                yield f"{name} has changed."


def measured(path: Path) -> Part:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Part(size, digest.hexdigest())


def version() -> str:
    described = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    return str(described["project"]["version"])


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
