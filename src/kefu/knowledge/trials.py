"""Questions whose outcome is known, made from the company's own FAQ by withholding parts of it.

Each round builds a small knowledge base from a part: some entries are withheld whole, and of the others a quarter of the
questions. Then it is asked, in scope, the withheld questions of known entries (`new_wording`: customers who say it as nobody
wrote down) and damaged copies of known ones (`damaged`: customers who come near a known wording); out of scope, the questions
of withheld entries (`other_entry`), withheld questions whose rarest word is exchanged for a foreign one (`foreign`: the business
of a similar company) and the questions of `words/general.yaml` (`general`). An entry with one question cannot spare it.

Nobody asks a sentence of a manual: there a few of its words stand for a question (`inquired`, of kind `damaged`).

A sentence encoder hears the texts of the trials: withheld wordings are withheld from it too, and damaged and foreign ones are put
into words again (`spoken`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kefu.knowledge.analyse import Analyser, Reading
from kefu.knowledge.index import Heard, Index, Question, Signals
from kefu.knowledge.meaning import Voice

ROUNDS = 4
MOST_ROWS = 6000  # questions that take part; beyond that an even sample of entries is judged
QUOTA = 250  # trials of each kind and round
_ASKED = 4  # words of a manual's sentence in a customer's question, at most
Rows = NDArray[np.int64]
Chance = np.random.Generator
Pairs = Sequence[tuple[int, int]]
Numbers = Sequence[int]


@dataclass(frozen=True)
class Trial:
    """`entry`: the number (in its round) of the right entry, or -1. `group`: trials made of one question stay in one fold."""

    kind: str
    group: tuple[int, int]
    entry: int
    signals: Signals
    text: str = ""
    language: str = ""


@dataclass(frozen=True)
class Material:
    """Readings of the questions of each entry, of its answer, the language of each entry; with an encoder, their vectors."""

    questions: Sequence[Sequence[Reading]]
    answers: Sequence[Reading]
    languages: Sequence[str]
    heard: Heard | None = None


@dataclass(frozen=True)
class Asked:
    """A trial before it is asked: what words see (`question`) and what an encoder hears (`said`)."""

    kind: str
    group: tuple[int, int]
    entry: int
    question: Question
    reading: Reading
    said: str


def trials(
    material: Material, general: Sequence[Reading], fit: Callable[[Material], Index], seed: int, *,
    passages: bool = False, voice: Voice | None = None, analyser: Analyser | None = None,
) -> Iterator[Trial]:  # fmt: skip
    """`fit` builds an index of a part. `passages`: the questions are sentences of manuals; a few words of one stand for a question.

    voice, analyser: given together, the encoder's signal is in the trials too.
    """
    chance = np.random.default_rng(seed)
    entries = _sample(material, chance)
    rounds = min(ROUNDS, len(entries))
    turn = chance.permutation(len(entries)) % rounds
    for number in range(rounds):
        known = (entries[turn != number] if rounds > 1 else entries).tolist()
        kept, asked = _split(material, known, chance, whole=passages)
        parts = [[material.questions[entry][which] for which in order] for entry, order in zip(known, kept, strict=True)]
        heard = None if material.heard is None else material.heard.part(known, kept)
        index = fit(Material(parts, [material.answers[e] for e in known], [material.languages[e] for e in known], heard))
        posed = [*_inside(material, known, kept, asked, index, general, chance, passages=passages, analyser=analyser)]
        gone = [(entry, which) for entry in entries[turn == number].tolist() for which in range(len(material.questions[entry]))] if rounds > 1 else []
        for entry, which in _some(gone, QUOTA, chance):
            reading = material.questions[entry][which]
            posed.append(Asked("other_entry", (entry, which), -1, Question.of(reading), reading, reading.text))
        for row in range(number, len(general), rounds):
            posed.append(Asked("general", (-1, row), -1, Question.of(general[row]), general[row], general[row].text))
        yield from _answered([one for one in posed if one.reading.units], index, voice)


def _answered(posed: Sequence[Asked], index: Index, voice: Voice | None) -> Iterator[Trial]:
    """The trials, asked."""
    heard = voice.questions([one.said for one in posed], [one.reading.language for one in posed]) if voice is not None else [None] * len(posed)
    for one, vector in zip(posed, heard, strict=True):
        signals = index.signals(one.question if vector is None else replace(one.question, vector=vector))
        yield Trial(one.kind, one.group, one.entry, signals, one.reading.text, one.reading.language)


def _inside(
    material: Material,
    known: Numbers,
    kept: list[list[int]],
    asked: Pairs,
    index: Index,
    general: Sequence[Reading],
    chance: Chance,
    *,
    passages: bool,
    analyser: Analyser | None,
) -> Iterator[Asked]:
    """Trials made of the questions of the entries that the index knows."""
    held = [(place, which) for place, order in enumerate(kept) for which in order]
    strange = _strange(index, general)
    for place, which in _some(asked, QUOTA, chance):
        reading = material.questions[known[place]][which]
        yield Asked("new_wording", (known[place], which), place, Question.of(reading), reading, reading.text)
    for place, which in _some(held, QUOTA if passages else QUOTA // 2, chance):
        reading = material.questions[known[place]][which]
        if reading.units:
            question = inquired(reading, index, strange, chance) if passages else damaged(reading, strange, chance)
            yield Asked("damaged", (known[place], which), place, question, reading, spoken(reading, question, analyser, strange))
    for place, which in _some(asked or held, QUOTA // 2, chance) if strange else []:
        reading = material.questions[known[place]][which]
        swapped = foreign(reading, index, strange, chance)
        if swapped is not None:
            yield Asked("foreign", (known[place], which), -1, swapped, reading, spoken(reading, swapped, analyser, strange))


def _strange(index: Index, general: Sequence[Reading]) -> list[str]:
    """Words of the general questions that this index has never seen."""
    words = {unit for reading in general for unit in reading.units if len(unit) > 1 and unit[0] not in "=#"}
    return sorted(words - index.units.names.keys())


def _sample(material: Material, chance: Chance) -> Rows:
    """All entries, or as many at random as hold `MOST_ROWS` questions."""
    order = chance.permutation(len(material.questions))
    held = np.cumsum([min(40, len(material.questions[entry])) for entry in order])
    return np.sort(order[: max(2, int(np.searchsorted(held, MOST_ROWS)) + 1)])


def _split(material: Material, known: Numbers, chance: Chance, *, whole: bool) -> tuple[list[list[int]], Pairs]:
    """(questions kept per entry, (place, which) of the withheld ones). At most 40 questions of an entry take part."""
    kept: list[list[int]] = []
    asked: list[tuple[int, int]] = []
    for place, entry in enumerate(known):
        order = chance.permutation(len(material.questions[entry]))[:40].tolist()
        alike = _alike(material.questions[entry], order)
        out = 0 if whole or len(alike) < 2 else max(1, len(alike) // 4)
        asked += [(place, group[0]) for group in alike[:out]]
        kept.append(sorted(which for group in alike[out:] for which in group))
    return kept, asked


def _alike(questions: Sequence[Reading], order: Numbers) -> list[list[int]]:
    """The questions in groups that say one thing in the same words: `退款多久到账` and `想问下退款多久到账呀` are no two wordings."""
    groups: dict[frozenset[str], list[int]] = {}
    for which in order:
        groups.setdefault(frozenset(questions[which].units), []).append(which)
    return list(groups.values())


def _some(items: Sequence[tuple[int, int]], most: int, chance: Chance) -> list[tuple[int, int]]:
    if len(items) <= most:
        return list(items)
    return [items[i] for i in np.sort(chance.permutation(len(items))[:most]).tolist()]


def uncovered(index: Index, general: Sequence[Reading]) -> list[Reading]:
    """The general questions that the company's own FAQ does not cover."""
    kept = []
    for reading in general:
        signals = index.signals(Question.of(reading))
        if not (signals.unknown < 0.05 and signals.table[:, 4:6].sum(axis=1).max() > 0.7):
            kept.append(reading)
    return kept


