"""What is learnt: the answer and its end token, exactly; the same labels as TRL's own masks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kefu.engines.prompt import PromptStyle, build_messages
from kefu.errors import GateError, InputError
from kefu.train.base import control_tokens, embedded_tokenizer
from kefu.train.encode import IGNORE, Encoder, Ledger, view
from kefu.train.rows import Row, training

from .tiny import CHATML, FAQ

HITS = (SimpleNamespace(id="Z1", question="怎么退款？", answer="七天"), SimpleNamespace(id="Z2", question="怎么开发票？", answer="x"))
LONG = Row(
    "long",
    "dialogue",
    tuple({"role": "user" if i % 2 == 0 else "assistant", "content": f"第{i}句话 some words"} for i in range(7)),
    "好的。",
    "zh",
    hits=HITS,
)


@pytest.fixture(scope="module")
def tokenizer():
    return embedded_tokenizer([text for row in FAQ for text in (row[3], *row[4])], 400)


def chatml(tokenizer):
    made = embedded_tokenizer([text for row in FAQ for text in (row[3], *row[4])], 400)
    made.add_special_tokens({"eos_token": "<|im_end|>", "additional_special_tokens": ["<|im_start|>"]})
    made.chat_template = CHATML
    return made


def encoder(tokenizer, max_length=1 << 20, policy="cut_oldest", **style):
    style = {"max_history_turns": 20, "control_tokens": control_tokens(tokenizer), **style}
    return Encoder(tokenizer, PromptStyle(**style), {tokenizer.eos_token_id}, max_length, policy)


@pytest.mark.parametrize("kind", ["embedded", "chatml"])
def test_supervised_tokens_are_the_answer_and_the_end_token(tokenizer, data, kind):
    tokenizer = tokenizer if kind == "embedded" else chatml(tokenizer)
    style = {} if kind == "embedded" else {"kind": "full", "template_kwargs": {"enable_thinking": False}}
    coder = encoder(tokenizer, **style)
    for row in training(data).rows:
        encoded, rewritten = coder.plain(row)
        assert not rewritten
        learnt = [token for token in encoded.labels if token != IGNORE]
        assert tokenizer.decode(learnt) == row.answer + tokenizer.eos_token
        assert learnt == encoded.ids[encoded.answer_at :]
        assert learnt.count(tokenizer.eos_token_id) == 1
        assert encoded.ids[: encoded.answer_at] == coder.ids(coder.prompt(row.history, row.hits, row.language))


def test_a_rewritten_prompt_is_trained_as_it_is_served(tokenizer):
    """This template writes a thinking block that its generation prompt lacks: the row follows the generation prompt."""
    tokenizer = chatml(tokenizer)
    ledger = Ledger()
    coder = encoder(tokenizer)
    encoded = coder.fit(Row("r", "faq", ({"role": "user", "content": "怎么退款？"},), "七天。"), ledger)
    assert tokenizer.decode(encoded.ids[encoded.answer_at :]) == "<think>\n\n</think>\n\n七天。<|im_end|>"
    tokenizer.chat_template = CHATML.replace("<|im_start|>assistant\\n' }}", "<|im_start|>assistant\\n>>' }}")
    encoded = coder.fit(Row("r", "faq", ({"role": "user", "content": "怎么退款？"},), "七天。"), ledger)
    assert tokenizer.decode(encoded.ids).endswith("<|im_start|>assistant\n>>七天。<|im_end|>")
    assert ledger.rewritten == 1


def test_labels_equal_trl_in_both_of_its_modes(tokenizer, data, tmp_path):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from kefu.train.base import embedded_model
    from kefu.train.quiet import quiet

    coder = encoder(tokenizer)
    rows = [row for row in training(data).rows if len(row.history) == 1]
    ours = [coder.plain(row)[0] for row in rows]
    turns = [build_messages(row.history, (), coder.style, row.language) for row in rows]
    answers = [[{"role": "assistant", "content": row.answer}] for row in rows]
    modes = {
        True: [{"messages": turn + answer} for turn, answer in zip(turns, answers, strict=True)],
        False: [{"prompt": turn, "completion": answer} for turn, answer in zip(turns, answers, strict=True)],
    }
    for assistant_only, table in modes.items():
        with quiet():
            args = SFTConfig(
                str(tmp_path / "t"), use_cpu=True, bf16=False, gradient_checkpointing=False, assistant_only_loss=assistant_only, max_length=None,
                report_to="none",
            )  # fmt: skip
            model = embedded_model(tokenizer, layers=1, hidden=32, context=64, seed=1)
            prepared = SFTTrainer(model=model, args=args, processing_class=tokenizer, train_dataset=Dataset.from_list(table)).train_dataset
        assert prepared["input_ids"][:] == [row.ids for row in ours]
        assert prepared["labels"][:] == [row.labels for row in ours]


def test_over_length_drop(tokenizer):
    ledger = Ledger()
    coder = encoder(tokenizer, 40, "drop")
    assert coder.fit(LONG, ledger) is None
    assert coder.fit(Row("s", "faq", ({"role": "user", "content": "退"},), "好"), ledger) is not None
    counts = ledger.as_dict()
    assert (counts["rows_in"], counts["rows"], counts["dropped"], counts["balanced"]) == (2, 1, {"longer than max_length": 1}, True)
    assert counts["tokens_dropped"] > 40
    assert counts["examples"] == ["long"]


def test_over_length_cut_oldest_keeps_question_and_answer(tokenizer):
    full = len(encoder(tokenizer).plain(LONG)[0].ids)
    last = 0
    for limit in range(full, 10, -7):
        ledger = Ledger()
        encoded = encoder(tokenizer, limit).fit(LONG, ledger)
        if encoded is None:
            assert ledger.dropped == {"longer than max_length": 1}
            break
        text = tokenizer.decode(encoded.ids)
        assert len(encoded.ids) <= limit
        question, _, answer = text.rpartition("<|user|>")[2].partition("<|end|>")
        assert answer == "<|assistant|>好的。<|end|>"
        assert "第6句话 some words".endswith(question) and len(question) >= 8
        assert (question != "第6句话 some words") == bool(ledger.cut_questions)
        assert ledger.cut == (limit < full)
        assert ledger.cut_messages >= last
        last = ledger.cut_messages
    assert last == 6


def test_a_question_that_is_too_long_loses_its_beginning_and_is_counted(tokenizer):
    """One turn has no older ones: what is oldest in it is its beginning."""
    row = Row("one", "faq", ({"role": "user", "content": "我们一家五口从上海飞东京，" * 30 + "请问怎么退款？"},), "七天内可以申请退款。")
    ledger, limit = Ledger(), 60
    encoded = encoder(tokenizer, limit).fit(row, ledger)
    assert encoded is not None and limit * 0.8 < len(encoded.ids) <= limit
    text = tokenizer.decode(encoded.ids)
    assert "请问怎么退款？" in text and "七天内可以申请退款。" in text
    assert (ledger.cut, ledger.cut_questions, dict(ledger.dropped)) == (1, 1, {})
    long = Row("two", "faq", ({"role": "user", "content": "请问怎么退款呢？"},), "七天内可以申请退款。" * 40)
    assert encoder(tokenizer, limit).fit(long, ledger) is None, "an answer is never cut"


def test_over_length_fail_names_the_row(tokenizer):
    with pytest.raises(GateError, match=r"long is too long.*40 allowed"):
        encoder(tokenizer, 40, "fail").fit(LONG, Ledger())


def test_a_template_that_never_ends_a_turn_is_refused(tokenizer):
    made = chatml(tokenizer)
    made.chat_template = CHATML.replace("<|im_end|>", "")
    with pytest.raises(GateError, match="never stop"):
        encoder(made).plain(LONG)


def test_a_row_that_teaches_nothing_is_refused(tokenizer):
    with pytest.raises(GateError, match="supervises no token"):
        encoder(tokenizer).plain(Row("e", "faq", ({"role": "user", "content": "q"},), " "))


def test_mask_view(tokenizer, checkpoint, tmp_path):
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    PromptStyle(kind="compact", template_kwargs={"enable_thinking": False}).save(tmp_path)
    row = {"id": "x", "language": "zh", "messages": [{"role": "user", "content": "怎么退款？"}, {"role": "assistant", "content": "七天内。"}]}
    assert view(folder, row) == [
        ("<|im_start|>user\n怎么退款？<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n", False),
        ("七天内。<|im_end|>", True),
    ]
    with pytest.raises(InputError, match="no agent turn"):
        view(folder, {"id": "x", "messages": [{"role": "user", "content": "?"}]})
