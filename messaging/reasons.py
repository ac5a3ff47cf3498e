"""Why a message did not go out, in words for the people whose message it is.

The codes are those of `Message.error_code`. A message also carries an explanation of its own,
which may be more exact; what to do about it stands only here.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """`title` is short enough for a list; `remedy` says what a person can do, if anything."""

    title: str
    remedy: str = ""


_CONNECT = "Open the channel, connect the account again, then resume the channel."
_OTHER_FILE = "Send another file: see the limits of the channel in its documents."

REASONS: Mapping[str, Reason] = {
    "outside_window": Reason(
        "The person has not written within 24 hours",
        "Wait until they write; from then on they can be answered.",
    ),
    "recipient_not_found": Reason(
        "The provider does not know this person",
        "They may have closed or blocked the account. Nothing can be sent until they write.",
    ),
    "recipient_unavailable": Reason(
        "The person receives no messages right now", "Try again another day."
    ),
    "consent_missing": Reason(
        "The person has not written to the account yet", "They have to write first."
    ),
    "contact_blocked": Reason(
        "The contact is blocked here", "Set the contact's status to active to write to them again."
    ),
    "contact_inactive": Reason(
        "The contact is inactive", "It becomes active when the person writes, or by hand."
    ),
    "no_identity": Reason(
        "The contact is not known on this channel",
        "Send on a channel on which they have written.",
    ),
    "thread_gone": Reason(
        "The conversation was archived or deleted", "It comes back when the person writes."
    ),
    "messages_off": Reason(
        "The account has messages switched off", "Switch them on in the provider's app."
    ),
    "messages_access_off": Reason(
        "The account does not allow access to its messages",
        "In the Instagram app: Settings, Messages and story replies, Message controls, Connected "
        "tools. Then resume the channel.",
    ),
    "token_invalid": Reason("The access token has expired or was revoked", _CONNECT),
    "permission_missing": Reason(
        "The connected app lacks a permission",
        "Grant the app its messaging permissions at the provider, or connect the account again.",
    ),
    "account_restricted": Reason(
        "The provider has restricted the account",
        "See the account's status in the provider's app; resume the channel when it is lifted.",
    ),
    "object_missing": Reason(
        "The account does not exist for this token",
        "Check the account id and login of the channel.",
    ),
    "rate_limited": Reason(
        "The provider takes no more calls for now",
        "It was tried for minutes. Lower the pacing of the channel if it happens often.",
    ),
    "provider_busy": Reason(
        "The provider has a temporary problem",
        "It was tried for minutes. What comes later goes out when the provider works again.",
    ),
    "provider_unsure": Reason(
        "The provider did not say whether it went out",
        "It is looked for by itself; look at the conversation before sending it again.",
    ),
    "provider_refused": Reason(
        "The provider refused it", "Read its reason at the message; change what it names."
    ),
    "invalid_parameter": Reason(
        "The provider does not accept it as it is", "Change the text or the file."
    ),
    "delivery_unknown": Reason(
        "Whether it went out could not be found out",
        "Look at the conversation in the provider's app before you send it again.",
    ),
    "already_replied": Reason("This was answered already"),
    "comment_not_answerable": Reason(
        "The comment cannot be answered privately",
        "It is deleted, older than 7 days, or was answered before.",
    ),
    "private_reply_limit": Reason(
        "No more private replies for now", "Wait; the provider counts them by the hour."
    ),
    "media_deleted": Reason(
        "Its file was deleted from the library", "Choose another file in the scenario, send again."
    ),
    "media_failed": Reason(
        "Its file could not be downloaded", "Upload the file, or give another address."
    ),
    "media_pending": Reason(
        "Its file is still being downloaded or made fit for the channel",
        "It goes out when that is done.",
    ),
    "media_too_large": Reason("The file is too large for the channel", _OTHER_FILE),
    "media_not_supported": Reason("The channel does not take this kind of file", _OTHER_FILE),
    "media_not_fetched": Reason(
        "The provider could not fetch the file",
        "Check that PUBLIC_URL can be reached from outside.",
    ),
    "type_not_supported": Reason(
        "The channel cannot send this type of message", "Use another type, or another channel."
    ),
    "text_too_long": Reason("The text is too long for the channel", "Shorten it, or split it."),
    "text_missing": Reason("There was no text to send", "Give the step a text."),
    "earlier_failed": Reason(
        "An earlier message of the same scenario failed", "Mend that one; see the execution."
    ),
    "request_invalid": Reason(
        "No valid request could be made of it", "Check the settings of the channel."
    ),
}


def reason_of(code: str, explanation: str = "") -> Reason | None:
    """None when nothing is wrong; a code that has no entry is told by its `explanation`."""
    if not code:
        return None
    return REASONS.get(code) or Reason(explanation or code.replace("_", " ").capitalize())
