"""Buttons on channels that show some, all or none of them: nothing may be lost or cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.buttons import Button, ButtonType
from messaging.channels import CHANNELS
from messaging.channels.arranging import arranged, layout_of
from messaging.channels.base import Account, Capabilities, Outgoing, refused_by
from messaging.channels.layouts import Layout
from messaging.models import MessageType

INSTAGRAM = CHANNELS["instagram"]
ACCOUNT = Account(1, "1784", {"login": "instagram"}, {"access_token": "t"})
YES, NO = Button.reply("Yes", "p_yes"), Button.reply("No", "p_no")
SHOP = Button.link("Shop", "https://shop.example/a")
LONG = "A title of 21 letters"
assert len(LONG) == 21


def on_instagram(text="Pick", *buttons, kind=MessageType.TEXT, media_url=""):
    given_ = Outgoing(5, "9001", kind, text, media_url=media_url, buttons=buttons)
    return arranged(INSTAGRAM.capabilities, given_)


def sent(*args, **kwargs):
    outgoing = on_instagram(*args, **kwargs)
    request = INSTAGRAM.request(ACCOUNT, outgoing)
    assert request is not None
    assert request.json is not None
    assert request.json["recipient"] == {"id": "9001"}
    return request.json["message"]


def template(text, *buttons):
    payload = {"template_type": "button", "text": text, "buttons": list(buttons)}
    return {"attachment": {"type": "template", "payload": payload}}


def quick(title, payload):
    return {"content_type": "text", "title": title, "payload": payload}


class TestInstagram:
    def test_answers_are_quick_replies(self):
        assert sent("Pick", YES, NO) == {
            "text": "Pick",
            "quick_replies": [quick("Yes", "p_yes"), quick("No", "p_no")],
        }

    def test_answers_stand_under_media_too(self):
        url = "https://us.example/media/x"
        assert sent("", YES, kind=MessageType.IMAGE, media_url=url) == {
            "attachment": {"type": "image", "payload": {"url": url}},
            "quick_replies": [quick("Yes", "p_yes")],
        }

    def test_a_link_makes_a_template_of_all(self):
        assert sent("Pick", YES, SHOP) == template(
            "Pick",
            {"type": "postback", "title": "Yes", "payload": "p_yes"},
            {"type": "web_url", "url": "https://shop.example/a", "title": "Shop"},
        )

    def test_an_answer_without_a_payload_comes_back_as_its_title(self):
        assert sent("Pick", Button.reply("Yes", ""))["quick_replies"] == [quick("Yes", "Yes")]
        buttons = sent("Pick", Button.reply("Yes", ""), SHOP)["attachment"]["payload"]["buttons"]
        assert buttons[0] == {"type": "postback", "title": "Yes", "payload": "Yes"}

    def test_without_buttons_nothing_changes(self):
        assert sent("Pick") == {"text": "Pick"}

    def test_thirteen_answers_fit(self):
        many = [Button.reply("T" * 20, "p" * 1000) for _ in range(13)]
        assert len(sent("Pick", *many)["quick_replies"]) == 13

    @pytest.mark.parametrize(
        ("buttons", "text"),
        [
            ([YES, Button.reply(LONG, "x")], f"Pick\n1. Yes\n2. {LONG}"),
            ([YES, Button.reply("X", "p" * 1001)], "Pick\n1. Yes\n2. X"),
            (
                [Button.reply(str(n), "x") for n in range(14)],
                "Pick\n" + "\n".join(f"{n + 1}. {n}" for n in range(14)),
            ),
        ],
    )
    def test_answers_that_do_not_fit_are_numbered_lines(self, buttons, text):
        assert sent("Pick", *buttons) == {"text": text}

    def test_links_that_do_not_fit_are_lines_and_the_answers_stay(self):
        shops = [Button.link(f"Shop {n}", f"https://shop.example/{n}") for n in range(3)]
        assert sent("Pick", YES, *shops) == {
            "text": "Pick\n"
            "Shop 0: https://shop.example/0\n"
            "Shop 1: https://shop.example/1\n"
            "Shop 2: https://shop.example/2",
            "quick_replies": [quick("Yes", "p_yes")],
        }

    def test_when_neither_fit_all_are_lines_in_their_order(self):
        long = Button.reply(LONG, "x")
        assert sent("Pick", SHOP, long, YES) == {
            "text": f"Pick\nShop: https://shop.example/a\n1. {LONG}\n2. Yes"
        }

    @pytest.mark.parametrize(("length", "is_template"), [(640, True), (641, False)])
    def test_a_template_takes_a_shorter_text(self, length, is_template):
        text = "x" * length
        expected = template(
            text, {"type": "web_url", "url": "https://shop.example/a", "title": "Shop"}
        )
        lines = {"text": f"{text}\nShop: https://shop.example/a"}
        assert sent(text, SHOP) == (expected if is_template else lines)

    def test_buttons_do_not_stand_alone(self):
        assert sent("", SHOP) == {"text": "Shop: https://shop.example/a"}
        assert sent(" ", YES) == {"text": "1. Yes"}

    @pytest.mark.parametrize(("spare", "code"), [(0, None), (1, "buttons_do_not_fit")])
    def test_what_has_no_room_is_refused(self, spare, code):
        answer = Button.reply("ü" * 21, "x")
        text = "x" * (1000 - len(f"\n1. {answer.title}".encode()) + spare)
        outgoing = on_instagram(text, answer)
        refusal = INSTAGRAM.refusal(outgoing)
        assert (refusal and refusal.code) == code
        assert outgoing.buttons == ((answer,) if code else ())

    def test_a_text_too_long_by_itself_is_just_that(self):
        refusal = INSTAGRAM.refusal(on_instagram("x" * 1001, YES))
        assert refusal is not None
        assert refusal.code == "text_too_long"

    def test_media_carry_no_lines(self):
        outgoing = on_instagram("", SHOP, kind=MessageType.IMAGE)
        refusal = INSTAGRAM.refusal(outgoing)
        assert refusal is not None
        assert refusal.code == "buttons_do_not_fit"


class TestOtherChannels:
    """Shapes that channels to come have."""

    TEXT = frozenset({MessageType.TEXT})
    CAPABILITIES = Capabilities(
        media={},
        text_max_chars=4096,
        layouts=(
            Layout("button", frozenset({ButtonType.REPLY}), TEXT, 3, 20, 256, 1024),
            Layout("list", frozenset({ButtonType.REPLY}), TEXT, 10, 24, 200, 4096),
            Layout("cta_url", frozenset({ButtonType.URL}), TEXT, 1, 20, None, 1024),
        ),
    )

    def layout(self, *buttons, text="Pick"):
        return layout_of(
            self.CAPABILITIES, Outgoing(1, "1", MessageType.TEXT, text, buttons=buttons)
        )

    def test_the_first_that_fits_is_taken(self):
        assert self.layout(YES, NO, YES) == "button"
        assert self.layout(YES, NO, YES, NO) == "list"
        assert self.layout(YES, text="x" * 1025) == "list"
        assert self.layout(Button.reply(LONG, "x")) == "list"
        assert self.layout(SHOP) == "cta_url"
        assert self.layout(YES, SHOP) == self.layout(*[YES] * 11) == ""

    def test_a_mixture_keeps_its_answers_as_buttons(self):
        outgoing = Outgoing(1, "1", MessageType.TEXT, "Pick", buttons=(YES, SHOP))
        found = arranged(self.CAPABILITIES, outgoing)
        assert (found.layout, found.buttons) == ("button", (YES,))
        assert found.text == "Pick\nShop: https://shop.example/a"

    def test_the_sandbox_shows_everything(self):
        buttons = (*[Button.reply(LONG, "x")] * 30, SHOP)
        for kind, text in ((MessageType.TEXT, "Pick"), (MessageType.IMAGE, "")):
            outgoing = Outgoing(1, "1", kind, text, buttons=buttons)
            found = arranged(CHANNELS["sandbox"].capabilities, outgoing)
            assert (found.layout, found.buttons, found.text) == ("buttons", buttons, text)


titles = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
buttons_ = st.lists(
    st.one_of(
        st.builds(Button.reply, titles, titles),
        st.builds(Button.link, titles, st.just("https://a.example")),
    ),
    max_size=16,
)


@given(text=st.text(max_size=1100), buttons=buttons_)
def test_every_title_is_shown_whole_or_the_message_is_refused(text, buttons):
    outgoing = on_instagram(text, *buttons)
    if refused_by(INSTAGRAM.capabilities, outgoing):
        return
    shown = [each.title for each in outgoing.buttons]
    assert all(each.title in shown or each.title in outgoing.text for each in buttons)
    urls = [each.url for each in buttons if each.type == ButtonType.URL]
    assert all(url in outgoing.text or outgoing.buttons for url in urls)
    assert text in outgoing.text or not text.strip()
    assert arranged(INSTAGRAM.capabilities, outgoing) == outgoing
