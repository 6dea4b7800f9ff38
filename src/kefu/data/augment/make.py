"""Training questions in other words: made, guarded, counted.

Only questions of the training side are varied; what comes near a held-out question, asks what another answer answers, or changes a
number, a negation or a name is thrown away and counted by reason. The same questions, settings and seed give the same rows.
"""

from __future__ import annotations

import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kefu.data import near
from kefu.data.asking import Asking, Writer
from kefu.data.augment import entities, frames, guard, lexicon, negatives, rewriting, slips, synonyms
from kefu.data.augment.check import alike, plain
from kefu.data.augment.contrasts import contrasts
from kefu.data.augment.rows import LOCAL, WRITTEN, Augmented, Made, Question
from kefu.errors import ConfigError
from kefu.project.schema import Augment
from kefu.text.normalise import fold

_TRIES = 3  # drawings for one copy before it is given up
Drawn = tuple[str, str] | None


def wanted(settings: Augment) -> bool:
    """Is anything switched on?"""
    return bool(settings.methods or settings.negatives)


def make(
    questions: Sequence[Question],
    held: Sequence[str],
    answers: Mapping[str, Sequence[str]],
    settings: Augment,
    seed: int,
    *,
    lexicon_file: str = "",
    writer: Writer | None = None,
    cache: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Augmented:
    """Vary `questions`, keep away from the `held` ones, and make wrong answers.

    answers: entry -> approved answers, the meant one first. writer: asks a language model (needed by `paraphrase` and
    `back_translation`); cache: folder of its answers. Raises ConfigError (no writer), InputError (lexicon), EngineError (model).
    """
    done = Augmented(on=wanted(settings))
    asked_model = [method for method in settings.methods if method in WRITTEN]
    if asked_model and writer is None:
        raise ConfigError(
            f"data.augment.methods has {asked_model[0]}", "no model is named that could write it", "set data.augment.model.url, or take it out"
        )
    telling = contrasts((q.entry, q.language, q.text) for q in questions)
    if settings.methods:
        written: dict[tuple[str, str], list[str]] = {}
        if asked_model and writer is not None:
            asking = Asking(writer, settings.model, cache)
            written = rewriting.rewritten(questions, asked_model, settings.per_question, seed, asking, done, progress)
            done.bill = asking.bill.as_dict()
        words = lexicon.load(lexicon_file)
        copies = _copies(questions, settings, done)
        drawn: list[Made] = []
        for question in questions:
            drawn += _vary(question, copies[question.category], settings, seed, words, telling.get(question.language, frozenset()), written, done)
        kept = _apart(drawn, questions, held, done)
        done.rows = _capped(kept, round(settings.max_share * len(questions)), seed, done)
    if settings.negatives:
        asked = [(q.id, q.entry, q.language, q.text, q.said) for q in questions if not q.disputed]
        rivals = entities.rivals(entities.Asked(q.entry, q.language, q.category, q.text) for q in questions)
        done.negatives, refused = negatives.make(asked, answers, rivals, settings.negatives, settings.negatives_per_question, seed)
        if disputed := sum(q.disputed for q in questions):
            refused["in conflict with another row"] = disputed
        if refused:
            done.rejected["negative"] = Counter(refused)
    return done


def _copies(questions: Sequence[Question], settings: Augment, done: Augmented) -> dict[str, int]:
    """How many copies a question of each category gets per method: rare categories more, up to the cap."""
    sizes = Counter(question.category for question in questions)
    copies = dict.fromkeys(sizes, settings.per_question)
    if not settings.balance or len(sizes) < 2:
        return copies
    aim = settings.balance * statistics.median(sizes.values())
    for category, size in sizes.items():
        if category and size < aim:
            needed = -(-(aim - size) // (size * max(1, len(settings.methods))))
            copies[category] = int(min(settings.balance_cap, max(settings.per_question, needed)))
            if copies[category] > settings.per_question:
                done.lifted[category] = copies[category]
    return copies


def _vary(
    question: Question,
    copies: int,
    settings: Augment,
    seed: int,
    words: Mapping[str, lexicon.Lexicon],
    entities: frozenset[str],
    written: Mapping[tuple[str, str], list[str]],
    done: Augmented,
) -> list[Made]:
    found: list[Made] = []
    seen = {fold(question.text)}
    exact = {question.text}
    for method in settings.methods:
        given = written.get((method, question.id), [])
        for copy in range(copies if method in LOCAL else len(given)):
            fault = ""
            for attempt in range(_TRIES if method in LOCAL else 1):
                rng = random.Random(f"{seed}/{method}/{question.id}/{copy}/{attempt}")
                drawn: Drawn = (given[copy], "") if method in WRITTEN else _draw(method, question, words, entities, rng)
                if drawn is None:
                    fault = "nothing to change"
                    break
                text, note = drawn
                fault = guard.fault(question.text, text, entities, language=question.language, loose=method == "slip")
                if not fault and (text in exact or (method != "slip" and fold(text) in seen)):
                    fault = "made already"
                if not fault:
                    seen.add(fold(text))
                    exact.add(text)
                    name = f"aug:{method}:{question.id}#{copy}"
                    found.append(Made(name, text, method, question.id, seed, question.language, question.category, question.entry, note))
                    break
                done.reject(method, fault, question.id, question.text, text)
            if fault == "nothing to change":
                done.reject(method, fault, question.id, question.text, "")
                break
    return found


def _draw(method: str, question: Question, words: Mapping[str, lexicon.Lexicon], entities: frozenset[str], rng: random.Random) -> Drawn:
    if method == "synonym":
        swapped = synonyms.exchanged(question.text, question.language, words, rng)
        return swapped and (swapped[0], ", ".join(f"{a} -> {b}" for a, b in swapped[1].items()))
    if method == "frame":
        return frames.framed(question.text, question.language, rng)
    return slips.slipped(question.text, question.language, entities, rng)


def _apart(drawn: list[Made], questions: Sequence[Question], held: Sequence[str], done: Augmented) -> list[Made]:
    """Without those that come near a held-out question or ask what another entry answers."""
    close_held = alike(held, (made.text for made in drawn))
    entries: dict[str, set[str]] = defaultdict(set)
    for question in questions:
        entries[plain(question.text)].add(question.entry)
    close_known = alike((question.text for question in questions), (made.text for made in drawn))
    words_held = {tuple(sorted(near.content(text))) for text in held}
    owners: dict[tuple[str, ...], set[str]] = defaultdict(set)
    exact = {fold(question.text) for question in questions}
    for question in questions:
        owners[tuple(sorted(near.content(question.text)))].add(question.entry)
    kept = []
    for made in drawn:
        text = plain(made.text)
        reason = "nearly a held-out question" if text in close_held else ""
        if not reason and any(entries[other] - {made.entry} for other in close_known.get(text, ())):
            reason = "asks what another answer answers"
        content = tuple(sorted(near.content(made.text)))
        if not reason and content and content in words_held:
            reason = "nearly a held-out question"
        if not reason and content and owners.get(content, set()) - {made.entry}:
            reason = "asks what another answer answers"
        if not reason and made.method != "slip" and fold(made.text) in exact:
            reason = "already a question"
        if reason:
            done.reject(made.method, reason, made.parent, "", made.text)
        else:
            exact.add(fold(made.text))
            kept.append(made)
    return kept


def _capped(rows: list[Made], most: int, seed: int, done: Augmented) -> list[Made]:
    """At most so many in all, first copies of every question before second ones; in the order they were made."""
    if len(rows) <= most:
        return rows
    rank: Counter[str] = Counter()
    order = []
    for i, row in enumerate(rows):
        rank[row.parent] += 1
        order.append((rank[row.parent], random.Random(f"{seed}/cap/{row.id}").random(), i))
    kept = {i for _, _, i in sorted(order)[:most]}
    for i, row in enumerate(rows):
        if i not in kept:
            done.reject(row.method, "above max_share", row.parent, "", row.text)
    return [row for i, row in enumerate(rows) if i in kept]
