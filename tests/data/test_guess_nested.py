"""Conversations that JSON nests in ways of its own: the first proposal reads them, and each comes out with its two sides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kefu import data
from kefu.data.check import check_source
from kefu.data.guess import append, propose
from kefu.project import load

from .guess_case import pairs, talk


def simulation(i: int) -> dict[str, Any]:
    said = [{"role": "user" if c else "assistant", "content": t, "tool_calls": None, "turn_idx": n} for n, (c, t) in enumerate(talk("en", i))]
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "name": "get", "arguments": {"a": 1}}]}
    return {
        "id": f"s{i}",
        "task_id": str(i),
        "reward_info": {"reward": 1.0},
        "messages": [*said[:3], call, {"id": "c", "role": "tool", "content": "{}"}, *said[3:]],
    }


def exchanges(language: str, i: int, asks: str, answers: str) -> list[dict[str, Any]]:
    said = talk(language, i)
    return [{asks: a, answers: b, "turn": n} for n, ((_, a), (_, b)) in enumerate(zip(said[::2], said[1::2], strict=True))]


MADE: dict[str, tuple[str, Callable[[], Any]]] = {
    "simulations beside their tasks": (
        "en",
        lambda: {
            "info": {"n": 1},
            "tasks": [{"id": str(i), "description": {"purpose": "p"}} for i in range(8)],
            "simulations": [simulation(i) for i in range(8)],
        },
    ),
    "exchanges": ("en", lambda: [{"dialog_id": i, "turns": exchanges("en", i, "usr", "sys")} for i in range(8)]),
    "exchanges by name": ("zh", lambda: [{"id": i, "conversation": exchanges("zh", i, "human", "assistant")} for i in range(8)]),
    "sessions of users": (
        "zh",
        lambda: {
            "users": [
                {
                    "user_id": f"u{i}",
                    "sessions": [
                        {"session_id": f"s{i}{k}", "messages": [{"sender": "user" if c else "agent", "text": t} for c, t in talk("zh", 2 * i + k)]}
                        for k in range(2)
                    ],
                }
                for i in range(4)
            ]
        },
    ),
    "turns by id": (
        "en",
        lambda: {f"conv_{i}": [{"speaker": "USER" if c else "SYSTEM", "utterance": t} for c, t in talk("en", i)] for i in range(8)},
    ),
    "edges": (
        "en",
        lambda: {
            "data": {
                "tickets": {
                    "edges": [
                        {
                            "node": {
                                "id": f"T{i}",
                                "comments": {"edges": [{"node": {"authorType": "CUSTOMER" if c else "AGENT", "body": t}} for c, t in talk("en", i)]},
                            }
                        }
                        for i in range(8)
                    ]
                }
            }
        },
    ),
    "numbers for sides": (
        "zh",
        lambda: {
            "code": 0,
            "data": {
                "total": 8,
                "list": [
                    {
                        "sessionId": f"S{i}",
                        "msgs": [
                            {"fromType": 1 if c else 2, "content": {"type": "text", "body": {"text": t}}, "sendTime": 1700000000000 + n * 1000}
                            for n, (c, t) in enumerate(talk("zh", i))
                        ],
                    }
                    for i in range(8)
                ],
            },
        },
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_a_nested_document(tmp_path: Path, name: str) -> None:
    language, make = MADE[name]
    (tmp_path / "x.json").write_text(json.dumps(make(), ensure_ascii=False), "utf-8")
    best = propose(tmp_path / "x.json")[0]
    assert best.confidence > 0.6, best.yaml()
    append(best, tmp_path / "shop")
    loaded = load(tmp_path / "shop")
    check_source(loaded.settings.data.sources[0], loaded)
    seen = [[(turn.role, turn.text) for turn in one.turns if turn.role != "tool"] for one in data.preview(loaded, "x", 20, mask=False)]
    assert seen == [[("customer" if c else "agent", t) for c, t in talk(language, i)] for i in range(8)]


def test_questions_of_categories_are_an_faq(tmp_path: Path) -> None:
    items = [{"question": q, "answer": a} for q, a in pairs("zh")]
    (tmp_path / "x.json").write_text(json.dumps({"categories": [{"name": "A", "items": items[:6]}, {"name": "B", "items": items[6:]}]}), "utf-8")
    best = propose(tmp_path / "x.json")[0]
    assert (best.block["shape"], best.block["rows_at"], best.formed) == ("faq", "categories.items", 12), best.yaml()


def test_wordings_beside_answers_are_no_turns(tmp_path: Path) -> None:
    intents = [{"tag": f"t{n}", "patterns": [q, f"请问{q}"], "responses": [a]} for n, (q, a) in enumerate(pairs("zh"))]
    (tmp_path / "x.json").write_text(json.dumps({"intents": intents}), "utf-8")
    assert propose(tmp_path / "x.json")[0].confidence < 0.4
