"""The media list and the upload, beside a plain ModelViewSet."""

import io
import itertools
from collections.abc import Callable
from contextlib import ExitStack

from PIL import Image

from bench.loading import Ask, Measured, load
from bench.measuring import Usage, table
from bench.serving import Place, inro, plain, served

ROWS, MANY, PER_PAGE = 1_200, 100_000, 50
CONNECTIONS, SECONDS, ROUNDS = 8, 5, 3
HEAD = ("", "per second", "p50 ms", "p95 ms", "p99 ms", "CPU ms each", "MB", "× plain")
_FILL = """
from django.core.management import call_command
from django.db import connection
from inro.accounts.models import ApiToken, Workspace
from media_library.models import Blob, MediaFile
call_command("migrate", verbosity=0)
ours, _ = Workspace.objects.get_or_create(subdomain="bench", defaults={{"plan": "pro"}})
have = MediaFile.objects.count()
for start in range(have, {rows}, 5_000):
    numbers = range(start, min(start + 5_000, {rows}))
    blobs = Blob.objects.bulk_create(
        Blob(workspace=ours, sha256=f"{{number:064x}}", size=34_000 + number,
             mime_type="image/jpeg", storage_name=f"blobs/{{number}}", width=1200, height=800,
             examined="done")
        for number in numbers)
    MediaFile.objects.bulk_create(
        MediaFile(workspace=ours, media_type="image", blob=blob, name=f"file {{blob.size}}.jpg",
                  caption="Spring sale", search_text="spring sale") for blob in blobs)
with connection.cursor() as cursor:
    cursor.execute("ANALYZE")
print(ApiToken.issue(ours)[1])
"""
_FILL_PLAIN = "from bench.plain.filling import fill; print(fill({rows}))"


def run() -> None:
    with ExitStack() as stack:
        ours, reference = stack.enter_context(inro()), stack.enter_context(plain())
        keys = _filled(ours), reference.python(_FILL_PLAIN.format(rows=ROWS))
        address, pid = stack.enter_context(served(ours, "inro.wsgi:application"))
        other, other_pid = stack.enter_context(served(reference, "bench.plain.wsgi:application"))
        mine = {"Authorization": f"Bearer {keys[0]}"}
        theirs = {"Authorization": f"Token {keys[1]}"}
        lists = Ask("GET", f"{address}/api/v1/media_files?per_page={PER_PAGE}", mine)
        their_lists = Ask("GET", f"{other}/media_files", theirs)
        _compare(f"Media list, {PER_PAGE} of {ROWS:,}", (lists, pid), (their_lists, other_pid))
        uploads = _upload(f"{address}/api/v1/media_files", mine)
        their_uploads = _upload(f"{other}/media_files", theirs)
        _compare("Upload of a 34 KB JPEG", (uploads, pid), (their_uploads, other_pid))
        _depths(ours, address, mine)
        _compare(f"The same at {MANY:,} files of ours", (uploads, pid), (their_uploads, other_pid))


def _filled(where: Place, rows: int = ROWS) -> str:
    return where.python(_FILL.format(rows=rows))


def _compare(title: str, ours: tuple[Ask, int], reference: tuple[Ask, int]) -> None:
    """In turns, so that whatever else the machine does hits both; the best round of each."""
    best: dict[str, tuple[Measured, float, float]] = {}
    sides = {"inro": ours, "plain DRF": reference}
    for ask, _ in sides.values():
        load(ask, 1, CONNECTIONS)
    for _ in range(ROUNDS):
        for name, (ask, pid) in sides.items():
            usage = Usage(pid)
            measured = load(ask, SECONDS, CONNECTIONS)
            found = measured, usage.seconds() / measured.count * 1000, usage.megabytes()
            if name not in best or measured.per_second > best[name][0].per_second:
                best[name] = found
    floor = best["plain DRF"][0].per_second
    rows = [
        (name, each.per_second, each.p50, each.p95, each.p99, cpu, mb, each.per_second / floor)
        for name, (each, cpu, mb) in best.items()
    ]
    table(title, HEAD, rows)


def _depths(where: Place, address: str, headers: dict[str, str]) -> None:
    """By cursor, the last page costs what the first one does."""
    rows = []
    for total in (ROWS, MANY):
        headers = {"Authorization": f"Bearer {_filled(where, total)}"}
        for depth in (0.0, 0.5, 0.99):
            measured = load(_at(where, address, headers, depth), SECONDS, CONNECTIONS)
            cells = measured.per_second, measured.p50, measured.p99
            rows.append((f"{total:,} files, {depth:.0%} down", *cells))
    table("Media list by cursor", ("", "per second", "p50 ms", "p99 ms"), rows)


def _at(where: Place, address: str, headers: dict[str, str], depth: float) -> Ask:
    cursor = where.python(
        "from base64 import urlsafe_b64encode\n"
        "from media_library.models import MediaFile\n"
        "ids = MediaFile.objects.order_by('-pk').values_list('pk', flat=True)\n"
        f"at = ids[int(ids.count() * {depth})]\n"
        "print(urlsafe_b64encode(str(at + 1).encode()).decode().rstrip('='))"
    )
    query = f"per_page={PER_PAGE}&cursor={cursor}"
    return Ask("GET", f"{address}/api/v1/media_files?{query}", headers)


def _upload(url: str, headers: dict[str, str]) -> Ask:
    multipart = {**headers, "Content-Type": "multipart/form-data; boundary=frontier"}
    return Ask("POST", url, multipart, expected=201, make=_bodies())


def _bodies() -> Callable[[], tuple[bytes, dict[str, str]]]:
    """A picture of 34 KB, each time other bytes: nothing is gained by knowing the last."""
    picture, numbers = _picture(34_000), itertools.count()

    def make() -> tuple[bytes, dict[str, str]]:
        high, low = divmod(next(numbers), 65_000)
        density = (high + 1).to_bytes(2, "big") + (low + 1).to_bytes(2, "big")
        head = (
            b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
            b"Content-Type: image/jpeg\r\n\r\n"
        )
        # In the JFIF header: a comment would be taken out again.
        changed = picture[:14] + density + picture[18:]
        return head + changed + b"\r\n--frontier--\r\n", {}

    return make


def _picture(size: int) -> bytes:
    """The best quality of a photo-like picture that fits."""
    noise = Image.effect_noise((100, 75), 40).resize((800, 600)).convert("RGB")
    for quality in range(90, 5, -3):
        out = io.BytesIO()
        noise.save(out, "JPEG", quality=quality)
        if out.tell() <= size:
            return out.getvalue()
    raise ValueError("no quality makes it small enough")