def spread(entry_of: Rows, seed: int) -> Rows:
    """All questions in random order, entries taken in turn, so that a prefix does not let big entries drown small ones."""
    order = np.random.default_rng(seed).permutation(len(entry_of))
    turn = np.empty(len(order))
    seen: dict[int, int] = {}
    for place, row in enumerate(order.tolist()):
        entry = int(entry_of[row])
        turn[place] = seen.get(entry, 0)
        seen[entry] = seen.get(entry, 0) + 1
    return np.asarray(order[np.argsort(turn, kind="stable")])


def damaged(reading: Reading, strange: Sequence[str], chance: Chance) -> Question:
    """A third of the units gone and sometimes a foreign one in, as a stranger's wording of the same question."""
    names = list(reading.units)
    keep = [name for name in names if chance.random() > 0.34] or [names[int(chance.integers(len(names)))]]
    units = {name: reading.units[name] for name in keep}
    if strange and chance.random() < 0.5:
        units[strange[int(chance.integers(len(strange)))]] = 1.0
    grams = {gram: count for gram, count in reading.grams.items() if chance.random() > 0.5}
    return Question(units, grams, reading.language, reading.negated, reading.common)


def inquired(reading: Reading, index: Index, strange: Sequence[str], chance: Chance) -> Question:
    """One to four of a sentence's units, rare ones rather, and at most two foreign ones in: a customer has not read the manual."""
    names = list(reading.units)
    rarity = np.array([float(index.unit_idf[index.units.names[name]]) if name in index.units.names else 1.0 for name in names]) + 1e-6
    count = min(len(names), 1 + int(chance.integers(_ASKED)))
    keep = chance.choice(len(names), count, replace=False, p=rarity / rarity.sum())
    units = {names[which]: reading.units[names[which]] for which in sorted(keep.tolist())}
    came = int(chance.integers(3)) if strange else 0
    units |= {strange[int(chance.integers(len(strange)))]: 1.0 for _ in range(came)}
    grams = {gram: number for gram, number in reading.grams.items() if chance.random() < count / len(names)}
    return Question(units, grams, reading.language, reading.negated, reading.common)


