"""`KnowledgeBase`: a built folder, searched. Numpy only; a search of some hundred entries takes well under a millisecond."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kefu.errors import InputError
from kefu.knowledge.analyse import Analyser, Reading
from kefu.knowledge.index import Question
from kefu.knowledge.judge import MEANT_FEATURES, Judge
from kefu.knowledge.lexicon import Lexicon
from kefu.knowledge.meaning import Opener, Vectors, checked, opened
from kefu.knowledge.result import Entry, Hit, Result, Thresholds
from kefu.knowledge.store import Shelf, load
from kefu.text.language import detect

_FOLLOW_UP = re.compile(
    r"^(?:那|那么|那要是|那如果|还有|另外|换成|如果是|要是|而)|呢[？?。!！]*$|它|这个|那个|上面|刚才说的"
    r"|^(?:and|what about|how about|what if|same for|but|or)\b|\b(?:it|that one|this one|them|those|instead)\b",
    re.IGNORECASE,
)
_SHORT_UNITS = 3  # a question with no more units than this may lean on what was said before
_DECAY = 0.5  # weight of the turn before against the present one, and again for the one before that
_TURNS = 3
_STRANGE = 0.5
_MOST_CHARS = 2000
_CLAUSE = re.compile(r"[，。！？；：,!?;\n…]+|[.:](?=\s)|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")
_CLAUSES = 6  # clauses of a story that are looked at, the last ones
_TOPIC = 2  # units that a clause needs to be a question of its own
_SURE_PASSAGE = 0.6  # a passage's trials ask with its own words and are nearly always right; customers use others
_NEAR = 15  # entries looked at for an exchanged question


class KnowledgeBase:
    """Read with `load`. Safe to share between threads: nothing changes after loading."""

    def __init__(self, shelves: dict[str, Shelf], lexicon: Lexicon, digest: str, opener: Opener | None = None) -> None:
        self._shelves = shelves
        self._meaning = next((shelf.index.meaning for shelf in shelves.values() if shelf.index.meaning is not None), None)
        self._encoder = opened(self._meaning, opener)
        self._analyser = Analyser(lexicon, {unit for shelf in shelves.values() for unit in shelf.index.units.names})
        self._units: dict[str, set[str]] = {}
        self._entries = {entry.id: entry for shelf in shelves.values() for entry in shelf.entries}
        self.digest = digest
        faq, document = shelves.get("faq"), shelves.get("document")
        first = faq or document
        if first is None:
            raise InputError("the knowledge folder is empty", "it holds neither entries nor passages", "build it again with `kefu run --force`")
        self._first = first
        self.thresholds = self._limits("", self._first.judge)

    def _limits(self, language: str, judge: Judge) -> Thresholds:
        document = self._shelves.get("document")
        if document is None:
            return Thresholds(*judge.limits(language))
        heard = document.meant is not None and judge is self._first.meant
        learnt = (document.meant if heard and document.meant else document.judge).answer_at
        return Thresholds(*judge.limits(language), max(learnt, _SURE_PASSAGE))

    @classmethod
    def load(cls, path: Path | str, opener: Opener | None = None) -> KnowledgeBase:
        """Open a folder made by `build`. opener: opens the sentence encoder of a folder that was built with one. Raises InputError."""
        return cls(*load(Path(path)), opener)

    @property
    def slow(self) -> bool:
        """Whether a search takes milliseconds: an encoder is asked. An event loop should wait for it in a thread."""
        return self._encoder is not None

    def _heard(self, texts: Sequence[str], language: str) -> Sequence[Vectors | None]:
        """The vectors of a customer's words; None each without an encoder that knows the language."""
        if not texts or self._encoder is None or self._meaning is None or not self._meaning.knows(language):
            return [None] * len(texts)
        return list(checked(self._encoder, texts))

    @property
    def entries(self) -> list[Entry]:
        return list(self._entries.values())

    def entry(self, id: str) -> Entry:
        """The entry of that id. Raises InputError."""
        if id not in self._entries:
            raise InputError(f"no entry {id!r} in the knowledge base", f"it holds {len(self._entries)} entries", "take an id from a hit")
        return self._entries[id]

    def search(self, query: str, *, history: Sequence[str] = (), language: str = "", k: int = 5) -> Result:
        """The `k` best hits for a customer's question. `history`: earlier customer turns, oldest first, used when the question leans on them."""
        query = query[:_MOST_CHARS]
        reading = self._analyser.read(query, language or detect(query))
        alone = self._find(Question.of(reading, *self._heard([query], reading.language)), reading.language, k)
        if not alone.certain and (asked := self._asked(query, alone, reading, k)) is not None:
            return asked
        before = [turn for turn in history if turn.strip()][-_TURNS:]
        if not before or (alone.certain and not _leans(query)):
            return alone
        if not _leans(query) and len(reading.units) > _SHORT_UNITS:
            return alone
        if reading.units and _strangeness(alone) > _STRANGE:  # its own topic is nobody's here; what was said before cannot change that
            return alone
        anchor = next((turn for turn in reversed(before) if not _leans(turn)), before[-1])
        if _leans(query) and (exchanged := self._exchanged(reading, anchor, k)) is not None:
            return exchanged
        joined = replace(self._find(self._joined(reading, before), reading.language, k), used_history=True)
        return joined if (_leans(query) and joined.scope >= min(alone.scope, alone.thresholds.scope_at)) or joined.scope > alone.scope else alone

    def _asked(self, query: str, whole: Result, reading: Reading, k: int) -> Result | None:
        """The clause of a story that asks: certain by itself, of the entry that the whole comes nearest to; None when there is none.

        A customer who tells what happened before asking brings words that no entry has, and each lowers the confidence in the whole.
        """
        clauses = [part for part in _CLAUSE.split(query) if part.strip()]
        if len(clauses) < 2 or not whole.near:
            return None
        parts = [self._analyser.read(clause, reading.language) for clause in clauses[-_CLAUSES:]]
        parts = [part for part in parts if len(part.units) >= _TOPIC and part.units.keys() != reading.units.keys()]
        best: Result | None = None
        for part, vector in zip(parts, self._heard([part.text for part in parts], reading.language), strict=True):
            found = self._find(Question.of(part, vector), reading.language, k)
            if found.certain and found.hits[0].id == whole.hits[0].id and (best is None or found.confidence > best.confidence):
                best = found
        return best

    def _exchanged(self, reading: Reading, before: str, k: int) -> Result | None:
        """The question before with one thing exchanged (`团队版多少钱` … `那企业版呢`), or None when that leads nowhere.

        Among the entries near both, the best that names everything asked now; what only the former entry names is left out.
        """
        topic = reading.units.keys() - reading.common
        earlier = self._analyser.read(before[:_MOST_CHARS], reading.language)
        if not topic or not earlier.units:
            return None
        former = self._find(Question.of(earlier), reading.language, 1)
        if not former.in_scope:
            return None
        told = self._named(former.hits[0].id)
        meant = self._analyser.read(former.hits[0].question, reading.language)  # what it was taken for counts, half, beside its own words
        asked = {unit: value * _DECAY for unit, value in meant.units.items()} | earlier.units
        best, most = None, 0.0
        for hit in self._find(self._joined(reading, [before]), reading.language, _NEAR).hits:
            named = self._named(hit.id)
            if hit.kind != former.hits[0].kind or not topic <= named:
                continue
            kept = {unit: value for unit, value in asked.items() if unit in named or unit not in told}
            spoken = " ".join(self._entries[hit.id].questions)
            grams = {gram: float(count) for gram, count in earlier.grams.items() if gram in spoken}
            grams |= {gram: float(count) for gram, count in reading.grams.items()}
            question = Question(kept | reading.units, grams, reading.language, reading.negated, reading.common)
            found = self._find(question, reading.language, k)
            worth = sum(kept.values()) / sum(asked.values()) + found.confidence  # exchanging little is worth as much as being sure
            if found.in_scope and found.hits[0].id == hit.id and worth > most:
                best, most = replace(found, used_history=True), worth
        return best

    def _named(self, entry: str) -> set[str]:
        """The units that an entry's questions name."""
        if entry not in self._units:
            found = self._entries[entry]
            self._units[entry] = {unit for text in found.questions for unit in self._analyser.read(text, found.language).units}
        return self._units[entry]

    def _joined(self, reading: Reading, before: Sequence[str]) -> Question:
        units, grams = dict(reading.units), {gram: float(count) for gram, count in reading.grams.items()}
        weight = 1.0
        for turn in reversed(before):
            weight *= _DECAY
            earlier = self._analyser.read(turn[:_MOST_CHARS], reading.language)
            for unit, value in earlier.units.items():
                units.setdefault(unit, value * weight)
            for gram in earlier.grams:
                grams.setdefault(gram, weight)
        (vector,) = self._heard([f"{before[-1][:_MOST_CHARS]} {reading.text}"], reading.language)
        return Question(units, grams, reading.language, reading.negated, reading.common, vector)

    def _find(self, question: Question, language: str, k: int) -> Result:
        faq, document, limits = self._shelves.get("faq"), self._shelves.get("document"), self._limits(language, self._first.judge)
        if not question.units and not question.grams:
            return Result([], 0.0, 0.0, limits, language)
        asked, scope, signals, judge = self._ask(self._first, question, k)
        limits = self._limits(language, judge)
        alone = Result(asked, asked[0].confidence, scope, limits, language, signals=signals)
        if faq is None or document is None or alone.certain:  # a certain answer needs no manual
            return alone
        read, passage_scope, _, judge = self._ask(document, question, k)
        _, passage_at, near_at = judge.limits(language)
        scope = max(scope, _rescale(passage_scope, passage_at, limits.scope_at))
        lead = asked[0].confidence < min(limits.answer_at, read[0].confidence)
        best, others = (read, asked) if lead else (asked, read)
        hits = [best[0], *sorted([*best[1:], *others], key=lambda hit: -hit.confidence)][:k]
        return Result(hits, hits[0].confidence, scope, limits, language, signals=signals, near_passage=passage_scope >= near_at)

    def _ask(self, shelf: Shelf, question: Question, k: int) -> tuple[list[Hit], float, dict[str, float], Judge]:
        signals = shelf.index.signals(question)
        judge = shelf.judge_of(signals)
        seen = judge.order(signals, max(1, k))
        right, scope = float(judge.right(seen.features)), float(judge.scope(seen.features))
        hits = []
        for place, score in zip(seen.order.tolist(), seen.scores.tolist(), strict=True):
            entry = shelf.entries[place]
            said = (entry.id, entry.kind, entry.question, entry.answer, entry.source, entry.category, entry.language)
            matched = entry.questions[int(signals.kernel[shelf.index.rows_of(place)].argmax())]
            hits.append(Hit(*said, round(score, 6), round(right * score / max(float(seen.scores[0]), 1e-9), 6), matched))
        return hits, scope, dict(zip(MEANT_FEATURES, np.round(seen.features, 4).tolist(), strict=False)), judge


def _leans(query: str) -> bool:
    """Whether the wording points back to what was said before."""
    return len(query) <= 60 and _FOLLOW_UP.search(query.strip()) is not None


def _strangeness(result: Result) -> float:
    """Share of the question that no entry mentions, 0..1."""
    return 2 - result.signals.get("no_unknown_concept", 1.0) - result.signals.get("no_unknown_word", 1.0)


def _rescale(value: float, own: float, other: float) -> float:
    """Move a probability from a scale whose threshold is `own` to one whose threshold is `other`, piecewise linearly."""
    return value * other / own if value < own else other + (value - own) * (1 - other) / max(1e-9, 1 - own)
