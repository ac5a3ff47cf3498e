"""What the API's documents show of conversations."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

AT = "2026-11-21T10:00:00.000000Z"

_CHANNEL: dict[str, Any] = {
    "id": 7,
    "uuid": "0c5b8d9e-5b0c-4b55-9a5e-6f6a3a1f0e11",
    "kind": "instagram",
    "name": "Shop",
    "account_id": "17841400000000000",
    "access_token": "•••wxyz",
    "app_secrets": ["•••cdef"],
    "login": "instagram",
    "webhook_url": "https://chat.example.com/webhooks/instagram/0c5b8d9e-5b0c-4b55-9a5e-6f6a3a1f0e11",
    "verify_token": "Zk3…",
    "status": "connected",
    "status_reason": "",
    "paused_until": None,
    "pacing": {"text_per_second": 100, "media_per_second": 10},
    "created_at": AT,
    "updated_at": AT,
}
_CONTACT: dict[str, Any] = {
    "id": 451,
    "name": "Jane Doe",
    "username": "jane",
    "email": "jane@example.com",
    "phone": "",
    "real_name": "",
    "language": "en",
    "status": "active",
    "notes": "",
    "bio": "",
    "website": "",
    "instagram_url": "https://www.instagram.com/jane",
    "profile_picture": "",
    "is_follower": True,
    "follower_count": 1234,
    "custom_properties": {},
    "folders": [],
    "channels": [
        {
            "channel_id": 7,
            "kind": "instagram",
            "external_id": "9001",
            "window_open_until": "2026-11-22T10:00:00.000000Z",
        }
    ],
    "last_messages": [
        {
            "id": 88,
            "message_type": "text",
            "direction": "inbound",
            "content": "hello",
            "received_at": AT,
            "received": True,
        }
    ],
    "created_at": AT,
    "updated_at": AT,
}
_BUTTONS = [
    {"type": "reply", "title": "Yes", "payload": "yes"},
    {"type": "url", "title": "Our shop", "url": "https://shop.example.com"},
]
_MESSAGE: dict[str, Any] = {
    "id": 89,
    "direction": "outbound",
    "channel_id": 7,
    "contact_id": 451,
    "batch_task_id": None,
    "message_type": "text",
    "text": "Nice to meet you, Jane!",
    "media_file": None,
    "buttons": _BUTTONS,
    "status": "sent",
    "error": None,
    "provider_message_id": "aWdfZAG1faXRlbTo…",
    "scheduled_at": None,
    "created_at": AT,
    "sent_at": AT,
    "delivered_at": None,
    "read_at": None,
}
_OUT: dict[str, Any] = {
    "id": 89,
    "to": "jane",
    "message_type": "image",
    "text": "",
    "media_url": "https://chat.example.com/media/123:Zm9vYmFy/welcome.jpg",
    "buttons": [],
    "at": AT,
}

CHANNEL = OpenApiExample("A channel", value=_CHANNEL, response_only=True)
CONTACT = OpenApiExample("A contact", value=_CONTACT, response_only=True)
_FIELDS = {"email": "jane@example.com", "phone": "+393331234567", "language": "it"}
NEW_CONTACT = OpenApiExample(
    "A contact who can be reached on a channel",
    request_only=True,
    value={
        "name": "Jane Doe",
        "email": "jane@example.com",
        "channels": [{"channel_id": 7, "external_id": "9001"}],
    },
)
CONTACT_CHANGE = OpenApiExample("Some fields", value=_FIELDS, request_only=True)
CONTACT_IN_BODY = OpenApiExample("Some fields", value={"contact": _FIELDS}, request_only=True)
LOCATED_CONTACT = OpenApiExample(
    "By username", value={"username": "jane", "contact": _FIELDS}, request_only=True
)
MESSAGE = OpenApiExample("A message", value=_MESSAGE, response_only=True)
OUT = OpenApiExample("A picture", value=_OUT, response_only=True)
EVENT = OpenApiExample("Taken", value={"event_id": 12}, response_only=True, status_codes=["202"])
