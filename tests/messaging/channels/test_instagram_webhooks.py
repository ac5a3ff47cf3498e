"""Every documented shape of a notification, and anything else a signed body may hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.channels import CHANNELS
from messaging.channels.base import Attachment, EventKind, InboundContent
from messaging.models import MessageType
from tests.messaging.inbound.instagram import (
    ACCOUNT,
    JANE,
    NOON,
    body,
    comment,
    echo,
    item,
    message,
)

INSTAGRAM = CHANNELS["instagram"]
AT_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def one(payload):
    events = INSTAGRAM.parse(payload)
    assert len(events) == 1
    return events[0]


def read(payload):
    event = one(payload)
    return INSTAGRAM.read(event.kind, event.payload)


SHAPES: dict[str, tuple[Any, EventKind, str, InboundContent]] = {
    "text": (
        message("Guten Tag", "m"),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m", "Guten Tag"),
    ),
    "attachments": (
        message(
            "",
            "m",
            attachments=[
                {"type": "image", "payload": {"url": "https://cdn.example/i"}},
                {"type": "video", "payload": {"url": "https://cdn.example/v"}},
                {"type": "audio", "payload": {"url": "https://cdn.example/a"}},
                {"type": "file", "payload": {"url": "https://cdn.example/f"}},
            ],
        ),
        EventKind.MESSAGE,
        JANE,
        InboundContent(
            "m",
            attachments=(
                Attachment(MessageType.IMAGE, "https://cdn.example/i"),
                Attachment(MessageType.VIDEO, "https://cdn.example/v"),
                Attachment(MessageType.AUDIO, "https://cdn.example/a"),
                Attachment(MessageType.FILE, "https://cdn.example/f"),
            ),
        ),
    ),
    "shared post": (
        message(
            "",
            "m",
            attachments=[
                {
                    "type": "ig_post",
                    "payload": {
                        "ig_post_media_id": "18",
                        "title": "t",
                        "url": "https://cdn.example/p",
                    },
                }
            ],
        ),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m", attachments=(Attachment(MessageType.SHARE, "https://cdn.example/p"),)),
    ),
    "story mention": (
        message(
            "",
            "m",
            attachments=[{"type": "story_mention", "payload": {"url": "https://c.example"}}],
        ),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m", attachments=(Attachment(MessageType.SHARE, "https://c.example"),)),
    ),
    "heart": (
        item(message={"mid": "m", "attachments": [{"type": "like_heart"}]}),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m", attachments=(Attachment(MessageType.OTHER, ""),)),
    ),
    "tapped answer": (
        message("Yes", "m", quick_reply={"payload": "option_0"}),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m", "Yes", reply_payload="option_0"),
    ),
    "inline reply": (
        message("this one", "m", reply_to={"mid": "earlier"}),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m", "this one"),
    ),
    "story reply": (
        message("wow", "m", reply_to={"story": {"url": "https://cdn.example/s", "id": "7"}}),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m", "wow"),
    ),
    "from an ad": (
        message(
            "price?",
            "m",
            referral={"ref": "r", "ad_id": "5", "source": "ADS", "type": "OPEN_THREAD"},
        ),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m", "price?"),
    ),
    "unsupported": (
        item(message={"mid": "m", "is_unsupported": True}),
        EventKind.MESSAGE,
        JANE,
        InboundContent("m"),
    ),
    "unsent": (
        item(message={"mid": "m", "is_deleted": True}),
        EventKind.DELETED,
        JANE,
        InboundContent("m"),
    ),
    "edited": (
        item(message_edit={"mid": "m", "text": "better", "num_edit": 1}),
        EventKind.EDITED,
        JANE,
        InboundContent("m", "better"),
    ),
    "echo": (echo("from us", "m"), EventKind.ECHO, JANE, InboundContent("m", "from us")),
    "seen": (item(read={"mid": "m"}), EventKind.READ, JANE, InboundContent("m")),
    "reaction": (
        item(reaction={"mid": "m", "action": "react", "reaction": "love", "emoji": "❤️"}),
        EventKind.REACTION,
        JANE,
        InboundContent("m"),
    ),
    "postback": (
        item(postback={"mid": "m", "title": "Start", "payload": "START"}),
        EventKind.POSTBACK,
        JANE,
        InboundContent("m", "Start", reply_payload="START"),
    ),
    "link": (
        item(referral={"ref": "flyer", "source": "ig.me", "type": "OPEN_THREAD"}),
        EventKind.REFERRAL,
        JANE,
        InboundContent(),
    ),
    "thread control": (
        item(pass_thread_control={"new_owner_app_id": "1"}),
        EventKind.OTHER,
        JANE,
        InboundContent(),
    ),
}


@pytest.mark.parametrize(("given_item", "kind", "person", "content"), SHAPES.values(), ids=SHAPES)
def test_an_item_of_a_conversation(given_item, kind, person, content):
    event = one(body(given_item))
    assert (event.kind, event.account_id, event.external_id) == (kind, ACCOUNT, person)
    assert event.happened_at == AT_NOON
    assert INSTAGRAM.read(event.kind, event.payload) == content


def test_standby_is_marked():
    assert read(body(message("x", "m"), name="standby")) == InboundContent("m", "x", standby=True)


class TestComments:
    @pytest.mark.parametrize("field", ["comments", "live_comments"])
    def test_in_changes(self, field):
        payload = body({**comment("nice!", "c7"), "field": field}, name="changes")
        event = one(payload)
        assert (event.kind, event.external_id, event.account_id) == ("comment", JANE, ACCOUNT)
        assert event.key == "comment|c7"
        assert read(payload) == InboundContent(text="nice!", username="jane.doe")

    def test_flat(self):
        flat = {
            "object": "instagram",
            "entry": [{"id": ACCOUNT, "time": 1_767_268_800, **comment()}],
        }
        assert one(flat).key == one(body(comment(), name="changes")).key
        assert one(flat).happened_at == AT_NOON
        assert one([flat]).kind == EventKind.COMMENT

    def test_with_the_other_name_of_its_id(self):
        change = comment()
        change["value"]["comment_id"] = change["value"].pop("id")
        assert one(body(change, name="changes")).key == "comment|c1"

    @pytest.mark.parametrize(
        "author", [{"id": ACCOUNT}, {"id": "5", "self_ig_scoped_id": "5"}, {}, None, "jane"]
    )
    def test_our_own_and_nobodys_are_not_persons(self, author):
        change = comment()
        change["value"]["from"] = author
        assert one(body(change, name="changes")).kind == EventKind.OTHER

    def test_mentions_are_kept(self):
        change = {"field": "mentions", "value": {"media_id": "1", "comment_id": "2"}}
        assert one(body(change, name="changes")).kind == EventKind.OTHER


class TestLoops:
    """What the account itself does must never look like a person."""

    def test_our_message_without_the_echo_mark(self):
        assert one(body(message(sender=ACCOUNT, recipient=JANE))).kind == EventKind.OTHER

    def test_messages_to_oneself(self):
        mine = message(sender=ACCOUNT, recipient="77", is_echo=True, is_self=True)
        assert one(body(mine)).kind == EventKind.OTHER
        tap = {**item(ACCOUNT, "77", postback={"mid": "m", "payload": "P"}), "is_self": True}
        assert one(body(tap)).kind == EventKind.OTHER

    def test_an_echo_is_about_the_person_it_went_to(self):
        assert one(body(echo("hi", to="another"))).external_id == "another"

    def test_an_unsent_message_of_ours_too(self):
        gone = item(ACCOUNT, JANE, message={"mid": "m", "is_deleted": True, "is_echo": True})
        event = one(body(gone))
        assert (event.kind, event.external_id) == (EventKind.DELETED, JANE)

    def test_a_tap_whose_entry_names_the_person(self):
        """As in the documentation's sample of postbacks and links."""
        tap = item(JANE, ACCOUNT, postback={"mid": "m", "title": "Start", "payload": "START"})
        event = one(body(tap, account=JANE))
        assert (event.kind, event.external_id, event.account_id) == ("postback", JANE, ACCOUNT)


