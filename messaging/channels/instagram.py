"""Instagram: what a channel takes, what it can carry, how it is called and what answers mean."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.validators import RegexValidator
from rest_framework import serializers

from inro.api.serializers import ChoiceField, StrictSerializer
from messaging.buttons import Button, ButtonType
from messaging.channels import instagram_webhooks
from messaging.channels.base import (
    Account,
    Capabilities,
    EventKind,
    InboundContent,
    InboundEvent,
    MediaLimit,
    Outcome,
    Outgoing,
    ProviderRequest,
)
from messaging.channels.fields import SecretField
from messaging.channels.layouts import Layout
from messaging.channels.meta import GRAPH_ERRORS, ErrorTable, Meaning, MetaChannelType
from messaging.models.messages import MessageType
from messaging.pacing import Pacing

API_URLS = {
    "instagram": "https://graph.instagram.com/v26.0",
    "facebook": "https://graph.facebook.com/v26.0",
}
# What `me` must show of the account that a token is for.
_OWNER_FIELDS = {"instagram": "user_id,username", "facebook": "instagram_business_account"}
MB = 1024 * 1024


def _limit(max_bytes: int, *mime_types: str) -> MediaLimit:
    return MediaLimit(frozenset(mime_types), max_bytes)


# Instagram cuts longer titles off. It documents their length for quick replies, and that of titles
# and payloads of a template's buttons where it speaks of Messenger.
QUICK_REPLIES = Layout(
    name="quick_replies",
    types=frozenset({ButtonType.REPLY}),
    under=frozenset(
        {
            MessageType.TEXT,
            MessageType.IMAGE,
            MessageType.AUDIO,
            MessageType.VIDEO,
            MessageType.FILE,
        }
    ),
    most=13,
    title_max_chars=20,
    payload_max_chars=1000,
)
BUTTON_TEMPLATE = Layout(
    name="button_template",
    types=frozenset(ButtonType),
    under=frozenset({MessageType.TEXT}),
    most=3,
    title_max_chars=20,
    payload_max_chars=1000,
    text_max_chars=640,
)
CAPABILITIES = Capabilities(
    text_max_bytes=1000,
    layouts=(QUICK_REPLIES, BUTTON_TEMPLATE),
    window=timedelta(hours=24),
    media={
        MessageType.IMAGE: _limit(8 * MB, "image/jpeg", "image/png", "image/gif"),
        MessageType.AUDIO: _limit(25 * MB, "audio/aac", "audio/mp4", "audio/wav"),
        MessageType.VIDEO: _limit(
            25 * MB, "video/mp4", "video/ogg", "video/quicktime", "video/webm"
        ),
        MessageType.FILE: _limit(25 * MB, "application/pdf"),
    },
)


def _refused(code: str, message: str) -> Meaning:
    return Meaning(Outcome.REFUSED, code, message)


def _stopped(code: str, message: str) -> Meaning:
    return Meaning(Outcome.BUSY, code, message, retryable=True, stops_channel=True)


_RESTRICTED = _stopped(
    "account_restricted",
    "Instagram has restricted this account from messaging. See its account status in the app.",
)
ERRORS: ErrorTable = {
    **GRAPH_ERRORS,
    (-1, 2207001): GRAPH_ERRORS[2, None],
    (-2, 2207003): Meaning(
        Outcome.BUSY,
        "media_not_fetched",
        "Instagram could not fetch the file in time.",
        retryable=True,
    ),
    (80002, None): GRAPH_ERRORS[613, None],
    (10, 1893063): _RESTRICTED,
    (10, 2534022): _refused(
        "outside_window",
        "More than 24 hours have passed since this person last wrote. They must write first.",
    ),
    (100, 33): _refused(
        "object_missing",
        "The account does not exist for this token. Check account_id and login of the channel.",
    ),
    (100, 2534001): _refused("thread_gone", "The conversation was archived or deleted."),
    (100, 2534014): _refused(
        "recipient_not_found", "Instagram does not know this person, or they blocked the account."
    ),
    (100, 2534025): _refused(
        "comment_not_answerable",
        "The comment is deleted, older than 7 days or was already answered privately.",
    ),
    (100, 2534029): _RESTRICTED,
    (None, 2534122): _RESTRICTED,
    (None, 2534013): _refused(
        "private_reply_limit", "Instagram takes no more private replies of this account for now."
    ),
    (200, 2534041): _stopped(
        "messages_access_off",
        "Access to messages is off. In the Instagram app allow it under Settings, Messages and "
        "story replies, Message controls, Connected tools.",
    ),
    (230, None): _refused("consent_missing", "This person has not written to the account yet."),
    (551, None): _refused("recipient_unavailable", "This person receives no messages right now."),
    (10900, None): _refused("already_replied", "This was already answered."),
    (10903, None): _refused("recipient_unavailable", "This person cannot be answered."),
    (10904, None): _refused("messages_off", "This account has messages switched off."),
    (36000, 2207004): _refused(
        "media_too_large", "The image is too large; Instagram takes images up to 8 MB."
    ),
}


class Instagram(MetaChannelType):
    """Direct messages of an Instagram professional account."""

    kind = "instagram"
    label = "Instagram"
    account_field = "account_id"
    secret_fields = ("access_token", "app_secrets")
    capabilities = CAPABILITIES
    # 100 calls a second, and 10 with audio or video; of pictures the limits say nothing.
    pacing = Pacing(text_per_second=100, media_per_second=10)
    errors = ERRORS

    class Options(StrictSerializer):
        account_id = serializers.RegexField(
            r"\A[A-Za-z0-9_.-]+\Z",
            max_length=120,
            help_text="The id of the professional account, as webhooks name it in `entry.id`.",
            error_messages={"invalid": "Must be the account's id: letters, digits, dot, - and _."},
        )
        access_token = SecretField(
            max_length=1000,
            validators=[
                RegexValidator(r"\A[!-~]+\Z", "Must be a token: no spaces or line breaks.")
            ],
            help_text="Of the account, or of its page with `login` facebook.",
        )
        app_secrets = serializers.ListField(
            child=SecretField(max_length=200),
            min_length=1,
            max_length=10,
            help_text="Secrets that may sign webhooks; several while one is being replaced.",
        )
        login = ChoiceField(
            choices=list(API_URLS),
            default="instagram",
            help_text="How the account was connected; decides the address that is called.",
        )

    def request(self, account: Account, outgoing: Outgoing) -> ProviderRequest:
        sender = "me" if _login(account) == "facebook" else quote(account.account_id, safe="")
        return ProviderRequest(
            url=f"{_base(account)}/{sender}/messages",
            json={"recipient": {"id": outgoing.to}, "message": _message(outgoing)},
            headers=_authorization(account),
        )

    def health_request(self, account: Account) -> ProviderRequest:
        fields = _OWNER_FIELDS[_login(account)]
        url = f"{_base(account)}/me?fields={fields}"
        return ProviderRequest(url, None, _authorization(account), method="GET")

    def owner_fault(self, account: Account, answer: Mapping[str, Any]) -> str:
        linked = answer.get("instagram_business_account")
        owner = answer.get("user_id") or (linked.get("id") if isinstance(linked, dict) else None)
        # `id` is the app's own name of the account, which some tokens show alone.
        if owner is None or str(owner) == account.account_id:
            return ""
        return f"The access token is for the account {str(owner)[:120]}, not for this one."

    def accepted_id(self, answer: Mapping[str, Any]) -> object:
        return answer.get("message_id")

    def parse(self, payload: Any) -> list[InboundEvent]:
        return instagram_webhooks.parse(payload)

    def read(self, kind: EventKind, payload: Mapping[str, Any]) -> InboundContent:
        return instagram_webhooks.read(kind, payload)


def _login(account: Account) -> str:
    return str(account.settings.get("login", "instagram"))


def _base(account: Account) -> str:
    return str(settings.INSTAGRAM_API_URL or API_URLS[_login(account)])


def _authorization(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.secrets['access_token']}"}


def _message(outgoing: Outgoing) -> dict[str, Any]:
    if outgoing.layout == BUTTON_TEMPLATE.name:
        return {"attachment": {"type": "template", "payload": _button_template(outgoing)}}
    message: dict[str, Any] = {"text": outgoing.text}
    if outgoing.message_type != MessageType.TEXT:
        media = {"type": str(outgoing.message_type), "payload": {"url": outgoing.media_url}}
        message = {"attachment": media}
    if outgoing.layout == QUICK_REPLIES.name:
        message["quick_replies"] = [
            {"content_type": "text", "title": each.title, "payload": each.payload or each.title}
            for each in outgoing.buttons
        ]
    return message


def _button_template(outgoing: Outgoing) -> dict[str, Any]:
    buttons = [_template_button(each) for each in outgoing.buttons]
    return {"template_type": "button", "text": outgoing.text, "buttons": buttons}


def _template_button(button: Button) -> dict[str, str]:
    if button.type == ButtonType.URL:
        return {"type": "web_url", "url": button.url, "title": button.title}
    return {"type": "postback", "title": button.title, "payload": button.payload or button.title}
