"""What somebody wrote as YAML or JSON: a value, or one fault with its line; never a crash, never a hang."""

import contextlib
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kefu import markup
from kefu.markup import Fault, parse_yaml, read_json, read_yaml

BOMB = "a0: &a0 [" + ",".join("x" * 9) + "]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000))
BAD = [
    ("a: 1\nname: 2026-13-45", 2, "month"),
    ("a: 1\nb: " + "9" * 5000, 2, "4300"),
    ("port: !!int abc", 1, "no int"),
    ("x: !!float abc", 1, "no float"),
    ("x: !!bool abc", 1, "no bool"),
    ("\n\nx: !!timestamp abc", 3, "no timestamp"),
    ("x: !!int ''", 1, "no int"),
    ("x: 190" + ":20" * 200 + ".5", 1, "no float"),
    ("x: " + "[" * 3000, 1, "nested deeper"),
    ("x: " + "[" * 200_000 + "]" * 200_000, 1, "nested deeper"),
    (CHAIN, 100, "nested deeper"),
    (BOMB, 6, "stand for more"),
    ("a: &a [*a]", 1, "refers to itself"),
    ("a: *b", 1, "alias"),
    ("? [a]\n: b", 1, "unhashable"),
    ("x: \x00", 0, "not allowed"),
    ("x: \udc80", 0, "surrogates"),
    ("x: !!python/object/apply:os.system ['true']", 1, "constructor"),
    ("a: 1\n---\nb: 2", 2, "another document"),
]


@pytest.mark.parametrize(("text", "line", "words"), BAD, ids=[text[:20] for text, _, _ in BAD])
def test_a_fault_has_its_line(text, line, words):
    with pytest.raises(Fault, match=words) as caught:
        read_yaml(text)
    assert caught.value.line == line
    assert "\n" not in str(caught.value)
    assert caught.value.place("f.yaml") == (f"f.yaml:{line}" if line else "f.yaml")


def test_plain_files_are_read_as_ever():
    text = "a: &a {x: 1, d: 2026-03-01}\nb: {<<: *a, y: [1.5, true, null, 是]}\nc: [*a, *a]\n"
    assert read_yaml(text) == yaml.safe_load(text)
    assert read_yaml("") is None
    assert read_yaml("d: 2026-03-01", dates=False) == {"d": "2026-03-01"}
    assert read_yaml("[" * markup.DEEPEST + "]" * markup.DEEPEST)
    with pytest.raises(Fault, match="aliases"):
        parse_yaml(text, aliases=False)
    node, value = parse_yaml("a: &a {x: 1}\nb: {<<: *a, x: 2}\n")
    assert value["b"] == {"x": 2} and [key.value for key, _ in node.value[1][1].value] == ["<<", "x"]  # as written
    assert parse_yaml("") == (None, None)


@given(st.text(alphabet="a1:-[]{}&*!?,'\"#|>~% \n\tintfloa.", max_size=60))
def test_any_text_gives_a_value_or_a_fault(text):
    for read in (read_yaml, read_json):
        with contextlib.suppress(Fault):  # any other exception fails
            read(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_that_json_writes_comes_back(value):
    assert read_json(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [("[" * 100_000, "nested"), ("[" * 150 + "]" * 150, "nested"), ('{"id": "\\ud800"}', "surrogate"), ("9" * 5000, "4300"), ('{"a":', "column 6")],
)
def test_json_faults(text, words):
    with pytest.raises(Fault, match=words):
        read_json(text)
    assert read_json('"\\ud83d\\ude00"') == "😀"
