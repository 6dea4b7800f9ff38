"""FAQ entries: which questions share one answer, which answer is meant, and where the company contradicts itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kefu.conversation import Conversation
from kefu.data import conflicts, facts, near
from kefu.data.conflicts import Conflicts
from kefu.data.conflicts import answer_of as _answer
from kefu.data.conflicts import source_of as _source
from kefu.data.exclusions import Exclusions
from kefu.data.ledger import Step
from kefu.text import privacy
from kefu.text.normalise import fold
from kefu.text.segment import shingles
from kefu.text.similarity import jaccard, token_f1

_ONE_WORDING = "wording brought to the one that stands"
_MEDOID_SAMPLE = 60
_NEAR_ANSWER = 0.7  # token F1
_NEARER_ANSWER = 0.8  # Jaccard of character pairs


@dataclass
class Entry:
    """One answer with its questions. `answers`: every wording met, the meant one first."""

    id: str
    language: str
    answer: str = ""
    category: str = ""
    source: str = ""
    aliases: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    rows: list[Conversation] = field(default_factory=list)


@dataclass
class Gathered:
    """apart: the rows whose answer does not stand, as conflicting.jsonl has them."""

    entries: list[Entry]
    kept: list[Conversation]
    contradictions: list[dict[str, Any]]
    apart: list[dict[str, Any]]


def gather(faq: list[Conversation], step: Step, exclusions: Exclusions) -> Gathered:
    """Give every FAQ conversation its `answer_id` and the answer that is meant.

    Rows form one entry when they share the mapped `answer_id`, the `id`, or language and answer text. When one question
    (or one id) has different answers, the newest by `updated` is used, else the first; all are reported and none is dropped.
    """
    return _Gathering(step, exclusions)(faq)


class _Gathering:
    def __init__(self, step: Step, exclusions: Exclusions) -> None:
        self._step, self._exclusions, self._found = step, exclusions, Conflicts()
        self._said: dict[int, tuple[str, Conversation, str]] = {}  # what a row answered before it got the answer that stands, and by which rule

    def __call__(self, faq: list[Conversation]) -> Gathered:
        self._step.into += len(faq)
        for conversation in faq:
            self._step.of(_source(conversation)).into += 1
        faq = self._settle_questions(faq)
        entries, told = _entries(faq, self._found)
        for entry in entries:
            self._settle_answers(entry)
        kept = self._one_question_each(entries)
        conflicts.possible(((e.id, e.language, row) for e in entries for row in e.rows), _pairs(told), self._found)
        self._step.kept += len(kept)
        return Gathered([entry for entry in entries if entry.rows], kept, self._found.groups, self._found.rows)

    def _settle_questions(self, faq: list[Conversation]) -> list[Conversation]:
        """The same question with different answers: one stays. Questions under a mapped `answer_id` may have several wordings."""
        groups: dict[tuple[str, str], list[Conversation]] = {}
        rows: dict[tuple[str, str], list[Conversation]] = {}
        for conversation in faq:
            groups.setdefault((conversation.language, fold(conversation.turns[0].text)), []).append(conversation)
            rows.setdefault(_row(conversation), []).append(conversation)
        gone: set[int] = set()
        for members in groups.values():
            members = [c for c in members if id(c) not in gone]
            answers = {fold(_answer(c)) for c in members}
            ids = {tuple(c.meta["entry"]) for c in members if _explicit(c)}
            if len(answers) < 2 or (len(ids) == 1 and all(_explicit(c) for c in members)):
                continue
            # A question that is the title of an answer beats the same words among the other phrasings of another one.
            strongest = [c for c in members if c.meta.get("phrasing") == "main"] or members
            winner = max(strongest, key=lambda c: (c.meta.get("updated", ""), -members.index(c)))
            losers = [c for c in members if fold(_answer(c)) != fold(_answer(winner))]
            asked = winner.turns[0].text
            told = {id(c): facts.compared_as(_answer(c), _answer(winner), asked) for c in losers}
            if agreeing := [c for c in losers if told[id(c)] == "agree"]:
                self._supersede(agreeing, winner, "first met", agree=True)
                losers = [c for c in losers if told[id(c)] != "agree"]
            if not losers:
                continue
            dated = bool(winner.meta.get("updated")) and all(winner.meta["updated"] > c.meta.get("updated", "") for c in losers)
            titled = len(strongest) < len(members) and all(c.meta.get("phrasing") != "main" for c in losers)
            rule = "main question of its entry" if titled else "newest by updated" if dated else "first met"
            unsure = all(told[id(c)] == "unsure" for c in losers)
            self._found.report("same question, different answers", rule, winner, losers, possible=unsure)
            winner.flags.append("contradiction")
            for loser in losers:
                gone.add(id(loser))
                self._found.set_apart(loser, _answer(loser), winner, rule, self._step)
                if loser.meta.get("phrasing") == "main" and winner.meta.get("phrasing") == "main":
                    self._supersede([c for c in rows[_row(loser)] if id(c) not in gone], winner, rule)
        return [c for c in faq if id(c) not in gone]

    def _supersede(self, rows: list[Conversation], winner: Conversation, rule: str, *, agree: bool = False) -> None:
        """The other phrasings of an outdated row ask the same thing: they move to the answer that stands. So do rows that agree with it."""
        for conversation in rows:
            if _answer(conversation) != _answer(winner):
                self._replace(conversation, winner, _ONE_WORDING if agree else "outdated answer replaced", rule)
                conversation.meta = {
                    **conversation.meta,
                    "entry": list(winner.meta["entry"]),
                    "updated": winner.meta.get("updated", ""),
                    "phrasing": "similar",
                    "home": _home(winner),
                }
                if not agree:
                    conversation.flags = sorted({*conversation.flags, "contradiction"})

    def _replace(self, conversation: Conversation, winner: Conversation, reason: str, rule: str) -> None:
        """Counted and listed. The company's own contact data, which masking leaves in answers, are not for that list."""
        before, after = (privacy.strike(_answer(one), privacy.Memory()) for one in (conversation, winner))
        self._exclusions.change("conversations", _source(conversation), conversation.source, [reason], before, after)
        self._step.changed[reason] += 1
        self._said.setdefault(id(conversation), (_answer(conversation), winner, rule))
        conversation.turns[-1].text = _answer(winner)

    def _settle_answers(self, entry: Entry) -> None:
        """Choose the answer that is meant: newest, else (many wordings) the most central, else the first."""
        variants: dict[str, Conversation] = {}
        for conversation in entry.rows:
            key = fold(_answer(conversation)) or _answer(conversation)
            if key not in variants or conversation.meta.get("updated", "") > variants[key].meta.get("updated", ""):
                variants[key] = conversation
        rows = list(variants.values())
        dates = {c.meta.get("updated", "") for c in rows}
        explicit = all(_explicit(c) for c in entry.rows)
        if len(rows) > 1 and len(dates) > 1:
            chosen, rule = max(rows, key=lambda c: (c.meta.get("updated", ""), -rows.index(c))), "newest by updated"
        elif len(rows) > 2 and explicit:
            chosen, rule = _medoid(rows), "most central wording"
        else:
            chosen, rule = rows[0], "first met"
        entry.answer = _answer(chosen)
        entry.answers = [entry.answer, *(_answer(c) for c in rows if c is not chosen)]
        entry.flags = sorted({flag for c in entry.rows for flag in c.flags})
        if len(rows) > 1 and not explicit:
            others = [c for c in entry.rows if fold(_answer(c)) != fold(entry.answer)]
            near_only = all(_agree(_answer(c), entry.answer) for c in rows)
            if not near_only:
                entry.flags = sorted({*entry.flags, "contradiction"})
                first = entry.rows[0].turns[0].text
                self._found.report("same id, different answers", rule, chosen, others, question=first)
            entry.answers = [entry.answer]
            for conversation in entry.rows:
                if _answer(conversation) != entry.answer:
                    reason = _ONE_WORDING if near_only else "answer replaced by the one that stands"
                    self._replace(conversation, chosen, reason, rule)
                    if not near_only:
                        conversation.flags = sorted({*conversation.flags, "contradiction"})

    def _one_question_each(self, entries: list[Entry]) -> list[Conversation]:
        """A question stands once in its entry. A row that had answered it otherwise is no duplicate: it is set apart."""
        kept = []
        reason = "question already in its entry"
        for entry in entries:
            seen: set[str] = set()
            rows = []
            # The main phrasing of an entry comes first, so that it is the one that stays.
            for conversation in sorted(entry.rows, key=lambda c: c.meta.get("phrasing") != "main"):
                key = fold(conversation.turns[0].text)
                said = self._said.get(id(conversation))
                if key not in seen:
                    seen.add(key)
                    rows.append(conversation)
                elif said and not _agree(said[0], entry.answer) and facts.compared_as(said[0], entry.answer, conversation.turns[0].text) != "agree":
                    self._found.set_apart(conversation, said[0], said[1], said[2], self._step)
                else:
                    self._step.dropped[reason] += 1
                    self._step.of(_source(conversation)).dropped[reason] += 1
                    where = (_source(conversation), conversation.source)
                    self._exclusions.drop("conversations", *where, reason, conversation.text(), self._step.name)
            entry.rows = rows
            kept += rows
        return kept


