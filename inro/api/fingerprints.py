"""What a request asks for, as one digest that does not depend on how its body was encoded."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.request import Request


def fingerprint(request: Request) -> str:
    """The digest of the parameters, the fields and the files' bytes.

    A form knows texts only. So numbers and booleans count as the texts they are written as, and a
    text that is a JSON object or list counts as what it holds.
    """
    content = {"query": _fields(request.query_params), "body": _fields(request.data)}
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _fields(data: Any) -> Any:
    if isinstance(data, QueryDict):
        data = {name: each if len(each) != 1 else each[0] for name, each in data.lists()}
    if isinstance(data, Mapping):
        return {str(name): _value(_opened(value)) for name, value in data.items()}
    return _value(data)


def _opened(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _value(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_value(each) for each in value]
    if isinstance(value, UploadedFile):
        return {"file": _digest(value)}
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return value


def _digest(file: UploadedFile) -> str:
    digest = sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
