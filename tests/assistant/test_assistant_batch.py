"""A file of questions in, a file of replies out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kefu.assistant import Assistant
from kefu.assistant.batch import answer_file, check_place, read_questions
from kefu.errors import ConfigError, InputError, StorageError

from .support_desk import COMPANY

ANSWER = {row["id"]: row["answer"] for row in COMPANY}
KEYS = {"text", "tier", "handoff", "refused", "sources", "confidence", "latency_ms"}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_texts_and_turns_with_memory(assistant: Assistant, tmp_path: Path) -> None:
    questions = write(
        tmp_path / "q.jsonl",
        {"id": "a", "text": "怎么开发票"},
        {"id": 2, "turns": ["how do I get an invoice", "talk to a human", "are you there"]},
        {"id": "c", "turns": [{"role": "customer", "text": "你好"}, {"role": "customer", "text": "讲个笑话"}]},
        {"id": "d", "text": ""},
    )
    out = tmp_path / "deep" / "r.jsonl"
    facts = answer_file(assistant, read_questions(questions)[0], out)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["a", "2", "c", "d"]
    assert all(set(reply) == KEYS for row in rows for reply in row["replies"])
    assert rows[0]["replies"][0]["text"] == ANSWER["Z06"]
    assert [reply["handoff"] for reply in rows[1]["replies"]] == [False, True, True]
    assert [reply["refused"] for reply in rows[2]["replies"]] == [False, True]
    assert facts["lines"] == 4
    assert facts["replies"] == 7


def test_agent_turns_that_are_given_are_taken_as_said(assistant: Assistant, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "怎么开发票"}, {"role": "assistant", "content": ANSWER["Z06"]}, "没用"]
    rows, _ = read_questions(write(tmp_path / "q.jsonl", {"id": "a", "turns": turns}))
    assert [turn.role for turn in rows[0].turns] == ["customer", "agent", "customer"]


def test_two_runs_write_the_same_but_for_the_times(assistant: Assistant, tmp_path: Path) -> None:
    questions, _ = read_questions(
        write(tmp_path / "q.jsonl", *({"id": str(i), "text": text} for i, text in enumerate(["怎么退款", "保本吗", "hi"] * 5)))
    )

    def run(name: str) -> list:
        answer_file(assistant, questions, tmp_path / name)
        rows = [json.loads(line) for line in (tmp_path / name).read_text("utf-8").splitlines()]
        return [[{k: v for k, v in reply.items() if k != "latency_ms"} for reply in row["replies"]] for row in rows]

    assert run("a.jsonl") == run("b.jsonl")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ('{"id": true, "text": "x"}', "neither a text nor a number"),
        ('{"id": "a"}', "text"),
        ('{"id": "a", "turns": []}', "turns"),
        ('{"id": "a", "text": "x", "turns": ["y"]}', "either"),
        ('{"id": "a", "turns": [3]}', "turn is wrong"),
        ('{"id": "a", "turns": [{"role": "boss", "text": "x"}]}', "turn is wrong"),
        ('{"id": "\\ud800", "text": "hi"}', "surrogate"),
        ('{"id": "a", "turns": ["hi", "\\udfff"]}', "surrogate"),
        ("[" * 100_000, "nested"),
        ('{"id": ' + "9" * 5000 + "}", "4300"),
    ],
)
def test_a_wrong_line_is_named_and_the_rest_goes_on(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "q.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"id": "ok", "text": "x"}\r\n' + line.encode() + b'\r\n\r\n{"turns": ["y", "z"]}')
    found, (fault,) = read_questions(file)
    assert [(question.id, len(question.turns)) for question in found] == [("ok", 1), ("4", 2)]
    assert "q.jsonl:2" in fault
    assert why in fault


def test_missing_empty_and_wrongly_encoded_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_questions(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text("nothing\nhere\n", "utf-8")
    with pytest.raises(InputError, match="2 bad lines, the first"):
        read_questions(tmp_path / "bad.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n\n", "utf-8")
    with pytest.raises(InputError, match="no questions"):
        read_questions(tmp_path / "empty.jsonl")
    (tmp_path / "gb.jsonl").write_bytes('{"id": "a", "text": "退款"}'.encode("gb18030"))
    with pytest.raises(InputError, match="UTF-8"):
        read_questions(tmp_path / "gb.jsonl")


def test_an_out_path_that_cannot_be_written_leaves_nothing(assistant: Assistant, tmp_path: Path) -> None:
    questions, _ = read_questions(write(tmp_path / "q.jsonl", {"id": "a", "text": "hi"}))
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot write"):
        answer_file(assistant, questions, tmp_path / "file" / "out.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "q.jsonl"]


def test_a_wrong_place_for_the_replies_is_told_before_anything_is_answered(tmp_path: Path) -> None:
    questions = write(tmp_path / "q.jsonl", {"id": "a", "text": "hi"})
    (tmp_path / "link").symlink_to(questions)
    (tmp_path / "file").write_text("x")
    before = sorted(tmp_path.iterdir())
    for out in (questions, tmp_path / "." / "q.jsonl", tmp_path / "link"):
        with pytest.raises(ConfigError, match="would replace the questions"):
            check_place(out, questions)
    for out, said in ((tmp_path, "a folder"), (Path("/dev/null"), "no plain file")):
        with pytest.raises(ConfigError, match=said):
            check_place(out, questions)
    for out in (tmp_path / "file" / "r.jsonl", tmp_path / ("x" * 250), Path("/proc/1/r.jsonl")):
        with pytest.raises(StorageError, match="cannot write"):
            check_place(out, questions)
    check_place(tmp_path / "deep" / "er" / "r.jsonl", questions)
    assert sorted(tmp_path.iterdir()) == before and questions.read_text()


def test_a_place_that_fails_is_known_before_the_assistant_is_asked(tmp_path: Path) -> None:
    class Asked(Exception):
        """It was asked."""

    class Unasked:
        async def answer(self, conversation: object) -> None:
            raise Asked

        async def close(self) -> None:
            raise Asked

    questions, _ = read_questions(write(tmp_path / "q.jsonl", {"id": "a", "text": "hi"}))
    with pytest.raises(ConfigError, match="a folder"):
        answer_file(Unasked(), questions, tmp_path)  # type: ignore[arg-type]
