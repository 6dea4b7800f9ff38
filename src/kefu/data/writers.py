"""The files of the data artefact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kefu.artifacts import write_jsonl
from kefu.conversation import MESSAGE_ROLE, Conversation, Turn
from kefu.data.augment import Augmented, Made
from kefu.data.clean import join
from kefu.data.entries import Entry
from kefu.data.heard import Heard
from kefu.data.ledger import Step
from kefu.data.split import SPLITS


def settle_bots(conversation: Conversation) -> None:
    """The schema knows no bot: its turns are the company's side, remembered in `meta.bot` and never trained on."""
    bots = [i for i, turn in enumerate(conversation.turns) if turn.role == "bot"]
    if bots:
        conversation.meta["bot"] = bots
        for i in bots:
            conversation.turns[i].role = "agent"


def write(
    out: Path,
    conversations: list[Conversation],
    entries: list[Entry],
    chosen: dict[str, str],
    turns: Step,
    *,
    derived: Sequence[Conversation] = (),
    listened: Sequence[Heard] = (),
    made: Augmented | None = None,
) -> dict[str, int]:
    """Write every training file; returns `{file: rows}`. `turns` counts the turns of dialogues that go into training files.

    derived: FAQ rows drawn from dialogues (`canned`), which are in the dialogues' own files already. listened: wordings for
    known entries (`heard`); each is one more question to search by and one more row to learn from. made: questions made from
    others (`augment`); to learn from only, never to search by: the index is calibrated on questions taken out of it, whose copies would stay.
    """
    counts = {"conversations.jsonl": write_jsonl(out / "conversations.jsonl", ({**c.as_dict(), "split": chosen[c.id]} for c in conversations))}
    counts["faq.jsonl"] = write_jsonl(out / "faq.jsonl", (_faq_row(entry, chosen, listened, made) for entry in entries))
    if made and made.on:
        counts["augmented.jsonl"] = write_jsonl(out / "augmented.jsonl", (row.as_dict() for row in made.rows))
        counts["augmented.rejected.jsonl"] = write_jsonl(out / "augmented.rejected.jsonl", made.samples)
        counts["preferences.train.jsonl"] = write_jsonl(out / "preferences.train.jsonl", (row.as_dict() for row in made.negatives))
    counts["heard.jsonl"] = write_jsonl(out / "heard.jsonl", (one.as_dict() for one in listened))
    answers = {entry.id: entry.answer for entry in entries}
    for name in ("validation", "test"):
        held = [c for c in (*conversations, *derived) if c.kind == "faq" and chosen[c.id] == name]
        rows = (
            {
                "id": c.id,
                "text": c.turns[0].text,
                "language": c.language,
                "category": c.category,
                "answer_id": c.answer_id,
                "answer": answers[c.answer_id],
            }
            for c in held
        )
        counts[f"questions.{name}.jsonl"] = write_jsonl(out / f"questions.{name}.jsonl", rows)
    for name in SPLITS:
        ours = [c for c in conversations if chosen[c.id] == name]
        messages = [row for c in ours if (row := _messages_row(c, turns))]
        if name == "train":
            messages += [_heard_row(one, entry) for entry in entries for one in listened if one.entry == entry.id]
            messages += [_made_row(row, answers[row.entry]) for row in (made.rows if made else ())]
        counts[f"messages.{name}.jsonl"] = write_jsonl(out / f"messages.{name}.jsonl", messages)
        counts[f"instruction.{name}.jsonl"] = write_jsonl(out / f"instruction.{name}.jsonl", (row for one in messages for row in _instructions(one)))
    return counts


def _heard_row(one: Heard, entry: Entry) -> dict[str, Any]:
    spoken = [{"role": "user", "content": one.text}, {"role": "assistant", "content": entry.answer}]
    return {
        "id": f"heard:{one.where}", "messages": spoken, "language": entry.language, "category": entry.category,
        "answer_id": entry.id, "kind": "faq", "label": None,
    }  # fmt: skip


def _made_row(row: Made, answer: str) -> dict[str, Any]:
    spoken = [{"role": "user", "content": row.text}, {"role": "assistant", "content": answer}]
    described = row.as_dict()
    return {
        "id": row.id, "messages": spoken, "language": row.language, "category": row.category,
        "answer_id": row.entry, "kind": "faq", "label": None, "augmented": described["augmented"],
    }  # fmt: skip


def _faq_row(entry: Entry, chosen: dict[str, str], listened: Sequence[Heard], made: Augmented | None = None) -> dict[str, Any]:
    questions = [c.turns[0].text for c in entry.rows if chosen[c.id] == "train"]
    questions += [one.text for one in listened if one.entry == entry.id]
    row = {
        "id": entry.id,
        "language": entry.language,
        "category": entry.category,
        "answer": entry.answer,
        "answers": entry.answers,
        "questions": questions,
        "source": entry.source,
        "flags": entry.flags,
    }
    if extra := [one.text for one in (made.rows if made else ()) if one.entry == entry.id]:
        row["augmented"] = extra
    return {**row, "aliases": entry.aliases} if entry.aliases else row


def _messages_row(conversation: Conversation, turns: Step) -> dict[str, Any] | None:
    """Chat messages: bot and system turns are left out, a trailing customer turn that nobody answered too."""
    bots = set(conversation.meta.get("bot", []))
    count = conversation.kind != "faq"
    kept: list[Turn] = []
    merged = 0
    for i, turn in enumerate(conversation.turns):
        if i in bots or turn.role in ("system", "tool"):
            if count:
                turns.dropped["bot turn" if i in bots else f"{turn.role} turn"] += 1
        elif kept and kept[-1].role == turn.role:
            kept[-1] = Turn(turn.role, join(kept[-1].text, turn.text))
            merged += 1
        else:
            kept.append(turn)
    trailing = 0
    while kept and kept[-1].role != "agent":
        kept.pop()
        trailing += 1
    if count:
        turns.into += len(conversation.turns)
        turns.merged += merged
        turns.kept += len(kept)
        if trailing:
            turns.dropped["last customer turn, never answered"] += trailing
    if not any(turn.role == "customer" for turn in kept):
        return None
    return {
        "id": conversation.id,
        "messages": [{"role": MESSAGE_ROLE[turn.role], "content": turn.text} for turn in kept],
        "language": conversation.language,
        "category": conversation.category,
        "answer_id": conversation.answer_id,
        "kind": conversation.kind,
        "label": conversation.label,
    }


def _instructions(row: dict[str, Any]) -> Iterator[dict[str, str]]:
    """One instruction triple per answer: the last customer message, what was said before it, the answer."""
    messages = row["messages"]
    for i, message in enumerate(messages):
        if message["role"] == "assistant" and i and messages[i - 1]["role"] == "user":
            before = "\n".join(f"{m['role']}: {m['content']}" for m in messages[: i - 1])
            yield {"instruction": messages[i - 1]["content"], "input": before, "output": message["content"]}
