import json
from pathlib import Path

import pytest

from kefu.errors import ConfigError, InputError
from kefu.evals import questions
from kefu.evals.answers import Entry
from kefu.evals.said import Said
from kefu.project import Loaded

ENTRIES = {"Z1": Entry("Z1", ("团队版每月29元。", "每人29元一个月。")), "Z2": Entry("Z2", ("企业版每月59元，二十人起购。",))}


def ask(answer_id: str | None, *accept: str) -> questions.Question:
    return questions.Question("q", "?", "zh", answer_id, accept)


@pytest.mark.parametrize(
    ("question", "said", "outcome"),
    [
        (ask("Z1"), Said("团队版每月29元。", "faq", sources=("Z1",)), "right"),
        (ask("Z1"), Said("别的", "faq", sources=("Z2",)), "wrong"),
        (ask("Z1", "Z2"), Said("别的", "faq", sources=("Z2",)), "right"),
        (ask("Z1"), Said("每人29元一个月", "model"), "right"),
        (ask("Z1"), Said("团队版，每月是29元", "model", sources=("Z2",)), "right"),
        (ask("Z1"), Said("团队版，每月是29元", "faq", sources=("Z2",)), "wrong"),
        (ask("Z1"), Said("企业版每月59元", "model", sources=("Z2",)), "wrong"),
        (ask("Z2"), Said("套餐说明：企业版每月59元，二十人起购，人数不限；团队版另计。", "document", sources=("manual.md:1",)), "right"),
        (ask("Z2"), Said("套餐说明：企业版每月49元，二十人起购，人数不限；团队版另计。", "document", sources=("manual.md:1",)), "wrong"),
        (ask("Z2"), Said("旧价59元已作废。", "document", sources=("manual.md:2",)), "wrong"),
        (ask("Z1"), Said("团队版每月29元。", "person", handoff=True, sources=("Z1",)), "handed_over"),
        (ask("Z1"), Said("团队版每月29元。", "guard", refused=True), "refused"),
        (ask("Z1"), Said(" "), "silent"),
        (ask(None), Said("抱歉", "guard", refused=True), "turned_away"),
        (ask(None), Said("转接", "person", handoff=True), "turned_away"),
        (ask(None), Said("团队版每月29元。", "faq", sources=("Z1",)), "answered"),
        (ask(None), Said(""), "answered"),
    ],
)
def test_outcomes(question: questions.Question, said: Said, outcome: str) -> None:
    assert questions.judge(question, said, "", 1.0, ENTRIES).outcome == outcome


def test_an_error_is_an_outcome() -> None:
    asked = questions.judge(ask("Z1"), None, "ValueError: x", 1.0, ENTRIES)
    assert (asked.outcome, asked.good, asked.why) == ("error", False, "ValueError: x")


def test_the_table_counts_by_language_and_tier() -> None:
    asked = [
        questions.judge(ask("Z1"), Said("x", "faq", sources=("Z1",)), "", 1, ENTRIES),
        questions.judge(ask("Z1"), Said("x", "faq", sources=("Z2",)), "", 1, ENTRIES),
        questions.judge(questions.Question("e", "?", "en", None, pattern="far"), Said("no", "guard", refused=True), "", 1, ENTRIES),
    ]
    found = questions.table(asked)
    assert found["all"]["right"]["value"] == found["all"]["wrong"]["value"] == 0.5
    assert found["all"]["turned_away"]["value"] == 1
    assert found["by_language"]["en"]["right"]["n"] == 0
    assert found["by_pattern"]["far"]["out_of_scope"] == {"turned_away": 1}
    assert found["by_tier"]["faq"] == {"right": 1, "wrong": 1}


def write(tmp_path: Path, *lines: object) -> Path:
    file = tmp_path / "q.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return file


def test_all_faults_of_a_file_at_once(tmp_path: Path) -> None:
    good = {"id": "a", "text": "x", "language": "zh", "answer_id": None}
    file = write(
        tmp_path, good, "{broken", good, {"id": "b", "txet": "x", "language": "zh", "answer_id": "Z1"}, {**good, "id": "c", "answer_id": ""},
        {**good, "id": "d", "accept": ["Z1"]}, {**good, "id": "e", "answer_id": "Z9"}, [1],
    )  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        questions.load(file, {"Z1"})
    text = "\n".join(caught.value.faults)
    for words in (
        "q.jsonl:2: not JSON", "q.jsonl:3: id 'a' stands twice (first on line 1)", "q.jsonl:4: unknown key 'txet'; did you mean 'text'?",
        "q.jsonl:4: 'text' must be a text", "q.jsonl:5: 'answer_id' must be", "q.jsonl:6: 'accept' without 'answer_id'",
        "q.jsonl:7: answer 'Z9' does not exist", "q.jsonl:8: a question must be a JSON object",
    ):  # fmt: skip
        assert words in text
    assert len(caught.value.faults) == 8


def test_empty_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no question"):
        questions.load(write(tmp_path, ""))
    with pytest.raises(InputError, match="cannot read"):
        questions.load(tmp_path / "none.jsonl")
    (tmp_path / "q.jsonl").write_bytes("你好".encode("gb18030"))
    with pytest.raises(InputError, match="not UTF-8"):
        questions.load(tmp_path / "q.jsonl")


def test_held_out_questions_are_drawn_with_the_seed(project: Loaded, entries: dict[str, Entry]) -> None:
    data = project.root / "data"
    assert [one.id for one in questions.held_out(data, 10, 1, entries)] == ["t1", "t2"]
    first = [questions.held_out(data, 1, seed, entries)[0].id for seed in range(20)]
    assert first == [questions.held_out(data, 1, seed, entries)[0].id for seed in range(20)]
    assert set(first) == {"t1", "t2"}
    assert questions.held_out(data, 0, 1, entries) == []
