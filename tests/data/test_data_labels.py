"""Who labels: rules, a classifier learned from people, a language model; and nobody knows the future."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kefu import data
from kefu.conversation import Conversation, Turn
from kefu.data import SupportDataset
from kefu.data.dataset import load_class
from kefu.data.labels.classifier import LabelModel, features, learn
from kefu.errors import ConfigError, InputError
from kefu.pipeline.writing import open_writer
from kefu.project import Loaded

from .chat_server import chat_server
from .desk import dialogue, jsonl, rows_of

GOOD = ["好的谢谢，解决了", "明白了谢谢", "thanks, that worked", "perfect, thank you"]
BAD = ["太差了我要投诉", "还是不行，垃圾", "this is unacceptable", "still not working, terrible"]


def talks(count: int = 40) -> list[dict[str, Any]]:
    found = []
    for i in range(count):
        end = (GOOD if i % 2 else BAD)[i % 4]
        opening = f"我的第{i}号设备连不上网络怎么办" if i % 3 else f"my device number {i} cannot reach the network, what now?"
        found.append(dialogue(i, ("customer", opening), ("agent", f"请把{i}号设备重启一下再试。"), ("customer", f"{end} {i}"), ("agent", "收到。")))
    return found


SOURCE = {
    "name": "logs",
    "shape": "dialogues",
    "path": "logs.jsonl",
    "map": {"id": "ticket_id", "turns": "messages", "role": "from", "text": "text", "customer": "customer_id"},
}


@pytest.fixture
def desk(tmp_path: Path, project: Callable[..., Loaded]) -> Callable[..., Loaded]:
    (tmp_path / "logs.jsonl").write_text(jsonl(talks()), "utf-8")

    def make(**labels: object) -> Loaded:
        return project(SOURCE, labels=labels, dedup={"near": False})

    return make


def people(path: Path, **changes: Any) -> None:
    rows = [{"id": f"logs:T{i}", "label": "good" if i % 2 else "bad", "intervention": None if i % 2 else 2, "by": "ann"} for i in range(40)]
    path.write_text(jsonl([{**row, **changes} for row in rows]), "utf-8")


def test_a_classifier_learns_from_people_and_is_judged_on_customers_it_never_saw(desk: Callable[..., Loaded], tmp_path: Path) -> None:
    people(tmp_path / "people.jsonl")
    loaded = desk(by="classifier", people="people.jsonl")
    for name in ("a", "b"):
        data.build(loaded, tmp_path / name)
    stats = json.loads((tmp_path / "a" / "stats.json").read_text("utf-8"))["labelled"]
    assert stats["by"] == {"people": 40}
    between = {tuple(row["between"]): row for row in stats["agreement"]}
    unseen = between["people", "classifier (not seen in training)"]
    assert unseen["n"] == 40 and unseen["kappa"] > 0.6 and unseen["low"] <= unseen["kappa"] <= unseen["high"]
    assert between["rules", "people"]["n"] == 40
    turns = {tuple(row["between"]): row["n"] for row in stats["agreement_takeover"]}
    assert turns["people", "classifier (not seen in training)"] == 40 and all("classifier" not in pair for pair in turns)
    for name in ("labeller.npz", "labeller.json", "conversations.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    model = LabelModel.load(tmp_path / "a")
    assert model.label(Conversation("x", [Turn("customer", "连不上"), Turn("agent", "重启"), Turn("customer", "垃圾，我要投诉")])) == "bad"
    text = (tmp_path / "a" / "labeller.json").read_text("utf-8") + str(dict(np.load(tmp_path / "a" / "labeller.npz", allow_pickle=False)).keys())
    assert "设备" not in text


def test_faults_of_the_people_file_are_named(desk: Callable[..., Loaded], tmp_path: Path, out: Path) -> None:
    loaded = desk(by="rules", people="people.jsonl")
    file = tmp_path / "people.jsonl"
    for text, match in (
        ("{", "line 1: not JSON"),
        ("[1]", "not an object"),
        ('{"id": "logs:T1"}', "id or label is missing"),
        ('{"id": "logs:T1", "label": "superb"}', "label 'superb'"),
        ('{"id": "logs:T1", "label": "good", "intervention": 99}', "intervention 99"),
        ('{"id": "logs:T1", "label": "good", "intervention": true}', "intervention True"),
    ):
        file.write_text(text + "\n", "utf-8")
        with pytest.raises(InputError, match=match):
            data.build(loaded, out)
    file.write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match="not UTF-8"):
        data.build(loaded, out)
    file.write_text('{"id": "logs:T1", "label": "fair"}\n\n{"id": "gone", "label": "good"}\n', "utf-8")
    data.build(loaded, out)
    labelled = json.loads((out / "stats.json").read_text("utf-8"))["labelled"]
    assert labelled["by"] == {"people": 1, "rules": 39} and labelled["unknown_ids"] == 1
    assert next(row for row in rows_of(out / "conversations.jsonl") if row["id"] == "logs:T1")["label"] == "fair"


def test_too_few_labels_are_refused(desk: Callable[..., Loaded], tmp_path: Path, out: Path) -> None:
    (tmp_path / "people.jsonl").write_text('{"id": "logs:T1", "label": "fair"}\n', "utf-8")
    with pytest.raises(InputError, match="a classifier needs 30"):
        data.build(desk(by="classifier", people="people.jsonl"), out)
    with pytest.raises(ConfigError, match=r"data\.labels\.people"):
        data.build(desk(by="classifier"), out)


def test_a_damaged_labeller_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no labeller"):
        LabelModel.load(tmp_path)
    (tmp_path / "labeller.json").write_text("{}", "utf-8")
    (tmp_path / "labeller.npz").write_bytes(b"not a zip")
    with pytest.raises(InputError, match="no labeller"):
        LabelModel.load(tmp_path)


def test_a_language_model_labels_by_schema_turn_by_turn(desk: Callable[..., Loaded], tmp_path: Path) -> None:
    def judge(prompt: str) -> str:
        talk = prompt.rsplit("对话：" if "对话：" in prompt else "onversation", 1)[-1]
        angry = any(word in talk for word in ("投诉", "垃圾", "unacceptable", "terrible"))
        if '"person":' in prompt:
            return json.dumps({"person": angry})
        return "```json\n" + json.dumps({"label": "bad" if angry else "good", "why": "x"}) + "\n```"

    with chat_server(judge, fail_first=1) as server:
        loaded = desk(by="llm", model={"url": server.url, "retry_s": 0.01})
        data.build(loaded, tmp_path / "a", open_writer=open_writer)
        asked = len(server.asked)
        data.build(loaded, tmp_path / "b", open_writer=open_writer)
        assert len(server.asked) == asked
        assert not any('"person":' in prompt and "收到。" in prompt for prompt in server.asked), "the model saw what was said after the turn"
    stats = json.loads((tmp_path / "a" / "stats.json").read_text("utf-8"))["labelled"]
    assert stats["by"] == {"llm": 40} and stats["bill"]["asked"] == asked - 1
    rows = rows_of(tmp_path / "a" / "conversations.jsonl")
    assert {(row["label"], row["intervention"]) for row in rows} == {("bad", 2), ("good", None)}
    assert (tmp_path / "a" / "conversations.jsonl").read_bytes() == (tmp_path / "b" / "conversations.jsonl").read_bytes()


def test_a_model_that_talks_nonsense_leaves_the_rules_in_charge(desk: Callable[..., Loaded], out: Path) -> None:
    with chat_server(lambda prompt: "我觉得还可以") as server:
        data.build(desk(by="llm", model={"url": server.url, "retries": 0}), out, open_writer=open_writer)
    labelled = json.loads((out / "stats.json").read_text("utf-8"))["labelled"]
    assert labelled["by"] == {"rules": 40} and labelled["left_to_the_rules"] == 40 and labelled["bill"]["failed"] == 80


# --- nobody knows the future

said = st.sampled_from(
    ["你好", "怎么退款？", "还是不行", "转人工", "投诉", "谢谢", "我的卡被盗刷了", "企业版，急！",
     "I didn't authorize this charge", "that's not what I said",
     "no I said Tuesday", "I have chest pain", "please help", "我不知道", "请重启设备", "不清楚，换个说法", "I don't understand", "怎么退款？"]
)  # fmt: skip
conversations = st.lists(st.tuples(st.sampled_from(["customer", "agent", "system"]), said), min_size=1, max_size=9)


def _classes() -> dict[str, SupportDataset]:
    root = Path(__file__).resolve().parents[2]
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        named = {
            "rules": SupportDataset,
            "cloudmax": load_class("dataset.py:CloudMaxDataset", root / "examples" / "cloudmax"),
            "star": load_class("dataset.py:StarDataset", root / "benchmarks" / "star"),
        }
    finally:
        sys.dont_write_bytecode = before
    return {name: kind([]) for name, kind in named.items()}


@pytest.fixture(scope="module")
def judges() -> dict[str, Callable[[Conversation], int | None]]:
    labelled = []
    takeovers: list[tuple[Conversation, int | None]] = []
    for i in range(40):
        turns = [Turn("customer", f"设备{i}坏了"), Turn("agent", "请重启"), Turn("customer", BAD[i % 4] if i % 2 else GOOD[i % 4])]
        conversation = Conversation(f"c{i}", turns, group=f"g{i}")
        labelled.append((conversation, "bad" if i % 2 else "good"))
        takeovers.append((conversation, 2 if i % 2 else None))
    model, *_ = learn(labelled, takeovers, 7)
    assert model.takeover is not None
    found: dict[str, Callable[[Conversation], int | None]] = {name: kind.human_intervention_idx for name, kind in _classes().items()}
    return found | {"classifier": lambda conversation: model.human_intervention_idx(conversation.turns)}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conversations, st.sampled_from(["bank", "doctor", "账户"]), st.sampled_from(["Complete", "abandoned", ""]))
def test_cutting_off_later_turns_never_moves_a_take_over(
    judges: dict[str, Callable[[Conversation], int | None]], turns: list[tuple[str, str]], category: str, outcome: str
) -> None:
    whole = Conversation("x", [Turn(*turn) for turn in turns], category=category, outcome=outcome)
    for name, judge in judges.items():
        index = judge(whole)
        assert index is None or whole.turns[index].role == "customer"
        for cut in range(1, len(turns) + 1):
            found = judge(Conversation("x", whole.turns[:cut], category=category))
            assert found == (index if index is not None and index < cut else None), (name, cut)


def test_star_rule_reads_the_questionnaires() -> None:
    star = _classes()["star"]
    questions = ("Did the assistant book it?", "Did the AI Assistant stay calm and helpful throughout the dialogue?")
    user = "|".join('{"Answer": %s, "Question": "' + question + '"}' for question in questions)
    turns = [Turn("customer", "I need a room"), Turn("agent", "Booked."), Turn("customer", "thanks")]

    def label(done: str, calm: str, outcome: str = "Complete", happy: str = "true") -> str:
        return star.label(Conversation("x", turns, outcome=outcome, meta={"user": user % (done, calm), "happy": happy}))

    assert label("true", "true") == "good"
    assert label("false", "true") == "fair" and label("false", "true", happy="false") == "good"
    assert label("true", "false") == "bad" and label("true", "true", outcome="EarlyDisconnectDuringDialogue") == "bad"


def test_features_are_finite_and_empty_turns_are_fine() -> None:
    rows = features([[], [Turn("customer", "")], [Turn("agent", "好" * 5000)]])
    assert rows.shape[0] == 3 and np.isfinite(rows.data).all()
