"""Which answer a reply is."""

from hypothesis import given
from hypothesis import strategies as st

from automations.actions.answers import choose, name_of, names_of
from tests.automations.support import faults_of

LABELS = ["Yes", "No", "Café crème", "👍", "...", "5", "С удовольствием", "10 %", "C++", "#sale"]


def test_case_accents_and_punctuation_around_do_not_matter():
    assert choose("cafe CREME!", LABELS, len(LABELS)) == 2
    assert choose("«С УДОВОЛЬСТВИЕМ»", LABELS, len(LABELS)) == 6
    assert choose("sale", LABELS, len(LABELS)) == 9
    assert choose("c++", LABELS, len(LABELS)) == 8
    assert choose("c", LABELS, len(LABELS)) is None


def test_punctuation_inside_matters():
    assert choose("no, yes", ["no yes"], 1) is None


def test_label_goes_before_number():
    assert choose("5", LABELS, len(LABELS)) == 5
    assert choose("1", ["2", "1"], 2) == 1
    assert (
        choose("2", ["a", {"label": "b", "keywords": ["x"]}, {"label": "c", "keywords": ["2"]}], 3)
        == 2
    )


def test_numbers_of_other_scripts_count():
    assert choose("２", ["a", "b"], 2) == 1
    assert choose("٢", ["a", "b"], 2) == 1
    assert choose("²", ["a", "b"], 2) == 1
    assert choose("-1", ["a", "b"], 2) == 0  # a dash before it is a list's
    for text in ("0", "3", "00003", "1.5", "1 2", "9" * 5000, ""):
        assert choose(text, ["a", "b"], 2) is None


def test_long_texts_are_no_answer():
    assert choose("yes" + " " * 5000, ["yes"], 1) == 0
    assert choose("yes" + " " * 5000 + "but", ["yes"], 1) is None


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
answers = st.lists(
    words | st.fixed_dictionaries({"label": words, "keywords": st.lists(words, max_size=3)}),
    min_size=1,
    max_size=13,
)


@given(answers, st.data())
def test_of_accepted_answers_each_name_means_its_own(given_answers, data):
    """Whatever the check lets pass can be told apart, however it is written."""
    question = {
        "action_type": "ask_question",
        "content": "?",
        "options": {"answers": given_answers},
    }
    if faults_of([question]):
        return
    index = data.draw(st.sampled_from(range(len(given_answers))))
    answer = given_answers[index]
    names = [answer] if isinstance(answer, str) else [answer["label"], *answer["keywords"]]
    name = data.draw(st.sampled_from(names))
    around = data.draw(st.sampled_from(["{}", " {} ", "{}\n"]))
    assert choose(around.format(name), given_answers, len(given_answers)) == index


@given(st.lists(words, min_size=1, max_size=13), words)
def test_what_is_chosen_has_that_name_or_number(labels, text):
    index = choose(text, labels, len(labels))
    names = [name for label in labels for _, name in names_of(label)]
    if index is None:
        assert name_of(text) not in set(names) - {""}
    else:
        assert name_of(text) == name_of(labels[index]) or int(name_of(text)) == index + 1
