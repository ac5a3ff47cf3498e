"""A download that takes longer than a request waits, as somebody sees it who looks on."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from media_library.models import Fetch, MediaFile
from tests.admin.test_scoping import address
from tests.browser.watching import NARROW, WIDE, faults_of
from tests.media_library.conftest import serve as serve
from tests.media_library.conftest import server as server
from tests.media_library.conftest import web as web
from tests.media_library.conftest import workers as workers

WALL = address(MediaFile, "changelist")


@dataclass
class Slow:
    """A server that keeps everybody waiting until it is let go."""

    serve: Any
    go_on: threading.Event = field(default_factory=threading.Event)

    def url(self, **answer: Any) -> str:
        return str(self.serve(path="/shop.jpg", hold=self.go_on, **answer))


@pytest.fixture
def slow(workers, serve, settings) -> Iterator[Slow]:
    settings.MEDIA_DOWNLOAD_WAIT = 0
    slow = Slow(serve)
    yield slow
    slow.go_on.set()


def bring(page: Page, url: str) -> MediaFile:
    """Through the form of the wall, up to where it says that this takes a while."""
    page.goto(WALL)
    page.evaluate("window.same = true")
    page.get_by_label("or by its address").fill(url)
    page.get_by_role("button", name="Add to the library").click()
    expect(page.locator("#brought")).to_contain_text(
        "is on its way: its card tells how the download goes"
    )
    return MediaFile.objects.get()


def look(page: Page, media_file: MediaFile) -> None:
    """At the file's own page, which says the same, while something is written there."""
    page.goto(address(MediaFile, "change", media_file.pk))
    page.evaluate("window.same = true")
    expect(page.locator("#live-about")).to_contain_text(
        "The file is still being downloaded. It shows here by itself."
    )
    expect(page.locator("#live-about dd").first).to_have_text("pending")
    page.get_by_label("Caption").fill("half a sent")
    assert faults_of(page) == []


def assert_not_loaded_again(*pages: Page) -> None:
    for page in pages:
        assert page.evaluate("window.same")
        assert faults_of(page) == []


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_arrives(browsing, operator, slow, workers, width):
    wall, page = browsing(operator, width=width), browsing(operator, width=width)
    media_file = bring(wall, slow.url())
    card = wall.locator(f"#card-{media_file.pk}")
    expect(card).to_contain_text("being downloaded")
    look(page, media_file)
    assert Fetch.objects.get().media_file == media_file
    slow.go_on.set()
    workers.finish()
    expect(card).to_contain_text("image · ")
    expect(card).not_to_contain_text("being downloaded")
    expect(page.locator("#live-about dd").first).to_have_text("ready")
    picture = page.locator("#live-about .preview img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    expect(page.get_by_label("Caption")).to_have_value("half a sent")
    assert_not_loaded_again(wall, page)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_label("Name")).to_have_value("shop.jpg")
    assert MediaFile.objects.values_list("name", "caption").get() == ("shop.jpg", "half a sent")


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_fails(browsing, operator, slow, workers, width):
    wall, page = browsing(operator, width=width), browsing(operator, width=width)
    media_file = bring(wall, slow.url(status=404))
    card = wall.locator(f"#card-{media_file.pk}")
    expect(card).to_contain_text("being downloaded")
    look(page, media_file)
    slow.go_on.set()
    workers.finish()
    why = MediaFile.objects.get().error_message
    assert "404" in why
    expect(card).to_contain_text(f"failed: {why}")
    expect(page.locator("#live-about")).to_contain_text(f"It could not be downloaded: {why}")
    expect(page.locator("#live-about dd").first).to_have_text("failed")
    expect(page.get_by_label("Caption")).to_have_value("half a sent")
    assert_not_loaded_again(wall, page)
