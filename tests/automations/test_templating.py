from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.engine.templating import longest, render, variables_in
from tests.automations.support import unhurried

VARIABLES = {
    "contact": {"name": "Jane", "email": "", "age": 41, "is_follower": True, "phone": None},
    "trigger": {"message": "hi"},
}


def printed(template, variables=VARIABLES, seed=0):
    return render(template, variables, Random(seed))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("Hello", "Hello"),
        ("Hello {{contact.name}}!", "Hello Jane!"),
        ("{{ contact.name }}{{trigger.message}}", "Janehi"),
        ("{{contact.age}} {{contact.is_follower}}", "41 yes"),
        ('Hi {{contact.email|default:"there"}}', "Hi there"),
        ("Hi {{ contact.phone | default: 'there' }}", "Hi there"),
        ("Hi {{contact.email|default:“there”}}", "Hi there"),
        ('Hi {{contact.email|default:"it\'s"}}', "Hi it's"),
        ('Hi {{contact.name|default:"there"}}', "Hi Jane"),
        ('{{nobody.knows|default:"x"}}', "x"),
        ("[{{nobody}}]", "[]"),
        ("[{{contact}}]", "[]"),
        ("[{{contact.name.first}}]", "[]"),
        ("[{{}}]", "[]"),
        ("[{{ 1 + 1 }}]", "[]"),
        ("[{{contact.name|upper}}]", "[]"),
        ("[{{contact.__class__}}]", "[]"),
        ("{{contact.name", "{{contact.name"),
        ("contact.name}}", "contact.name}}"),
        ("{one}", "{one}"),
        ("a|b", "a|b"),
        ("{a|b", "{a|b"),
        ("a|b}", "a|b}"),
        ('{"json": [1, {"a": 2}]}', '{"json": [1, {"a": 2}]}'),
        ("{same|same} {same|same}", "same same"),
        ("{{{contact.name}}}", "{Jane}"),
        ("{{{contact.name}}|{{contact.name}}}", "Jane"),
        ("{|}", ""),
        ("{{a}|{a}}", "{a}"),
    ],
)
def test_prints(template, expected):
    assert printed(template) == expected


def test_choice_is_made_by_the_given_chance():
    counts = Counter(printed("{Hi|Hello|{Good {day|night}}}", seed=seed) for seed in range(300))
    assert set(counts) == {"Hi", "Hello", "{Good day}", "{Good night}"}
    assert printed("{a|b|c|d|e|f}", seed=7) == printed("{a|b|c|d|e|f}", seed=7)


def test_nested_choice():
    found = {printed("{a|{b|c}}", seed=seed) for seed in range(50)}
    assert found == {"a", "b", "c"}


@pytest.mark.parametrize(
    "value",
    ["{{contact.name}}", "{a|b}", '{{x|default:"y"}}', "{", "}}", "|", "{{", "%s", "\\1", "{a|"],
)
def test_values_are_never_read_as_templates(value):
    variables = {"contact": {"name": value}}
    assert printed("<{{contact.name}}>", variables) == f"<{value}>"
    assert printed("{{{contact.name}}|{{contact.name}}}", variables) == value
    assert printed("{{contact.name}}a|b}", variables) == f"{value}a|b}}"


@unhurried
@given(st.text(alphabet=st.sampled_from('{}|" a.:contname'), max_size=60), st.integers())
def test_any_text_is_a_template(text, seed):
    render(text, VARIABLES, Random(seed))
    assert longest(text, len) >= 0


@unhurried
@given(st.text().filter(lambda text: not set(text) & set("{}")))
def test_text_without_braces_stays_as_it_is(text):
    assert printed(text) == text
    assert longest(text, len) == len(text)


def test_endless_signs_are_plain_text():
    for text in ("{" * 200_000, "{a" * 100_000 + "}" * 100_000, "{{a}}" * 100_000, "{a|" * 100_000):
        assert printed(text) == text
    assert printed("{{" + "a" * 1_000_000) == "{{" + "a" * 1_000_000


def test_choices_nest_ten_deep():
    def nested(depth):
        return {printed("{x|" * depth + "x" + "}" * depth, seed=seed) for seed in range(100)}

    assert nested(10) == {"x"}
    assert all(text.endswith("}") for text in nested(11))


def test_longest_takes_the_longest_choice_and_no_variables():
    assert longest("ab{c|def}{{contact.name}}", len) == 5
    assert longest("{é|e}", lambda text: len(text.encode())) == 2


def test_variables_are_found_in_choices_too():
    found = [each.source for each in variables_in("{{a.b}} {x|{{c|default:'d'}}} {{ ! }}")]
    assert found == ["{{a.b}}", "{{c|default:'d'}}", "{{ ! }}"]
