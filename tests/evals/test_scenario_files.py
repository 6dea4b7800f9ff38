from pathlib import Path

import pytest

from kefu.errors import ConfigError, InputError
from kefu.evals import scenarios

GOOD = """
- id: a-1
  kind: complaint
  language: zh
  context: {customer: {tier: gold}}
  note: why
  turns:
    - say: 你好
    - say: 投诉
      expect: [{check: handoff, is: true}]
  takeover: {at: 1}
"""


def read(tmp_path: Path, text: str | bytes, known: set[str] | None = None) -> list[scenarios.Scenario]:
    file = tmp_path / "s.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return scenarios.load_scenarios([file], known)


def faults(tmp_path: Path, text: str | bytes, known: set[str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, known)
    return caught.value.faults


def one(expect: str = "[{check: handoff, is: true}]", **lines: str) -> str:
    fields = {"id": "a", "kind": "break", "language": "en", **lines}
    head = "\n  ".join(f"{key}: {value}" for key, value in fields.items() if value)
    return f"- {head}\n  turns:\n    - say: hi\n      expect: {expect}\n"


def test_a_whole_scenario(tmp_path: Path) -> None:
    (found,) = read(tmp_path, GOOD)
    assert (found.id, found.kind, found.takeover, found.source) == ("a-1", "complaint", 1, "s.yaml:2")
    assert [turn.say for turn in found.turns] == ["你好", "投诉"]
    assert found.turns[1].expect[0].name == "handoff"
    assert found.context == {"customer": {"tier": "gold"}}


def test_takeover_absent_null_and_never_differ(tmp_path: Path) -> None:
    assert read(tmp_path, one())[0].takeover is None
    assert read(tmp_path, one(takeover="null"))[0].takeover == scenarios.NEVER
    assert read(tmp_path, one(takeover="{at: null}"))[0].takeover == scenarios.NEVER
    assert read(tmp_path, one(takeover="{at: 0}"))[0].takeover == 0


def test_all_faults_of_all_files_at_once_with_their_lines(tmp_path: Path) -> None:
    first, second = tmp_path / "one.yaml", tmp_path / "two.yaml"
    first.write_text("- id: a\n  kind: complain\n  language: zh\n  turns:\n    - sya: hi\n    - say: 5\n", "utf-8")
    second.write_text(one(expect="[{check: handof, is: true}, {check: contains, anny: [x]}]", takeover="{at: 3}"), "utf-8")
    with pytest.raises(ConfigError) as caught:
        scenarios.load_scenarios([first, second])
    assert caught.value.faults == [
        f"one.yaml:2: kind 'complain' is not one of {', '.join(scenarios.KINDS)}; did you mean 'complaint'?",
        "one.yaml:5: unknown key 'sya'; did you mean 'say'?",
        "one.yaml:5: 'say' is missing",
        "one.yaml:6: say must be a text, got 5; quote it",
        "two.yaml:7: unknown check 'handof'; did you mean 'handoff'?",
        "two.yaml:7: unknown key 'anny' of check contains; did you mean 'any'?",
        "two.yaml:4: takeover at 3 is not a turn of this scenario (0 to 0)",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no scenario"),
        ("[]", "holds no scenario"),
        ("a: 1", "the top must be a list"),
        ("- just text", "a scenario must be `key: value` lines"),
        ("- id: [a", "not YAML"),
        ("- id: a\n\tkind: b", "not YAML"),
        ("- &x {id: a}\n- *x", "aliases"),
        ("- &x [*x]", "aliases"),
        ("你好".encode("gb18030"), "not UTF-8"),
        (one(id="a b"), "must be letters"),
        (one(language="fr"), "language 'fr' is not one of zh, en"),
        (one(takeover="{when: 1}"), "takeover must be"),
        (one(takeover="true"), "takeover at True"),
        (one(context="{customr: {}}"), "did you mean 'customer'"),
        (one(context="[]x"), "not YAML"),
        (one(extra="1"), "unknown key 'extra'"),
        (one(expect="handoff"), "expect must be a list"),
        (one(expect="[handoff]"), "a check must be `{check: NAME, ...}`"),
        (one(expect="[{check: handoff}]"), "handoff needs 'is'"),
        (one(expect="[{check: handoff, is: true, undesired: rude}]"), "unknown behaviour 'rude'"),
        ("- id: a\n  kind: break\n  language: zh\n  turns: [{say: x}]\n", "nothing is checked"),
        (one() + one(), "id 'a' stands twice (first at s.yaml:1)"),
        (one(kind="") + "  kind: break\n  kind: break\n", "'kind' stands twice"),
        ("- id: a\n  kind: break\n  language: zh\n  turns: []\n", "'turns' is missing"),
        ("- id: a\n  kind: break\n  language: zh\n  turns: {say: x}\n", "turns must be a list"),
    ],
)
def test_malformed_files(tmp_path: Path, text: str | bytes, words: str) -> None:
    found = faults(tmp_path, text)
    assert any(words in fault for fault in found), found
    assert all(fault.startswith("s.yaml:") for fault in found)


def test_an_answer_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    text = one(expect="[{check: answer_id, is: Z001, accept: [Z0O2]}]")
    assert faults(tmp_path, text, {"Z001", "Z002"}) == ["s.yaml:1: a expects answer 'Z0O2', which does not exist; did you mean 'Z002'?"]


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        scenarios.load_scenarios([tmp_path / "none.yaml"])


def test_the_shipped_scenarios() -> None:
    found = scenarios.load_scenarios(scenarios.generic())
    assert len(found) >= 40
    for language in scenarios.LANGUAGES:
        kinds = {one.kind for one in found if one.language == language}
        assert kinds >= {"out_of_scope", "hand_off", "complaint", "break", "compliance", "small_talk"}
    assert not any(one.answer_ids() for one in found), "a shipped scenario knows no company"
