"""The kinds of file the library takes, the types of each, and what a declared type decides."""

from dataclasses import dataclass

from django.db import models


class MediaKind(models.TextChoices):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


@dataclass(frozen=True)
class FileType:
    mime_type: str
    extension: str
    kind: MediaKind


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_POWERPOINT = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

TYPES: dict[str, FileType] = {
    mime_type: FileType(mime_type, extension, kind)
    for kind, types in {
        MediaKind.IMAGE: {
            "image/jpeg": "jpg",
            "image/png": "png",
            "image/gif": "gif",
            "image/webp": "webp",
            "image/heic": "heic",
        },
        MediaKind.AUDIO: {
            "audio/mpeg": "mp3",
            "audio/mp4": "m4a",
            "audio/aac": "aac",
            "audio/ogg": "ogg",
            "audio/wav": "wav",
            "audio/amr": "amr",
            "audio/webm": "webm",
            "audio/3gpp": "3gp",
        },
        MediaKind.VIDEO: {
            "video/mp4": "mp4",
            "video/quicktime": "mov",
            "video/webm": "webm",
            "video/3gpp": "3gp",
            "video/ogg": "ogv",
        },
        MediaKind.DOCUMENT: {
            "application/pdf": "pdf",
            "application/msword": "doc",
            _WORD: "docx",
            "application/vnd.ms-excel": "xls",
            _EXCEL: "xlsx",
            "application/vnd.ms-powerpoint": "ppt",
            _POWERPOINT: "pptx",
            "text/plain": "txt",
            "text/csv": "csv",
        },
    }.items()
    for mime_type, extension in types.items()
}

# Containers that hold sound alone or sound and pictures: their bytes allow either kind.
_TWINS = [
    {MediaKind.AUDIO.value: f"audio/{container}", MediaKind.VIDEO.value: f"video/{container}"}
    for container in ("mp4", "ogg", "webm", "3gpp")
]
_TEXTS = {"text/plain", "text/csv"}
_CSV_TOO = {"application/csv", "text/x-csv", "text/comma-separated-values"}


def as_kind(mime_type: str, kind: str) -> FileType:
    """The type under which bytes of `mime_type` are a file of `kind`, if they can be one."""
    for twins in _TWINS:
        if mime_type in twins.values():
            return TYPES[twins.get(kind, mime_type)]
    return TYPES[mime_type]


def chosen_type(sniffed: str, declared: str) -> FileType:
    """What a file is whose bytes are `sniffed` and whose sender calls it `declared`.

    The declaration chooses among what the bytes allow; where they contradict it, they win.
    """
    if declared in _CSV_TOO:
        declared = "text/csv"
    if sniffed in _TEXTS and declared in _TEXTS:
        return TYPES[declared]
    return as_kind(sniffed, declared.partition("/")[0])