def foreign(reading: Reading, index: Index, strange: Sequence[str], chance: Chance) -> Question | None:
    """The rarest unit exchanged for a foreign one; its share of the characters goes too."""
    known = [(float(index.unit_idf[index.units.names[unit]]), unit) for unit in reading.units if unit in index.units.names]
    if not known:
        return None
    rarest = max(known)[1]
    other = strange[int(chance.integers(len(strange)))]
    units = {(other if unit == rarest else unit): weight for unit, weight in reading.units.items()}
    grams = {gram: count for gram, count in reading.grams.items() if chance.random() > 1 / len(reading.units)}
    grams |= {f"\x00{other}{i}": 1 for i in range(len(reading.grams) - len(grams))}
    return Question(units, grams, reading.language, reading.negated, reading.common)


def read_general(analyser: Analyser, languages: Sequence[str]) -> list[Reading]:
    """The general questions in the languages of the entries (in all languages when there are none of ours)."""
    from kefu.knowledge.lexicon import read_words

    table: dict[str, list[str]] = read_words("general")
    wanted = [name for name in table if name in languages] or list(table)
    return [analyser.read(text, name) for name in wanted for text in table[name]]


def spoken(reading: Reading, question: Question, analyser: Analyser | None, strange: Sequence[str] = ()) -> str:
    """The text of a damaged or foreign question: the words whose units it kept, and at the first gap what came in. Empty without analyser.

    What came in from another language (units know no language, an encoder does) is spoken as one of the `strange` words of this one.
    """
    if analyser is None:
        return ""
    own = [word for word in strange if word.isascii() == (reading.language != "zh")]
    came = [unit for unit in question.units if unit not in reading.units]
    came = [own[strange.index(unit) % len(own)] if own and unit in strange and unit not in own else unit for unit in came]
    said: list[str] = []
    for word, units in analyser.pieces(reading.text):
        if not units or not units.isdisjoint(question.units):
            said.append(word)
        elif came:
            said.append(came.pop(0))
    said += came
    return "".join(f" {word}" if word.isascii() and said else word for word in said).strip()
