"""FAQ entries: which questions share one answer, which answer is meant, and where the company contradicts itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kefu.conversation import Conversation
from kefu.data import near
from kefu.data.exclusions import Exclusions
from kefu.data.ledger import Step
from kefu.text import privacy
from kefu.text.normalise import fold
from kefu.text.segment import shingles
from kefu.text.similarity import jaccard, token_f1

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
    entries: list[Entry]
    kept: list[Conversation]
    contradictions: list[dict[str, Any]]


def gather(faq: list[Conversation], step: Step, exclusions: Exclusions) -> Gathered:
    """Give every FAQ conversation its `answer_id` and the answer that is meant.

    Rows form one entry when they share the mapped `answer_id`, the `id`, or language and answer text. When one question
    (or one id) has different answers, the newest by `updated` wins, else the first; both are reported.
    """
    step.into += len(faq)
    contradictions: list[dict[str, Any]] = []
    faq = _settle_questions(faq, step, exclusions, contradictions)
    entries, merged = _entries(faq)
    contradictions += merged
    for entry in entries:
        _settle_answers(entry, step, contradictions, exclusions)
    kept = _one_question_each(entries, step, exclusions)
    step.kept += len(kept)
    return Gathered([entry for entry in entries if entry.rows], kept, contradictions)


def _answer(conversation: Conversation) -> str:
    return conversation.turns[-1].text


def _explicit(conversation: Conversation) -> bool:
    return bool(conversation.meta["entry"][0] == "answer_id")


def _settle_questions(faq: list[Conversation], step: Step, exclusions: Exclusions, contradictions: list[dict[str, Any]]) -> list[Conversation]:
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
        dated = bool(winner.meta.get("updated")) and all(winner.meta["updated"] > c.meta.get("updated", "") for c in losers)
        titled = len(strongest) < len(members) and all(c.meta.get("phrasing") != "main" for c in losers)
        rule = "main question of its entry" if titled else "newest by updated" if dated else "first met"
        contradictions.append(
            {
                "kind": "same question, different answers",
                "language": winner.language,
                "question": winner.turns[0].text,
                "chosen": _side(winner),
                "rule": rule,
                "others": [_side(c) for c in losers],
            }
        )
        winner.flags.append("contradiction")
        for loser in losers:
            gone.add(id(loser))
            reason = f"contradiction: another answer stands ({rule})"
            step.dropped[reason] += 1
            exclusions.drop("conversations", loser.id.split(":", 1)[0], loser.source, reason, loser.text(), step.name)
            if loser.meta.get("phrasing") == "main" and winner.meta.get("phrasing") == "main":
                _supersede(rows[_row(loser)], winner, step, exclusions)
    return [c for c in faq if id(c) not in gone]


def _row(conversation: Conversation) -> tuple[str, str]:
    return conversation.id.split(":", 1)[0], conversation.source


def _supersede(rows: list[Conversation], winner: Conversation, step: Step, exclusions: Exclusions) -> None:
    """The other phrasings of an outdated row ask the same thing: they move to the answer that stands."""
    for conversation in rows:
        if _answer(conversation) != _answer(winner):
            _replace(conversation, _answer(winner), "outdated answer replaced", step, exclusions)
            conversation.meta = {
                **conversation.meta,
                "entry": list(winner.meta["entry"]),
                "updated": winner.meta.get("updated", ""),
                "phrasing": "similar",
                "home": _home(winner),
            }
            conversation.flags = sorted({*conversation.flags, "contradiction"})


def _replace(conversation: Conversation, answer: str, reason: str, step: Step, exclusions: Exclusions) -> None:
    """Counted and listed. The company's own contact data, which masking leaves in answers, are not for that list."""
    before, after = (privacy.strike(text, privacy.Memory()) for text in (_answer(conversation), answer))
    exclusions.change("conversations", conversation.id.split(":", 1)[0], conversation.source, [reason], before, after)
    step.changed[reason] += 1
    conversation.turns[-1].text = answer


def _home(conversation: Conversation) -> str:
    """The source whose ids an entry key belongs to."""
    return str(conversation.meta.get("home") or conversation.id.split(":", 1)[0])


def _side(conversation: Conversation) -> dict[str, str]:
    return {"where": conversation.source, "answer": _answer(conversation), "updated": conversation.meta.get("updated", "")}


