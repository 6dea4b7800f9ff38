"""The files of the data artefact."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from kefu.artifacts import write_jsonl
from kefu.conversation import MESSAGE_ROLE, Conversation, Turn
from kefu.data import calls
from kefu.data.augment import Augmented, Made
from kefu.data.clean import join
from kefu.data.entries import Entry
from kefu.data.heard import Heard
from kefu.data.ledger import Step
from kefu.project.schema import Messages

if TYPE_CHECKING:
    from kefu.data.jobs import Labelled

_ALL = Messages()
SPLITS = ("train", "validation", "test")


def settle_bots(conversation: Conversation) -> None:
    """A bot's turns are the company's side, so that whoever reads roles need know no more; they are marked, and never trained on."""
    for turn in conversation.turns:
        if turn.role == "bot":
            turn.role, turn.bot = "agent", True


class Writer:
    """Fills the files as labelled batches come; what is drawn from dialogues follows when all have come."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._files: dict[str, IO[str]] = {}
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Writer:
        for name in ("conversations.jsonl", *(f"{kind}.{split}.jsonl" for kind in ("messages", "instruction") for split in SPLITS)):
            self._files[name] = open(self._out / name, "w", encoding="utf-8", errors="replace")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with ExitStack() as all_:
            for file in self._files.values():
                all_.callback(file.close)

    def take(self, labelled: Labelled) -> None:
        self._files["conversations.jsonl"].write(labelled.conversations)
        for name in SPLITS:
            self._files[f"messages.{name}.jsonl"].write(labelled.messages[name])
            self._files[f"instruction.{name}.jsonl"].write(labelled.instructions[name])
        self.counts.update(labelled.rows)

    def finish(
        self, entries: list[Entry], held: Iterable[Conversation], chosen: Mapping[str, str], listened: Sequence[Heard], made: Augmented | None = None
    ) -> dict[str, int]:
        """The files about the FAQ; returns `{file: rows}` of all. `held`: FAQ rows, also those drawn from dialogues (`canned`), which are
        in the dialogues' own files already. `listened`: wordings for known entries; each is one more question to search by and one more
        row to learn from. `made`: questions made from others (`augment`); to learn from only, never to search by: the index is calibrated on
        questions taken out of it, whose copies would stay."""
        counts = {"conversations.jsonl": self.counts["conversations.jsonl"]}
        more: dict[str, list[Heard]] = {}
        for one in listened:
            more.setdefault(one.entry, []).append(one)
        counts["faq.jsonl"] = write_jsonl(self._out / "faq.jsonl", (_faq_row(entry, chosen, more.get(entry.id, ()), made) for entry in entries))
        if made and made.on:
            counts["augmented.jsonl"] = write_jsonl(self._out / "augmented.jsonl", (row.as_dict() for row in made.rows))
            counts["augmented.rejected.jsonl"] = write_jsonl(self._out / "augmented.rejected.jsonl", made.samples)
            counts["preference.made.jsonl"] = write_jsonl(self._out / "preference.made.jsonl", (row.as_dict() for row in made.negatives))
        counts["heard.jsonl"] = write_jsonl(self._out / "heard.jsonl", (one.as_dict() for one in listened))
        answers = {entry.id: entry.answer for entry in entries}
        rows = list(held)
        for name in ("validation", "test"):
            asked = (_question_row(c, answers) for c in rows if chosen[c.id] == name)
            counts[f"questions.{name}.jsonl"] = write_jsonl(self._out / f"questions.{name}.jsonl", asked)
        for name in SPLITS:
            if name == "train":
                heard = (_heard_row(one, entry) for entry in entries for one in more.get(entry.id, ()))
                for row in (*heard, *(_made_row(one, answers[one.entry]) for one in (made.rows if made else ()))):
                    self._append(f"messages.{name}.jsonl", row)
                    for triple in instructions(row):
                        self._append(f"instruction.{name}.jsonl", triple)
            for kind in ("messages", "instruction"):
                counts[f"{kind}.{name}.jsonl"] = self.counts[f"{kind}.{name}.jsonl"]
        return counts

    def _append(self, name: str, row: dict[str, Any]) -> None:
        self._files[name].write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
        self.counts[name] += 1


def _question_row(conversation: Conversation, answers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "text": conversation.turns[0].text,
        "language": conversation.language,
        "category": conversation.category,
        "answer_id": conversation.answer_id,
        "answer": answers[conversation.answer_id],
    }


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


def _faq_row(entry: Entry, chosen: Mapping[str, str], listened: Sequence[Heard], made: Augmented | None = None) -> dict[str, Any]:
    questions = [c.turns[0].text for c in entry.rows if chosen[c.id] == "train"]
    questions += [one.text for one in listened]
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


