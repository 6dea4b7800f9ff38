"""Rows from the data artefact: one answer each, and every row left out is counted."""

from __future__ import annotations

from kefu.train.rows import Row, at_most, from_messages, sample, training, validation

from .tiny import write_rows


def test_faq_and_dialogue_rows(data):
    found = training(data)
    assert len(found.of("faq")) == 18
    assert found.of("faq")[0].question == "怎么退款？"
    assert found.of("faq")[0].answer == "七天内可以申请退款。"
    dialogue = found.of("dialogue")
    assert [row.id for row in dialogue] == ["d0@1", "d0@3", "d1@2", "d1@4", "d2@1", "d2@3", "d3@2"]
    assert [m["content"] for m in dialogue[1].history] == ["你好", "您好，请讲。", "怎么退款？"]
    assert dialogue[1].earlier == ["你好"]
    assert {row.language for row in dialogue} == {"zh", "en"}
    assert found.dropped == {"no question before the answer": 2}  # a greeting that opens d1, a second answer in a row in d3


def test_held_out_rows(data):
    found = validation(data)
    assert [row.question for row in found.of("faq")] == [
        "能退吗",
        "下载电子发票",
        "怎么收费",
        "Can I return it?",
        "receipt for accounting",
        "monthly fee of Team",
    ]
    assert len(found.of("dialogue")) == 1
    trained = {row.question for row in training(data).of("faq")}
    assert not trained & {row.question for row in found.of("faq")}


def test_empty_answers_and_questions_are_counted(tmp_path):
    write_rows(
        tmp_path / "faq.jsonl",
        [
            {"id": "a", "answer": " ", "questions": ["x"]},
            {"id": "b", "answer": "y", "questions": [" "]},
            {"id": "c", "answer": "y", "questions": ["q"]},
        ],
    )
    found = training(tmp_path)
    assert [row.answer_id for row in found.rows] == ["c"]
    assert found.dropped == {"empty answer": 1, "no question before the answer": 1}


def test_one_row_never_teaches_two_turns():
    row = {"id": "t", "messages": [{"role": r, "content": c} for r, c in [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]]}
    made = list(from_messages(row))
    assert [(len(m.history), m.answer) for m in made] == [(1, "b"), (3, "d")]


def test_sample_is_seeded_and_keeps_order(data):
    rows = training(data).rows
    assert sample(rows, 1.0, 1) is rows
    half = sample(rows, 0.5, 1)
    assert half == sample(rows, 0.5, 1) != sample(rows, 0.5, 2)
    assert half == [row for row in rows if row in half]
    assert len(half) == round(len(rows) / 2)


def test_what_validation_takes_is_of_the_whole_file():
    rows = [Row(f"q{i}", "faq", ({"role": "user", "content": "x"},), "y", category="early" if i < 300 else "late") for i in range(400)]
    some = at_most(rows, 100, 7)
    assert len(some) == 100 and {row.category for row in some} == {"early", "late"} and at_most(rows, 400, 7) is rows and at_most([], 5, 7) == []
    assert some == sorted(some, key=rows.index) == at_most(rows, 100, 7)
