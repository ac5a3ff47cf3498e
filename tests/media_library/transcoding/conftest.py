from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from media_library.transcoding import Job, TranscodingFailed, transcode


class Maker:
    """A folder with a source in it; afterwards, nothing is there but what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = folder / "source", folder / "made"
        self.percents: list[int] = []

    def make(self, form: str, mime_type: str, data: bytes, max_bytes: int = 5_000_000) -> Path:
        self.source.write_bytes(data)
        self.percents.clear()
        transcode(
            self.source,
            self.target,
            Job(form, max_bytes, mime_type),
            progress=self.percents.append,
            cancelled=lambda: False,
        )
        assert 0 < self.target.stat().st_size <= max_bytes
        assert self.percents == sorted(self.percents)
        assert self.names() == {"source", "made"}
        return self.target

    def failing(
        self, form: str, mime_type: str, data: bytes, max_bytes: int = 5_000_000
    ) -> TranscodingFailed:
        self.source.write_bytes(data)
        return self.failing_with(
            lambda: transcode(
                self.source,
                self.target,
                Job(form, max_bytes, mime_type),
                progress=self.percents.append,
                cancelled=lambda: False,
            )
        )

    def failing_with(self, call: Callable[[], None]) -> TranscodingFailed:
        with pytest.raises(TranscodingFailed) as caught:
            call()
        assert self.names() == {"source"}
        return caught.value

    def names(self) -> set[str]:
        return {each.name for each in self.source.parent.iterdir()}


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    folder = tmp_path / "work"
    folder.mkdir()
    return Maker(folder)
