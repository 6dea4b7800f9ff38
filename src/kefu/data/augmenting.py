"""Augmentation inside the build: the training questions in, made rows out, its steps in the ledger, and the gate behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kefu.conversation import Conversation
from kefu.data import augment as room
from kefu.data import canned
from kefu.data.asking import Writer
from kefu.data.entries import Entry
from kefu.data.heard import Heard
from kefu.data.ledger import Ledger, Step
from kefu.errors import ConfigError
from kefu.project import Loaded
from kefu.project.schema import AccessPoint

OpenWriter = Callable[[AccessPoint], Writer]


def augment(
    project: Loaded,
    conversations: Sequence[Conversation],
    entries: Sequence[Entry],
    chosen: Mapping[str, str],
    listened: Sequence[Heard],
    ledger: Ledger,
    open_writer: OpenWriter | None,
    progress: Callable[[str, float], None] | None = None,
) -> room.Augmented:
    """Vary the training questions as `data.augment` says. Raises GateError when a made row touches the held-out side."""
    settings = project.settings.data.augment
    if not room.wanted(settings):
        return room.Augmented()
    questions = _questions(entries, chosen, listened)
    held = _held(conversations, chosen)
    made = room.make(
        questions,
        held,
        {entry.id: entry.answers or [entry.answer] for entry in entries},
        settings,
        project.settings.seed,
        lexicon_file=str(project.files([settings.lexicon])[0]) if settings.lexicon else "",
        writer=writer_of(settings.model, open_writer),
        cache=project.build / "cache",
        progress=lambda message, share: progress(message, 0.8 + 0.05 * share) if progress else None,
    )
    _account(ledger.step("augmentation", "made questions"), made)
    _account_negatives(ledger.step("wrong answers", "preference rows"), made)
    side = {question.id: "train" for question in questions if question.id.startswith("heard:")} | dict(chosen)
    looked = room.check(made.rows, made.negatives, side, held)
    ledger.expect("made questions and wrong answers", len(made.rows) + len(made.negatives), "rows that the split check looked at", looked)
    return made


def writer_of(point: AccessPoint, open_writer: OpenWriter | None) -> Writer | None:
    """The model of an access point; None when it names none. Raises ConfigError when this caller has no way to reach one."""
    if not point.url:
        return None
    if open_writer is None:
        raise ConfigError(f"a model at {point.url} is named", "this call was given no way to reach it", "use `kefu data build` or pass open_writer")
    return open_writer(point)


#: Flags of rows that stand against another one.
_DISPUTED = frozenset({"contradiction", "near_contradiction"})


def _questions(entries: Sequence[Entry], chosen: Mapping[str, str], listened: Sequence[Heard]) -> list[room.Question]:
    found = []
    for entry in entries:
        disputed = any(flag in _DISPUTED for row in entry.rows for flag in row.flags)
        for row in entry.rows:
            if chosen[row.id] == "train":
                own = str(row.meta.get(canned.OWN_ANSWER, ""))
                found.append(room.Question(row.id, row.turns[0].text, entry.language, entry.category, entry.id, own, disputed))
        found += [
            room.Question(f"heard:{one.where}", one.text, entry.language, entry.category, entry.id, disputed=disputed)
            for one in listened
            if one.entry == entry.id
        ]
    return found


def _held(conversations: Sequence[Conversation], chosen: Mapping[str, str]) -> list[str]:
    """Everything a customer says on the validation and test side."""
    return [turn.text for c in conversations if chosen[c.id] != "train" for turn in c.turns if turn.role == "customer" and len(turn.text) <= 200]


def _account(step: Step, made: room.Augmented) -> None:
    for method, counts in made.rejected.items():
        if method != "negative":
            step.dropped.update({f"{method}: {reason}": n for reason, n in counts.items()})
    step.kept = len(made.rows)
    step.added = step.kept + sum(step.dropped.values())


def _account_negatives(step: Step, made: room.Augmented) -> None:
    step.dropped.update(made.rejected.get("negative", {}))
    step.kept = len(made.negatives)
    step.added = step.kept + sum(step.dropped.values())
