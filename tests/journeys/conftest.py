import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.journeys.product import Product
from tests.journeys.standin import InstagramStandIn, PictureServer


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A JPEG of a size that does not fit into one network packet."""
    noise = Image.effect_noise((640, 480), 60).convert("RGB")
    file = io.BytesIO()
    noise.save(file, "JPEG", quality=85)
    return file.getvalue()


@pytest.fixture
def standin() -> Iterator[InstagramStandIn]:
    server = InstagramStandIn()
    yield server
    server.close()


@pytest.fixture
def pictures(picture: bytes) -> Iterator[PictureServer]:
    server = PictureServer(picture)
    yield server
    server.close()


@pytest.fixture
def product(
    tmp_path: Path, standin: InstagramStandIn, pictures: PictureServer
) -> Iterator[Product]:
    """The running product, with both stand-ins within its reach."""
    made = Product(
        tmp_path / "a folder",
        INSTAGRAM_API_URL=standin.url,
        OUTGOING_ALLOW_HOSTS=pictures.host,
        UNCONFIRMED_AFTER="6",
        MEDIA_DOWNLOAD_WAIT="3",
    )
    try:
        made.start()
        yield made
    finally:
        if sys.exc_info()[0]:
            print("\n".join(made.output))
        made.destroy()


@pytest.fixture(autouse=True)
def show_output_on_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    made = request.node.funcargs.get("product")
    if made is not None:
        print("\n".join(made.output[-200:]))
