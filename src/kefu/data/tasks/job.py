"""What is done to batches of labelled rows, wherever it runs: clean, mask and fingerprint."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kefu.data.clean import Cleaner
from kefu.data.compared import outline, words_of
from kefu.data.exclusions import Notes
from kefu.data.jobs import Cleaned, CleanSetup, Print, compared, lay, salt
from kefu.data.ledger import Step
from kefu.data.spool import number
from kefu.data.tasks.example import KINDS, Example, Question, pack
from kefu.data.tasks.scrub import Scrubber
from kefu.project.schema import Clean
from kefu.text.normalise import fold

STEP = "clean examples"


@dataclass
class CleanedExamples(Cleaned):
    """again: uint64 of what is looked for again: of a class its source and text, as near-duplicates are compared (in conflict where it has
    another label), of a question its group and text. categories: what the numbers of `strata` stand for."""

    again: bytes = b""
    categories: dict[int, str] = field(default_factory=dict)


class ExampleJob:
    """Cleans, masks and fingerprints."""

    def __init__(self, setup: CleanSetup) -> None:
        self._setup = setup
        self._settings = Clean(**setup.clean)
        self._patterns = Cleaner(self._settings, Step("", ""), Step("", ""), Notes())

    def __call__(self, batch: list[tuple[str, Example]]) -> CleanedExamples:
        """batch: (source, example)"""
        done = CleanedExamples(items=Step(STEP, "examples"))
        step = done.items
        cleaner = self._patterns.afresh(step, step, done.notes)
        scrub = Scrubber(cleaner, done.notes)
        kept: list[Example] = []
        for source, example in batch:
            step.into += 1
            step.of(source).into += 1
            original, mask = example.text(), self._setup.mask[source]
            if reason := scrub(example, source, self._settings.mask_pii if mask is None else mask):
                step.dropped[reason] += 1
                step.of(source).dropped[reason] += 1
                done.notes.drop(step.unit, source, example.source, reason, original, step.name)
            else:
                step.kept += 1
                kept.append(example)
                done.sources.append(source)
        done.masked = cleaner.masked
        done.held = {place: (one.id, cleaner.held[one.id]) for place, one in enumerate(kept) if one.id in cleaner.held}
        done.again = np.array([_again(one) for one in kept], np.uint64).tobytes()
        done.categories = {number(one.category): one.category for one in kept}
        lay(kept, [_print(one) for one in kept], done, self._setup.seed, self._setup.near)
        return done


def _print(one: Example) -> Print:
    """Near-duplicates are looked for among those of the same outcome; tagged sentences are compared exactly only."""
    text, outcome = one.text(), one.outcome()
    exact = f"{one.kind}\x1f{text if one.kind in ('tokens', 'qa') else fold(text) or text}\x1f{outcome}"
    near = "" if one.kind == "tokens" else outline(near_text(one))
    leak = outline(compared(Question(one) if one.kind == "qa" else one))
    near_salt = salt(one, near) or number(f"{one.kind}\x1f{one.language}\x1f{outcome}")
    return Print(pack(one), KINDS.index(one.kind), exact, near, near_salt, leak, salt(one, leak))


def near_text(one: Example) -> str:
    """The words that tell near-duplicates of one outcome."""
    return one.customer_text() if one.kind == "qa" else one.text()


def _again(one: Example) -> int:
    if one.kind == "classification":
        words = map(" ".join, words_of(one.values["text"]))
        return number(f"{one.origin()}\x1f{chr(10).join(words) or fold(one.values['text'])}")
    return number(f"{one.group}\x1f{one.values['context']}") if one.kind == "qa" else 0