def messages_row(conversation: Conversation, turns: Step, given: Messages = _ALL) -> dict[str, Any] | None:
    """Chat messages: bot turns are left out and a trailing customer turn that nobody answered too; a system turn stays where it is the
    instruction before the first word, a tool call where its results follow."""
    dropped: Counter[str] = Counter()
    chat = _Chat()
    tools: list[Turn] = []
    said = [(i, turn) for i, turn in enumerate(conversation.turns)]
    for i, turn in said:
        if turn.role == "tool":
            tools.append(turn)
            if i + 1 < len(said) and said[i + 1][1].role == "tool":
                continue
            if given.tools and chat.messages and chat.messages[-1]["role"] in ("user", "assistant"):
                dropped.update(chat.use(tools))
            else:
                dropped["tool turn"] += len(tools)
            tools = []
        elif turn.bot:
            dropped["bot turn"] += 1
        elif turn.role != "system" or (given.system and conversation.meta.get(calls.PROMPTED) and not chat.spoken):
            chat.say(turn)
        else:
            dropped["system turn"] += 1
    dropped.update(chat.until_answered())
    answered = any(message["role"] == "user" for message in chat.messages)
    if not answered:
        dropped["no customer turn that an agent answered"] += sum(chat.units)
    if conversation.kind != "faq":
        turns.into += len(conversation.turns)
        turns.merged += chat.merged
        turns.kept += sum(chat.units) if answered else 0
        turns.dropped.update(dropped)
    if not answered:
        return None
    row = {"id": conversation.id, "messages": chat.messages}
    if given.tools and conversation.context.tools:
        row["tools"] = conversation.context.tools
    return {
        **row, "language": conversation.language, "category": conversation.category, "answer_id": conversation.answer_id,
        "kind": conversation.kind, "label": conversation.label,
    }  # fmt: skip


class _Chat:
    """Messages as they grow. units: turns that stand in each, but for the merged ones."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.units: list[int] = []
        self.merged = 0

    @property
    def spoken(self) -> bool:
        return any(message["role"] != "system" for message in self.messages)

    def say(self, turn: Turn) -> None:
        role = MESSAGE_ROLE[turn.role]
        if self.messages and self.messages[-1]["role"] == role and "tool_calls" not in self.messages[-1]:
            self.messages[-1]["content"] = join(self.messages[-1]["content"], turn.text)
            self.merged += 1
        else:
            self.messages.append({"role": role, "content": turn.text})
            self.units.append(1)

    def use(self, tools: list[Turn]) -> Counter[str]:
        """A run of tool turns; returns what of it cannot be used."""
        dropped: Counter[str] = Counter()
        for turn, made in calls.paired(tools):
            if isinstance(made, list):
                if self.messages[-1]["role"] == "assistant" and "tool_calls" not in self.messages[-1]:
                    self.messages[-1]["tool_calls"] = made
                    self.merged += 1
                else:
                    self.messages.append({"role": "assistant", "content": "", "tool_calls": made})
                    self.units.append(1)
            elif made.startswith("!"):
                dropped[made[1:]] += 1
            else:
                self.messages.append({"role": "tool", "tool_call_id": made, "content": turn.text})
                self.units.append(1)
        return dropped

    def until_answered(self) -> Counter[str]:
        """Take away what stands behind the last answer; returns it by reason."""
        dropped: Counter[str] = Counter()
        while self.messages and not (self.messages[-1]["role"] == "assistant" and "tool_calls" not in self.messages[-1]):
            if self.messages[-1]["content"] and self.messages[-1].pop("tool_calls", None):
                self.merged -= 1
                dropped["tool turn behind the last answer"] += 1
                continue
            role, units = self.messages.pop()["role"], self.units.pop()
            why = {"user": "last customer turn, never answered", "system": "system turn, never answered"}
            dropped[why.get(role, "tool turn behind the last answer")] += units
        return dropped


#: Why turns of a held-out conversation are in no training file.
KNOWN = "asks what training asks, and what follows"


def until(row: dict[str, Any], question: int, turns: Step) -> dict[str, Any] | None:
    """The row of a held-out conversation up to before one of its questions, counted as `instructions` gives them; None: nothing is left."""
    asked = [start for start, _ in _answered(row)][question]
    messages = row["messages"][:asked]
    while messages and not (messages[-1]["role"] == "assistant" and "tool_calls" not in messages[-1]):
        messages.pop()
    left = messages if any(message["role"] == "user" for message in messages) else []
    out = len(row["messages"]) - len(left)
    turns.kept -= out
    turns.dropped[KNOWN] += out
    return {**row, "messages": left} if left else None


def instructions(row: dict[str, Any]) -> Iterator[dict[str, str]]:
    """One instruction triple per answer: the last customer message, what was said before it, the answer; `system` where there is one.
    Such rows know no tools: what the agent says around a call is one answer."""
    return (triple for _, triple in _answered(row))


def _answered(row: dict[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    """(place of the message that asks, triple)"""
    messages: list[dict[str, Any]] = []
    starts: list[int] = []
    for place, message in enumerate(row["messages"]):
        if message["role"] in ("user", "assistant") and message["content"]:
            if messages and messages[-1]["role"] == message["role"]:
                messages[-1] = {**messages[-1], "content": join(messages[-1]["content"], message["content"])}
            else:
                messages.append(message)
                starts.append(place)
    system = "\n".join(message["content"] for message in row["messages"] if message["role"] == "system")
    for i, message in enumerate(messages):
        if message["role"] == "assistant" and i and messages[i - 1]["role"] == "user":
            before = "\n".join(f"{m['role']}: {m['content']}" for m in messages[: i - 1])
            triple = {"instruction": messages[i - 1]["content"], "input": before, "output": message["content"]}
            yield starts[i - 1], {**triple, "system": system} if system else triple