def _pairs(told: list[tuple[Conversation, Conversation]]) -> set[frozenset[str]]:
    return {frozenset((a.answer_id, b.answer_id)) for a, b in told}


def _explicit(conversation: Conversation) -> bool:
    return bool(conversation.meta["entry"][0] == "answer_id")


def _row(conversation: Conversation) -> tuple[str, str]:
    return _source(conversation), conversation.source


def _home(conversation: Conversation) -> str:
    """The source whose ids an entry key belongs to."""
    return str(conversation.meta.get("home") or conversation.id.split(":", 1)[0])


def _entries(faq: list[Conversation], found: Conflicts) -> tuple[list[Entry], list[tuple[Conversation, Conversation]]]:
    """Entries, and pairs of rows that were reported: merged, or standing against each other."""
    groups = near.Groups(len(faq))
    first: dict[tuple[str, ...], int] = {}
    for i, conversation in enumerate(faq):
        source = _home(conversation)
        kind, name = conversation.meta["entry"]
        if kind == "row":  # rows of equal number in files of equal name are still two rows
            name = conversation.id.rpartition("/")[0] if conversation.meta.get("phrasing") == "similar" else conversation.id
        file = conversation.source.rpartition("#")[0]  # numbers begin again in every file and every sheet
        keys: list[tuple[str, ...]] = [(kind, source, file, conversation.language, name)]
        if kind == "answer_id":
            keys = [(kind, conversation.language, name)]  # one answer id means one entry, whichever file it stands in
        if kind != "answer_id":
            keys.append(("answer", conversation.language, fold(_answer(conversation))))
        for key in keys:
            groups.join(first.setdefault(key, i), i)
    told = _same_question(faq, groups, found)
    taken: Counter[str] = Counter()
    entries = []
    for members in groups.members().values():
        rows = [faq[i] for i in members]
        names = list(dict.fromkeys(str(c.meta["entry"][1]) if c.meta["entry"][0] != "row" else c.id.split("/")[0] for c in rows))
        questions = Counter(str(c.meta["entry"][1]) for c in rows)
        name = max(names, key=lambda n: (questions[n], -names.index(n)))  # of merged entries the one that has most questions names them
        aliases = [other for other in names if other != name]
        if taken[name]:
            name = f"{rows[0].id.split(':', 1)[0]}.{name}"
        while taken[name]:
            name = f"{name}~"
        taken[name] += 1
        categories = Counter(c.category for c in rows if c.category)
        entry = Entry(
            name,
            rows[0].language,
            category=categories.most_common(1)[0][0] if categories else "",
            source=rows[0].source,
            aliases=aliases,
            rows=rows,
        )
        for conversation in rows:
            conversation.answer_id = name
        entries.append(entry)
    return entries, told