class TestKeys:
    def test_one_thing_has_one_key(self):
        same = message("hello", "m")
        assert one(body(same)).key == one({**body(same), "extra": 1}).key

    def test_each_version_has_its_own(self):
        versions = [
            message("x", "m"),
            message("x", "m", is_deleted=True),
            item(message_edit={"mid": "m", "num_edit": 1}),
            item(message_edit={"mid": "m", "num_edit": "2"}),
            item(reaction={"mid": "m", "action": "react"}),
            item(reaction={"mid": "m", "action": "unreact"}),
            item(reaction={"mid": "m", "action": "react"}, at=NOON + 5),
            item(read={"mid": "m"}),
            item(read={"mid": "m"}, at=NOON + 5),
        ]
        assert len({event.key for event in INSTAGRAM.parse(body(*versions))}) == len(versions)

    def test_without_an_id_the_whole_item_is_the_key(self):
        ref = item(referral={"ref": "a"})
        assert one(body(ref)).key == one(body(ref)).key
        assert one(body(ref)).key != one(body(item(referral={"ref": "b"}))).key

    def test_a_message_id_that_fits_no_column_is_none(self):
        assert read(body(message("x", "m" * 301))) == InboundContent("", "x")
        assert read(body(message("x", "m" * 300))).provider_message_id == "m" * 300

    def test_keys_and_ids_fit_their_columns(self):
        event = one(body(message("x", "m" * 1000, sender="9" * 1000)))
        assert len(event.key) <= 400
        assert (event.external_id, event.kind) == ("", EventKind.OTHER)