def _entries(faq: list[Conversation]) -> tuple[list[Entry], list[dict[str, Any]]]:
    """Entries, and a report on those that were merged or stand against each other."""
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
    merged = _same_question(faq, groups)
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
    return entries, merged


def _settle_answers(entry: Entry, step: Step, contradictions: list[dict[str, Any]], exclusions: Exclusions) -> None:
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
        near_only = all(_agree(_answer(c), entry.answer) for c in rows)
        if not near_only:
            entry.flags = sorted({*entry.flags, "contradiction"})
            contradictions.append(
                {
                    "kind": "same id, different answers",
                    "language": entry.language,
                    "question": entry.rows[0].turns[0].text,
                    "chosen": _side(chosen),
                    "rule": rule,
                    "others": [_side(c) for c in rows if c is not chosen],
                }
            )
        entry.answers = [entry.answer]
        for conversation in entry.rows:
            if _answer(conversation) != entry.answer:
                _replace(conversation, entry.answer, "answer replaced by the one that stands", step, exclusions)
                if not near_only:
                    conversation.flags = sorted({*conversation.flags, "contradiction"})


def _medoid(rows: list[Conversation]) -> Conversation:
    """The wording most like all the others (mean Jaccard of shingles over an even sample)."""
    sample = rows[:: max(1, len(rows) // _MEDOID_SAMPLE)][:_MEDOID_SAMPLE]
    sets = [shingles(_answer(c)) for c in sample]
    scores = [sum(len(one & other) / (len(one | other) or 1) for other in sets) for one in sets]
    return sample[scores.index(max(scores))]


def _one_question_each(entries: list[Entry], step: Step, exclusions: Exclusions) -> list[Conversation]:
    kept = []
    for entry in entries:
        seen: set[str] = set()
        rows = []
        # The main phrasing of an entry comes first, so that it is the one that stays.
        for conversation in sorted(entry.rows, key=lambda c: c.meta.get("phrasing") != "main"):
            key = fold(conversation.turns[0].text)
            if key in seen:
                step.dropped["question already in its entry"] += 1
                exclusions.drop(
                    "conversations",
                    conversation.id.split(":", 1)[0],
                    conversation.source,
                    "question already in its entry",
                    conversation.text(),
                    step.name,
                )
                continue
            seen.add(key)
            rows.append(conversation)
        entry.rows = rows
        kept += rows
    return kept


def _agree(a: str, b: str) -> bool:
    """Two wordings of one answer: equal numbers and negations, nearly equal words."""
    return near.critical(a)[:2] == near.critical(b)[:2] and token_f1(a, b) >= _NEAR_ANSWER


def _same_question(faq: list[Conversation], groups: near.Groups) -> list[dict[str, Any]]:
    """Questions of the same words (particles aside): nearly equal answers become one entry, the rest is reported.

    In another order the same words may ask the reverse (from Team to Enterprise, from Enterprise to Team), so the answers must then be closer.
    """
    alike: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for i, conversation in enumerate(faq):
        question = conversation.turns[0].text
        if len(words := near.content(question)) >= 2:
            alike.setdefault((conversation.language, tuple(sorted(words))), []).append(i)
    found = []
    for members in alike.values():
        first = members[0]
        for i in members[1:]:
            if groups.find(first) == groups.find(i) or near.critical(faq[first].turns[0].text) != near.critical(faq[i].turns[0].text):
                continue
            a, b = _answer(faq[first]), _answer(faq[i])
            ordered = near.content(faq[first].turns[0].text) == near.content(faq[i].turns[0].text)
            if not ordered and jaccard(a, b, 2) < _NEARER_ANSWER:
                continue
            same = _agree(a, b) and not (_explicit(faq[first]) or _explicit(faq[i]))
            report = {
                "language": faq[first].language,
                "question": faq[first].turns[0].text,
                "chosen": _side(faq[first]),
                "others": [{**_side(faq[i]), "question": faq[i].turns[0].text}],
            }
            if same:
                groups.join(first, i)
                found.append({"kind": "nearly the same question and answer", **report, "rule": "merged"})
            else:
                for conversation in (faq[first], faq[i]):
                    conversation.flags = sorted({*conversation.flags, "near_contradiction"})
                found.append({"kind": "nearly the same question, different answers", **report, "rule": "both kept"})
    return found
