"""The public page behind every file's `url`."""

from collections.abc import Iterator
from http import HTTPStatus

from django.core.files import File
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header, parse_etags
from django.views.decorators.http import require_safe

from inro.api.errors import RETRY_AFTER_SECONDS, STATUS_OF, body
from inro.common.errors import Refused
from inro.common.storing import ADDRESS_SECONDS
from media_library import naming, serving
from media_library.kinds import MediaKind
from media_library.storage import address_of, open_blob

_CHUNK_BYTES = 64 * 1024
_CACHED_FOR = 60 * 60
# A redirect is kept for half as long as the address that it leads to is good.
_REDIRECT_CACHED_FOR = ADDRESS_SECONDS // 2
# Whatever the bytes are, a browser shows them and runs nothing.
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@require_safe
def media(request: HttpRequest, signed: str, name: str) -> HttpResponseBase:
    """`name` is for people and for providers that look at the extension; nothing depends on it."""
    served = serving.find(signed)
    if served is None:
        response = _refusal(Refused("not_found", "There is no such file."))
    else:
        response = _redirect(request, served) or _answer(request, signed, served)
    for header, value in _ALWAYS.items():
        response[header] = value
    return response


def _refusal(refused: Refused) -> HttpResponseBase:
    response = JsonResponse(body(refused.code, refused.message), status=STATUS_OF[refused.code])
    if refused.code in RETRY_AFTER_SECONDS:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS[refused.code])
    return response


def _redirect(request: HttpRequest, served: serving.Served) -> HttpResponseBase | None:
    """To the storage, where it serves files itself; parts and conditions are its matter then."""
    method = request.method or "GET"
    try:
        address = address_of(served.blob, served.file_type.mime_type, _disposition(served), method)
    except Refused as refused:
        return _refusal(refused)
    if address is None:
        return None
    response = HttpResponse(status=HTTPStatus.FOUND, headers={"Location": address})
    del response["Content-Type"]
    # The address is good for one method only, and a cache may take the one answer for the other.
    if method == "HEAD":
        patch_cache_control(response, no_store=True)
    else:
        patch_cache_control(response, private=True, max_age=_REDIRECT_CACHED_FOR)
    return response


def _disposition(served: serving.Served) -> str:
    """Documents are saved, what a browser shows is shown."""
    saved = served.file_type.kind == MediaKind.DOCUMENT and served.file_type.extension != "pdf"
    name = naming.to_save(served.media_file.name, served.file_type)
    return content_disposition_header(saved, name) or "inline"


def _answer(request: HttpRequest, signed: str, served: serving.Served) -> HttpResponseBase:
    etag = f'"{served.blob.sha256}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in known or etag in {each.removeprefix("W/") for each in known}:
        response: HttpResponseBase = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
        response["Content-Length"] = str(served.blob.size)  # as the 200 would have
    else:
        try:
            response = _bytes(request, served, etag)
        except serving.NotSatisfiableError:
            response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            response["Content-Range"] = f"bytes */{served.blob.size}"
        except FileNotFoundError:
            return _moved_on(request, signed, served)
        except Refused as refused:
            return _refusal(refused)
    response["Content-Type"] = served.file_type.mime_type
    response["ETag"] = etag
    response["Accept-Ranges"] = "bytes"
    patch_cache_control(response, private=True, max_age=_CACHED_FOR)
    return response


def _moved_on(request: HttpRequest, signed: str, served: serving.Served) -> HttpResponseBase:
    """The file has other bytes since it was looked up, or its bytes are lost."""
    again = serving.find(signed)
    if again is None or again.blob.storage_name == served.blob.storage_name:
        return _refusal(Refused("not_found", "The bytes of this file are no longer there."))
    return _answer(request, signed, again)


def _bytes(request: HttpRequest, served: serving.Served, etag: str) -> HttpResponseBase:
    blob = served.blob
    part = _part(request, blob.size, etag)
    file = open_blob(blob)
    start, length = part or (0, blob.size)
    if request.method == "HEAD":
        file.close()
        response: HttpResponseBase = HttpResponse()
    else:
        response = StreamingHttpResponse(_Chunks(file, start, length))
    if part:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response["Content-Range"] = f"bytes {start}-{start + length - 1}/{blob.size}"
    response["Content-Length"] = str(length)
    response["Content-Disposition"] = _disposition(served)
    return response


def _part(request: HttpRequest, size: int, etag: str) -> serving.Part | None:
    asked = request.headers.get("Range", "")
    if request.method != "GET" or request.headers.get("If-Range", etag) != etag:
        return None
    return serving.read_range(asked, size)


class _Chunks:
    """A stretch of a file, read as it is sent; closed by the response, begun or not."""

    def __init__(self, file: File, start: int, length: int) -> None:
        self._file = file
        self._left = length
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        while self._left and (chunk := self._file.read(min(_CHUNK_BYTES, self._left))):
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        self._file.close()
