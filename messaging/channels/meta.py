"""What Meta's messaging products share: signed webhooks, the handshake, errors of the Graph API."""

import hashlib
import hmac
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from messaging.channels.base import Account, Busy, ChannelType, Health, Outcome, Verdict

MAX_MESSAGE_ID = 300
MAX_EXPLANATION = 300
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True)
class Meaning:
    """What an error of the provider means here, with what a person can do about it."""

    outcome: Outcome
    code: str
    message: str
    retryable: bool = False
    # The whole channel cannot send until somebody acts; what it has to send waits for that.
    stops_channel: bool = False
    busy: Busy = Busy.MESSAGE


# Keyed by (code, subcode). None for the subcode: whatever it is; None for the code: the subcode
# alone tells. Error texts may be localised, so nothing is ever read from them.
ErrorTable = Mapping[tuple[int | None, int | None], Meaning]

_UNSURE = Meaning(
    Outcome.UNKNOWN,
    "provider_unsure",
    "The provider reported an unknown error; the message may have been sent all the same.",
)
_BUSY = Meaning(
    Outcome.BUSY, "provider_busy", "The provider has a temporary problem.", retryable=True
)
_SLOW_DOWN = Meaning(
    Outcome.BUSY,
    "rate_limited",
    "The provider takes no more calls for this account at the moment.",
    retryable=True,
    busy=Busy.ACCOUNT,
)
_NO_PERMISSION = Meaning(
    Outcome.REFUSED,
    "permission_missing",
    "The connected app lacks a permission that this message needs. Grant it, or connect again.",
    retryable=True,
)
GRAPH_ERRORS: ErrorTable = {
    # A batch was seen to arrive although this was the answer.
    (1, None): _UNSURE,
    (2, None): _BUSY,
    (3, None): _NO_PERMISSION,
    (4, None): _SLOW_DOWN,
    (10, None): _NO_PERMISSION,
    (17, None): _SLOW_DOWN,
    (32, None): _SLOW_DOWN,
    (100, None): Meaning(
        Outcome.REFUSED, "invalid_parameter", "The provider does not accept this message as it is."
    ),
    (190, None): Meaning(
        Outcome.BUSY,
        "token_invalid",
        "The access token has expired or was revoked. Connect the account again.",
        retryable=True,
        stops_channel=True,
    ),
    (200, None): _NO_PERMISSION,
    (368, None): Meaning(
        Outcome.BUSY,
        "account_restricted",
        "The provider has blocked this account from messaging for now. See its account status.",
        retryable=True,
        stops_channel=True,
    ),
    (613, None): _SLOW_DOWN,
}


class MetaChannelType(ChannelType):
    """A channel whose webhooks are signed with one of its `app_secrets`."""

    errors: ClassVar[ErrorTable] = GRAPH_ERRORS

    @abstractmethod
    def accepted_id(self, answer: Mapping[str, Any]) -> object:
        """The provider's id of the message in an answer without an error."""

    def signing_secret(
        self, account: Account, headers: Mapping[str, str], raw: bytes
    ) -> str | None:
        given = headers.get("X-Hub-Signature-256", "").encode()
        found = None
        for secret in account.secrets.get("app_secrets", ()):
            digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
            if hmac.compare_digest(f"sha256={digest}".encode(), given):
                found = secret
        return found

    def challenge(self, verify_token: str, query: Mapping[str, str]) -> str | None:
        given = query.get("hub.verify_token", "")
        right = hmac.compare_digest(given.encode("utf-8", "replace"), verify_token.encode())
        if not right or query.get("hub.mode") != "subscribe":
            return None
        return query.get("hub.challenge", "")

    def health(self, account: Account, status: int, body: bytes) -> Health:
        answer = _json_object(body)
        error = answer.get("error")
        if isinstance(error, dict) and (code := _number(error.get("code"))) is not None:
            verdict = self._judged(status, code, error)
            passing = verdict.outcome != Outcome.REFUSED and not verdict.channel_error
            return Health(unsure=True) if passing else Health(verdict.message)
        if 200 <= status < 300 and answer:
            return Health(self.owner_fault(account, answer))
        if status in (400, 401, 403, 404):
            return Health(f"The provider refused the credentials ({status}) without a reason.")
        return Health(unsure=True)

    def owner_fault(self, account: Account, answer: Mapping[str, Any]) -> str:
        """Why the account that the token is for is not this one; '' when it is."""
        return ""

    def verdict(self, status: int, body: bytes) -> Verdict:
        answer = _json_object(body)
        error = answer.get("error")
        # An error of theirs may come with any status, 200 included.
        if isinstance(error, dict) and (code := _number(error.get("code"))) is not None:
            return self._judged(status, code, error)
        if 200 <= status < 300 and not error:
            return self._accepted(answer)
        if status == 429:
            return _as_verdict(_SLOW_DOWN, "429")
        if 400 <= status < 500 and status != 408:
            return Verdict(
                Outcome.REFUSED,
                code="provider_refused",
                provider_code=str(status),
                message=f"The provider answered {status} without a reason.",
            )
        return _as_verdict(_UNSURE, str(status))

    def retry_after(self, headers: Mapping[str, str], body: bytes) -> timedelta | None:
        """The longest of what the account's business use cases ask for, in minutes, if any does."""
        usage = _json_object(headers.get("X-Business-Use-Case-Usage", "").encode())
        cases = [case for found in usage.values() if isinstance(found, list) for case in found]
        minutes = [
            _number(case.get("estimated_time_to_regain_access")) or 0
            for case in cases
            if isinstance(case, dict)
        ]
        longest = max(minutes, default=0)
        if longest <= 0:
            return super().retry_after(headers, body)
        return timedelta(minutes=min(longest, _MINUTES_A_DAY))

    def _accepted(self, answer: Mapping[str, Any]) -> Verdict:
        message_id = self.accepted_id(answer)
        if isinstance(message_id, str) and 0 < len(message_id) <= MAX_MESSAGE_ID:
            return Verdict(Outcome.ACCEPTED, provider_message_id=message_id)
        return Verdict(
            Outcome.UNKNOWN,
            code="provider_unsure",
            message="The provider took the call but did not name a message.",
        )

    def _judged(self, status: int, code: int, error: Mapping[str, Any]) -> Verdict:
        subcode = _number(error.get("error_subcode"))
        provider_code = f"{code}/{subcode}" if subcode else str(code)
        for key in ((code, subcode), (None, subcode), (code, None)):
            if key != (None, None) and (meaning := self.errors.get(key)):
                return _as_verdict(meaning, provider_code)
        if status == 429:
            return _as_verdict(_SLOW_DOWN, provider_code)
        if status >= 500 or error.get("is_transient") is True:
            return _as_verdict(_BUSY, provider_code)
        said = str(error.get("error_user_msg") or error.get("message") or "no reason given")
        return Verdict(
            Outcome.REFUSED,
            code="provider_refused",
            provider_code=provider_code,
            message=f"The provider refused the message: {said}"[:MAX_EXPLANATION],
        )


def _as_verdict(meaning: Meaning, provider_code: str) -> Verdict:
    return Verdict(
        meaning.outcome,
        code=meaning.code,
        provider_code=provider_code,
        message=meaning.message,
        retryable=meaning.retryable,
        channel_error=meaning.message if meaning.stops_channel else "",
        busy=meaning.busy,
    )


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _number(value: object) -> int | None:
    """Codes are numbers; some answers write them as text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None