class TestTime:
    @pytest.mark.parametrize("at", [NOON, NOON // 1000, str(NOON), NOON / 1000])
    def test_seconds_and_milliseconds(self, at):
        assert one(body(item(at=at, read={"mid": "m"}))).happened_at == AT_NOON

    @pytest.mark.parametrize("at", [None, "soon", -1, 0, 10**20, 10**400, True, float("nan"), []])
    def test_what_cannot_be_a_time_is_that_of_the_call(self, at):
        assert one(body(item(at=at, read={"mid": "m"}))).happened_at == AT_NOON

    def test_no_time_at_all_is_now(self):
        payload = {"object": "instagram", "entry": [{"id": ACCOUNT, "messaging": [{}]}]}
        assert datetime.now(UTC) - one(payload).happened_at < timedelta(minutes=1)


class TestOddBodies:
    @pytest.mark.parametrize("payload", [None, 1, "instagram", {}, {"object": "page"}, [[]], [1]])
    def test_somebody_elses_body_is_an_error(self, payload):
        with pytest.raises(ValueError, match="not a notification"):
            INSTAGRAM.parse(payload)

    @pytest.mark.parametrize(
        "payload",
        [
            {"object": "instagram"},
            {"object": "instagram", "entry": {}},
            {"object": "instagram", "entry": [None]},
            {"object": "instagram", "entry": [{}]},
            {"object": "instagram", "entry": [{"id": ACCOUNT, "messaging": "x"}]},
            body(None),
            body([]),
            body({"sender": "jane", "message": "hello"}),
            body({"message": {"mid": "m", "text": "from nobody"}}),
            body(None, name="changes"),
            body({"field": "comments", "value": None}, name="changes"),
            body({"field": ["comments"], "value": {}}, name="changes"),
        ],
    )
    def test_what_is_not_understood_is_kept(self, payload):
        event = one(payload)
        assert event.kind == EventKind.OTHER
        assert isinstance(event.payload, dict)

    def test_numbers_are_ids_too(self):
        event = one(body({"sender": {"id": 5}, "timestamp": NOON, "message": {"mid": "m"}}))
        assert event.external_id == "5"


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
words = st.sampled_from(
    """id object entry messaging standby changes field value sender recipient timestamp time
    message mid text is_echo is_deleted is_self attachments type payload url quick_reply reaction
    postback read referral message_edit num_edit action title from comment_id comments""".split()  # noqa: SIM905
)
anything = st.recursive(
    scalars | words,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(words | st.text(), inner, max_size=6)
    ),
    max_leaves=25,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "id": anything,
        "time": anything,
        "messaging": st.lists(anything, max_size=3) | anything,
        "standby": st.lists(anything, max_size=3),
        "changes": st.lists(anything, max_size=3) | anything,
        "field": anything,
        "value": anything,
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(entries | anything, max_size=4) | anything)
def test_nothing_inside_the_envelope_makes_it_fail(entry):
    for event in INSTAGRAM.parse({"object": "instagram", "entry": entry}):
        assert 0 < len(event.key) <= 400
        assert len(event.external_id) <= 200
        assert event.happened_at.tzinfo is not None
        content = INSTAGRAM.read(event.kind, event.payload)
        assert isinstance(content.text, str)
        for kind in EventKind:
            INSTAGRAM.read(kind, event.payload)
