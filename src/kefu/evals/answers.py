"""Whether what was said is the right approved answer. One judgement, shared by scenarios and questions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from kefu.artifacts import read_jsonl
from kefu.errors import InputError
from kefu.evals.said import Said
from kefu.text.normalise import fold
from kefu.text.segment import units
from kefu.text.similarity import token_f1

#: A reworded model answer is taken for the approved one from this token F1 on.
SAME_TEXT = 0.8
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """An approved answer with its variants."""

    id: str
    answers: tuple[str, ...]
    questions: tuple[str, ...] = ()
    language: str = ""
    category: str = ""

    @property
    def answer(self) -> str:
        return self.answers[0]


def load_entries(data: Path) -> dict[str, Entry]:
    """`data/faq.jsonl` by id. Raises InputError when the file is not there."""
    path = data / "faq.jsonl"
    if not path.is_file():
        raise InputError(f"{data} has no faq.jsonl", "the evaluation needs the approved answers", "run the data stage first")
    entries = {}
    for row in read_jsonl(path):
        variants = dict.fromkeys(text for text in [row.get("answer") or "", *(row.get("answers") or [])] if text)
        if variants:
            name = str(row["id"])
            entries[name] = Entry(name, tuple(variants), tuple(row.get("questions") or ()), row.get("language") or "", row.get("category") or "")
    return entries


def source_id(source: str) -> str:
    """`faq:Z001` and `Z001` name the same entry."""
    return source.removeprefix("faq:")


def right(said: Said, accepted: Collection[str], entries: Mapping[str, Entry]) -> tuple[bool, str]:
    """Did it give one of the accepted entries' answers? With the reason in words.

    Right when neither refused nor handed over and (a) the deciding (first) source is accepted, or (b) the text is an accepted answer word
    for word, or (c) the model's own wording has token F1 >= 0.8 with one, or (d) a passage of a document holds every number and 0.8 of
    the tokens of one. (a) is not enough for a model that recited another entry's answer while citing an accepted one.
    """
    wanted = " or ".join(sorted(accepted))
    if said.handoff:
        return False, f"handed over instead of answering {wanted}"
    if said.refused:
        return False, f"refused instead of answering {wanted}"
    if not said.text.strip():
        return False, f"said nothing instead of {wanted}"
    variants = [text for name in accepted if name in entries for text in entries[name].answers]
    if any(fold(said.text) == fold(text) for text in variants):
        return True, f"the approved answer of {wanted}, word for word"
    if said.tier == "model":
        likeness = max((token_f1(said.text, text) for text in variants), default=0.0)
        if likeness >= SAME_TEXT:
            return True, f"in the model's words, token F1 {likeness:.2f} with {wanted}"
    if said.tier == "document" and any(_carries(said.text, text) for text in variants):
        return True, f"a passage that holds the answer of {wanted}"
    first = source_id(said.sources[0]) if said.sources else ""
    if first in accepted:
        stray = _strayed(said, accepted, entries) if said.tier == "model" else ""
        return (False, f"cites {first} but says the answer of {stray}") if stray else (True, f"answered from {first}")
    return False, f"answered from {first or 'no source'} instead of {wanted}"


def _carries(passage: str, answer: str) -> bool:
    """Does a longer passage hold what the answer says? Strict on numbers, which is where passages differ."""
    if not set(_NUMBER.findall(answer.replace(",", ""))) <= set(_NUMBER.findall(passage.replace(",", ""))):
        return False
    wanted, given = Counter(units(answer)), Counter(units(passage))
    return sum((wanted & given).values()) >= SAME_TEXT * sum(wanted.values())


def _strayed(said: Said, accepted: Collection[str], entries: Mapping[str, Entry]) -> str:
    """The entry outside `accepted` whose answer a model recited while citing an accepted one, or an empty string."""
    for name, entry in entries.items():
        if name not in accepted and any(token_f1(said.text, text) >= SAME_TEXT for text in entry.answers):
            return name
    return ""