def _medoid(rows: list[Conversation]) -> Conversation:
    """The wording most like all the others (mean Jaccard of shingles over an even sample)."""
    sample = rows[:: max(1, len(rows) // _MEDOID_SAMPLE)][:_MEDOID_SAMPLE]
    sets = [shingles(_answer(c)) for c in sample]
    scores = [sum(len(one & other) / (len(one | other) or 1) for other in sets) for one in sets]
    return sample[scores.index(max(scores))]


def _agree(a: str, b: str) -> bool:
    """Two wordings of one answer: equal numbers and negations, nearly equal words."""
    return near.critical(a)[:2] == near.critical(b)[:2] and token_f1(a, b) >= _NEAR_ANSWER


def _same_question(faq: list[Conversation], groups: near.Groups, found: Conflicts) -> list[tuple[Conversation, Conversation]]:
    """Questions of the same words (particles aside): nearly equal answers become one entry, the rest is reported.

    In another order the same words may ask the reverse (from Team to Enterprise, from Enterprise to Team), so the answers must then be closer.
    """
    alike: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for i, conversation in enumerate(faq):
        question = conversation.turns[0].text
        if len(words := near.content(question)) >= 2:
            alike.setdefault((conversation.language, tuple(sorted(words))), []).append(i)
    told = []
    for members in alike.values():
        first = members[0]
        for i in members[1:]:
            if groups.find(first) == groups.find(i) or near.critical(faq[first].turns[0].text) != near.critical(faq[i].turns[0].text):
                continue
            a, b = _answer(faq[first]), _answer(faq[i])
            ordered = near.content(faq[first].turns[0].text) == near.content(faq[i].turns[0].text)
            if not ordered and jaccard(a, b, 2) < _NEARER_ANSWER:
                continue
            told.append((faq[first], faq[i]))
            if _agree(a, b) and not (_explicit(faq[first]) or _explicit(faq[i])):
                groups.join(first, i)
                found.report("nearly the same question and answer", "merged", faq[first], [faq[i]])
            else:
                for conversation in (faq[first], faq[i]):
                    conversation.flags = sorted({*conversation.flags, "near_contradiction"})
                found.report("nearly the same question, different answers", "both kept", faq[first], [faq[i]], possible=True)
    return told
