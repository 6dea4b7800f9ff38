"""Rows to conversations: FAQ pairs, dialogues in one row, dialogues with one row per message, instructions, records."""

from __future__ import annotations

import contextlib
import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kefu.conversation import Context, Conversation, Turn
from kefu.data import calls, chats, mapping, records, senders, steps, threads, times
from kefu.data.customers import TICKET, Customers
from kefu.data.exclusions import TURN_ROWS
from kefu.data.ledger import Step
from kefu.data.readers import Row
from kefu.data.spool import Seen, Shelf, number
from kefu.errors import InputError
from kefu.project.schema import Source
from kefu.text import privacy
from kefu.text.normalise import fold

#: drop(where, reason, text)
Drop = Callable[[str, str, str], None]
#: A row, what was said in it, the name its conversation wants, and the pictures in it.
Told = tuple[Row, list[senders.Utterance], str, list[str]]
_SEPARATORS = ("｜", "\n", "||", "；", ";", "###")  # never `/` or `、`, which stand inside questions
_TUNING = ("openai", "sharegpt", "alpaca", "records")


@lru_cache(4096)
def _masked(text: str) -> str:
    """Categories, outcomes and tiers come again and again."""
    return privacy.mask(text) if text else ""


class Former:
    """Makes the conversations of one source. `step` counts rows; `turns` counts turns."""

    def __init__(
        self, source: Source, columns: dict[str, str], step: Step, turns: Step, drop: Drop, drop_turn: Drop,
        drop_said: Drop | None = None, folder: Path | None = None, customers: Customers | None = None,
    ) -> None:  # fmt: skip
        """`drop_turn` is told of turns left out while rows are read, `drop_said` (else the same) of those left out for their sender.
        `folder`: where rows may wait on the disk (default: the system's place for temporary files). `customers`: those of other sources too."""
        self.source, self.columns, self.step, self.turns = source, columns, step, turns
        self._drop, self._drop_turn, self._drop_said, self._folder = drop, drop_turn, drop_said or drop_turn, folder
        self._customer, self._ids = customers or Customers(), Seen()
        self._again: Counter[str] = Counter()
        self.notes: dict[str, Any] = {}
        self._write: records.Writer

    def look(self, head: list[Row], root: Path) -> None:
        """See the first rows before any is formed: how the phrasings in one cell are separated; whether the template fits."""
        if self.source.shape == "records":
            self._write = records.Writer(self.source, records.load(self.source, root), self.columns, [row.values for row in head])
            return
        if self.source.shape == "faq" and self._once_a_block([mapping.text(row.values, self.columns.get("category")).strip() for row in head]):
            self.notes["category_of_blank_rows"] = "that of the row above"
        column = self.columns.get("similar") if self.source.shape == "faq" else None
        cells = [text for row in head if (text := mapping.text(row.values, column))] if column else []
        if not cells or any(self.source.similar_separator in cell for cell in cells):
            return
        for other in _SEPARATORS:
            if sum(other in cell for cell in cells) * 3 >= len(cells):
                self.notes["similar_separator"] = other
                return

    @staticmethod
    def _once_a_block(categories: list[str]) -> bool:
        """Does each category stand only at the first of its rows, as people write tables to be read? Then the blank rows have it too."""
        given = [name for name in categories if name]
        blank = len(categories) - len(given)
        return bool(categories and categories[0]) and len(given) > 1 and len(set(given)) == len(given) and blank >= len(given)

    def form(self, rows: Iterator[Row]) -> Iterator[Any]:
        """Conversations (of `ExampleFormer`: examples) of the rows, as they come."""
        if self.source.shape in mapping.TURNS_IN_A_CELL:
            yield from self._dialogues(rows)
        else:
            shapes = {"faq": self._faq, "messages": self._messages, "alpaca": self._alpaca, "records": self._records}
            yield from shapes[self.source.shape](rows)

    def _get(self, row: dict[str, Any], field: str) -> str:
        return mapping.text(row, self.columns.get(field)).strip()

    def _out(self, row: Row, reason: str) -> None:
        self.step.dropped[reason] += 1
        self._drop(row.where, reason, json.dumps(row.values, ensure_ascii=False, default=str))

    def _take(self, row: Row) -> bool:
        self.step.into += 1
        if mapping.allowed(row.values, self.source.where):
            return True
        self._out(row, "not selected by `where`")
        return False

    def _id(self, wanted: str, where: str) -> str:
        """A unique, telling id; personal data in an id is replaced by the place of the row."""
        name = wanted if wanted and (TICKET.fullmatch(wanted) or not privacy.find(wanted)) else where.rsplit("#", 1)[-1]
        name = f"{self.source.name}:{name}"
        if self._ids.add(number(name)):
            return name
        self._again[name] += 1
        return f"{name}~{self._again[name] + 1}"

    def _language(self, row: dict[str, Any]) -> str:
        if self.source.language != "auto":
            return self.source.language
        return mapping.language_of(self._get(row, "language"))

    def _extras(self, row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        customer: dict[str, Any] = {}
        meta: dict[str, Any] = {}
        for field, column in self.columns.items():
            for prefix, target in (("customer.", customer), ("meta.", meta)):
                if field.startswith(prefix) and (given := mapping.text(row, column)):
                    target[field.removeprefix(prefix)] = _masked(given)
        if satisfaction := self._get(row, "satisfaction"):
            meta["satisfaction"] = _masked(satisfaction)
        if name := self._customer(self._get(row, "customer")):
            customer["id"] = name
        return customer, meta

    def _conversation(self, row: Row, name: str, turns: list[Turn], **fields: Any) -> Conversation:
        customer, meta = self._extras(row.values)
        group = ""
        if "id" in customer:
            group = f"customer:{customer['id']}"  # whichever export he stands in
        elif name and fields.get("kind") != "faq":
            group = f"{self.source.name}/ticket:{_masked(name)}"  # a ticket may have several rows
        return Conversation(
            id=self._id(name, row.where),
            turns=turns,
            language=self._language(row.values),
            category=_masked(self._get(row.values, "category")) or self.source.category,
            source=row.where,
            outcome=_masked(self._get(row.values, "outcome")),
            group=group,
            context=Context(customer=customer, tools=self._tools(row.values), images=fields.pop("images", [])),
            meta={**meta, **fields.pop("meta", {})},
            **fields,
        )

    def _faq(self, rows: Iterator[Row]) -> Iterator[Conversation]:
        above = ""
        for row in rows:
            if "category_of_blank_rows" in self.notes:
                above = self._get(row.values, "category") or above
                row.values[self.columns["category"]] = above
            if not self._take(row):
                continue
            question, answer = _in_full(self._get(row.values, "question"), self._get(row.values, "details")), self._get(row.values, "answer")
            if not question or not answer:
                self._out(row, "no question and no answer" if not question and not answer else "no answer" if question else "no question")
                continue
            self.step.kept += 1
            number = self._get(row.values, "id")
            explicit = self._get(row.values, "answer_id")
            key = ("answer_id", explicit) if explicit else ("id", number) if number else ("row", row.where)
            meta = {"entry": list(key), "updated": times.iso(mapping.value(row.values, self.columns["updated"])) if "updated" in self.columns else ""}
            conversation = self._conversation(
                row, number, [Turn("customer", question), Turn("agent", answer)], kind="faq", meta={**meta, "phrasing": "main"}
            )
            yield conversation
            others = self._similar(mapping.value(row.values, self.columns["similar"]) if "similar" in self.columns else None)
            for i, other in enumerate((one for one in others if one != question), 1):
                self.step.added += 1
                self.step.kept += 1
                yield Conversation(
                    id=f"{conversation.id}/{i}",
                    turns=[Turn("customer", other), Turn("agent", answer)],
                    kind="faq",
                    language=conversation.language,
                    category=conversation.category,
                    source=row.where,
                    outcome=conversation.outcome,
                    group=conversation.group,
                    context=conversation.context,
                    meta={**conversation.meta, "phrasing": "similar"},
                )

    def _similar(self, cell: Any) -> list[str]:
        if isinstance(cell, str) and cell.lstrip().startswith("["):
            with contextlib.suppress(ValueError, RecursionError):
                cell = json.loads(cell)
        if isinstance(cell, list):
            parts = [mapping.plain(item) for item in cell]
        else:
            separator = self.notes.get("similar_separator", self.source.similar_separator)
            parts = re.split(rf"{re.escape(separator)}|[|｜\n]", mapping.plain(cell))
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def _dialogues(self, rows: Iterator[Row]) -> Iterator[Conversation]:
        yield from self._speak(self._told(rows))

    def _told(self, rows: Iterator[Row]) -> Iterator[Told]:
        for row in rows:
            if not self._take(row):
                continue
            said, images = self._said(row.values)
            if said is None or not said.turns:
                self._out(row, "no turns" if said is not None else "turns cannot be read")
                continue
            self._not_selected(row.where, said)
            if system := self._get(row.values, "system"):
                said.turns.insert(0, senders.Utterance("system", system))
            yield row, said.turns, self._get(row.values, "id"), images

    def _prompted(self, row: dict[str, Any]) -> dict[str, Any]:
        """Files made for tuning have instructions where logs have notices of the software."""
        return {calls.PROMPTED: True} if self.source.shape in _TUNING or self._get(row, "system") else {}

    def _said(self, row: dict[str, Any]) -> tuple[senders.Said | None, list[str]]:
        """The turns of a row, and the pictures in them."""
        cell = mapping.value(row, self.columns["turns"])
        if self.source.shape == "alternating":
            return chats.alternate(cell, self.columns, self.source.first), []
        if self.source.shape == "openai":
            found = chats.openai(cell)
            if found and found.parts_left_out:
                self.notes["parts_left_out"] = self.notes.get("parts_left_out", 0) + found.parts_left_out
            return (found.said, found.images) if found else (None, [])
        return threads.told(row, self.columns, self.source.turn_where, dict(self.source.roles)), []

    def _tools(self, row: dict[str, Any]) -> list[Any]:
        given = mapping.value(row, self.columns["tools"]) if "tools" in self.columns else None
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except (ValueError, RecursionError):
                return [given] if given.strip() else []
        return given if isinstance(given, list) else [given] if given else []

    def _alpaca(self, rows: Iterator[Row]) -> Iterator[Conversation]:
        for row in rows:
            if not self._take(row):
                continue
            instruction, output = self._get(row.values, "instruction"), self._get(row.values, "output")
            if not instruction or not output:
                self._out(row, "no output" if instruction else "no instruction")
                continue
            turns = [Turn("system", system)] if (system := self._get(row.values, "system")) else []
            history = _pairs(mapping.value(row.values, self.columns["history"])) if "history" in self.columns else []
            if history is None:
                self._out(row, "history cannot be read")
                continue
            for asked, answered in history:
                turns += [Turn("customer", asked), Turn("agent", answered)]
            asked = "\n".join(part for part in (instruction, self._get(row.values, "input")) if part)
            yield self._instruction(row, [*turns, Turn("customer", asked), Turn("agent", output)])

    def _records(self, rows: Iterator[Row]) -> Iterator[Conversation]:
        for row in rows:
            if not self._take(row):
                continue
            for n, backward in enumerate({"forward": (False,), "backward": (True,), "both": (False, True)}[self.source.direction]):
                self.step.added += n > 0
                try:
                    system, instruction, output = self._write(row.values, backward=backward)
                except InputError as error:
                    self._out(row, error.what)
                    continue
                if not instruction or not output:
                    self._out(row, "the template gives no " + ("output" if instruction else "instruction"))
                    continue
                turns = [*([Turn("system", system)] if system else []), Turn("customer", instruction), Turn("agent", output)]
                made = self._instruction(row, turns, record="pair" if self._write.parallel else True)
                if self._write.parallel and not made.context.customer.get("id"):  # both directions, and all translations of one text, belong together
                    made.group = f"{self.source.name}/pair:{number(fold(self._get(row.values, 'source'))):x}"
                yield made

    def _instruction(self, row: Row, turns: list[Turn], **meta: Any) -> Conversation:
        self.step.kept += 1
        self.turns.into += len(turns)
        self.turns.kept += len(turns)
        if turns[0].role == "system":
            meta[calls.PROMPTED] = True
        return self._conversation(row, self._get(row.values, "id"), turns, kind="instruction", meta=meta)

    def _not_selected(self, where: str, said: senders.Said) -> None:
        self.turns.into += said.skipped
        if said.skipped:
            self.turns.dropped["not selected by `turn_where`"] += said.skipped
            for text in said.skipped_texts:
                self._drop_turn(where, "not selected by `turn_where`", text)

    def _messages(self, rows: Iterator[Row]) -> Iterator[Conversation]:
        """Rows of a conversation may stand anywhere, so all of them wait on the disk; 16 bytes of memory a row."""
        with closing(Shelf(self._folder)) as shelf:
            yield from self._speak(self._gathered(self._grouped(rows, shelf)))

    def _grouped(self, rows: Iterator[Row], shelf: Shelf) -> Iterator[list[Row]]:
        """Rows of one conversation, in the order of the first row of each."""
        names, places = array("Q"), array("Q")
        for row in rows:
            if not self._take(row):
                continue
            name = mapping.pair(row.values, self.columns)
            if not name:
                self._out(row, "no conversation id")
            else:
                names.append(number(name))
                places.append(shelf.put(row))
        hashes = np.frombuffer(names, np.uint64)
        order = np.argsort(hashes, kind="stable")
        starts = np.flatnonzero(np.concatenate([[True], np.diff(hashes[order]) != 0])[: len(order)])
        ends = np.append(starts[1:], len(order))
        for group in np.argsort(order[starts], kind="stable"):
            yield [shelf.get(places[i]) for i in order[starts[group] : ends[group]]]

    def _gathered(self, groups: Iterable[list[Row]]) -> Iterator[Told]:
        for rows in groups:
            members = self._ordered([(row, _unpacked(mapping.value(row.values, self.columns["text"]))) for row in rows])
            first = members[0][0]
            merged = dict(first.values)
            for row, _ in members[1:]:
                merged.update({key: item for key, item in row.values.items() if merged.get(key) in (None, "") and item not in (None, "")})
            said: list[senders.Utterance] = []
            for row, text in members:
                sender = mapping.value(row.values, self.columns["role"])
                at = times.iso(mapping.value(row.values, self.columns["time"])) if "time" in self.columns else ""
                inner, before = senders.transcript(text), len(said)
                said += inner or [senders.Utterance(mapping.plain(sender).strip(), text, at, row.where)]
                for one in said[before:]:
                    one.category = self._get(row.values, "category") if "category" in self.columns else None
            self.step.merged += len(members) - 1
            yield Row(first.where, merged), said, mapping.pair(first.values, self.columns), []

    def _ordered(self, members: list[tuple[Row, str]]) -> list[tuple[Row, str]]:
        """By the order column, then by time; rows of which neither can be read stay where the export has them."""
        keys = [[times.seconds(mapping.value(row.values, self.columns[f])) for f in ("order", "time") if f in self.columns] for row, _ in members]
        usable = [i for i in range(len(keys[0])) if all(key[i] is not None for key in keys)]
        if len(members) > 1 and keys[0] and not usable:
            self.notes["unordered_conversations"] = self.notes.get("unordered_conversations", 0) + 1
        order = sorted(range(len(members)), key=lambda n: (*(keys[n][i] for i in usable), n))
        return [members[n] for n in order]

    def _speak(self, formed: Iterable[Told]) -> Iterator[Conversation]:
        """Give every utterance its role; senders nobody knows are guessed from the company they keep, or dropped.

        From the first conversation with such a sender on, all wait (on the disk) until the last one has been seen.
        """
        roles = senders.Roles(self.source)
        with closing(Shelf(self._folder)) as waiting:
            for one in formed:
                if not roles.see(one[1], one[0].where) or waiting:
                    waiting.put(one)
                else:
                    yield self._spoken(roles, *one)
            roles.settle()
            self.notes.update(roles.facts)
            for one in waiting:
                yield self._spoken(roles, *one)

    def _spoken(self, roles: senders.Roles, row: Row, said: list[senders.Utterance], name: str, images: list[str]) -> Conversation:
        turns, kept = [], []
        self.turns.into += len(said)
        for utterance in said:
            role = roles.of(utterance.sender, said)
            if role in ("", "ignore"):
                reason = "sender ignored by `roles`" if role else "unknown sender"
                self.turns.dropped[reason] += 1
                self._drop_said(utterance.where or row.where, reason, utterance.text)
            else:
                called = role == "tool" and "call" in utterance.sender.casefold()
                turns.append(Turn(role, calls.canonical(utterance.text) if called else utterance.text, utterance.at))
                kept.append(utterance)
        self.turns.kept += len(turns)
        self.step.kept += 1
        meta = self._prompted(row.values) if any(turn.role == "system" for turn in turns) else {}
        made = self._conversation(row, name, turns, kind="dialogue", images=images, meta=meta)
        if kept and all(one.where for one in kept):
            made.meta[TURN_ROWS] = [one.where for one in kept]  # until cleaning: what it leaves out is listed under its own row
        if any(one.category is not None for one in said):
            made.category = _masked(_category(turns, kept)) or self.source.category
        return made


def _pairs(cell: Any) -> list[tuple[str, str]] | None:
    """What was said before, as (question, answer): a list of pairs, also as JSON text. None: something else."""
    if isinstance(cell, str) and cell.strip():
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return None
    if not cell:
        return []
    if not isinstance(cell, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in cell):
        return None
    return [(mapping.plain(asked).strip(), mapping.plain(answered).strip()) for asked, answered in cell]


_MEDIA = {"md5sum", "sdkfileid", "filename", "media_id", "image_key", "file_key", "voiceid", "picurl", "pre_msgid", "mediaid", "downloadcode"}


def _unpacked(cell: Any) -> str:
    """The words of a message that stands as an object, or as one written out: `{"content": "…"}` (WeCom), `{"text": "…"}` (飞书, 钉钉)."""
    if isinstance(cell, str) and cell.lstrip()[:1] == "{" and cell.rstrip()[-1:] == "}":
        with contextlib.suppress(ValueError, RecursionError):
            cell = json.loads(cell)
    if isinstance(cell, dict):
        for key in ("content", "text", "title"):
            if key in cell:
                return _unpacked(cell[key])
        if _MEDIA & cell.keys():
            return "[文件]"  # cleaning counts it as a picture or voice message
    return mapping.words({"cell": cell}, "cell")


def _in_full(subject: str, details: str) -> str:
    """A subject and what was written below it; once where the one says the other."""
    if not details or not subject:
        return subject or details
    return details if details.casefold().startswith(subject.casefold().rstrip(".。…")) else f"{subject}\n{details}"


def _category(turns: list[Turn], kept: list[senders.Utterance]) -> str:
    """What the customer's first message with a category has, else an answer's: the desk's software files its notices under names of its own."""
    for wanted in (("customer",), ("agent", "bot")):
        for turn, one in zip(turns, kept, strict=True):
            if turn.role in wanted and one.category and not (turn.role != "customer" and steps.is_notice(one.text)):
                return one.category
    return ""
