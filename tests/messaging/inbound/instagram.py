"""Instagram's notifications in our own words, with the shapes of its documentation."""

import hashlib
import hmac
import json
from itertools import count
from typing import Any

from inro.accounts.models import Workspace
from messaging.connecting import connect_channel
from messaging.models import Channel

SECRET = "the-app-secret-of-the-shop"
ACCOUNT = "17841400000000001"
JANE = "900100"
NOON = 1_767_268_800_000  # 2026-01-01 12:00 UTC in ms

_numbers = count(1)


def connect(
    workspace: Workspace, account_id: str = ACCOUNT, secrets: tuple[str, ...] = (SECRET,)
) -> Channel:
    options = {
        "account_id": account_id,
        "access_token": "IGAA-token-of-the-shop",
        "app_secrets": list(secrets),
    }
    return connect_channel(workspace, "instagram", "Shop", options)


def item(
    sender: str = JANE, recipient: str = ACCOUNT, at: int = NOON, **event: Any
) -> dict[str, Any]:
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": at, **event}


def message(text: str = "hello", mid: str = "", **rest: Any) -> dict[str, Any]:
    """A message item; `sender`, `recipient`, `at` and further parts of the message by name."""
    around = {name: rest.pop(name) for name in ("sender", "recipient", "at") if name in rest}
    mid = mid or f"mid.{next(_numbers)}"
    return item(**around, message={"mid": mid, "text": text, **rest})


def echo(text: str, mid: str = "", to: str = JANE, at: int = NOON) -> dict[str, Any]:
    return message(text, mid, sender=ACCOUNT, recipient=to, at=at, is_echo=True)


def body(*items: Any, account: str = ACCOUNT, name: str = "messaging") -> dict[str, Any]:
    return {"object": "instagram", "entry": [{"id": account, "time": NOON, name: list(items)}]}


def comment(text: str = "nice", comment_id: str = "c1", person: str = JANE) -> dict[str, Any]:
    return {
        "field": "comments",
        "value": {
            "id": comment_id,
            "from": {"id": person, "username": "jane.doe"},
            "text": text,
            "media": {"id": "180", "media_product_type": "FEED"},
        },
    }


def signature(raw: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()
