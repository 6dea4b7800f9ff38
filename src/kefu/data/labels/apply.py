"""Write label and take-over point into every conversation, by whom `data.labels.by` names; people's own labels stand above all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from kefu.conversation import Conversation
from kefu.data import workers
from kefu.data.agreement import table
from kefu.data.asking import Asking, Writer
from kefu.data.dataset import SupportDataset, annotate, quality_scale
from kefu.data.labels import people as people_
from kefu.data.labels import written
from kefu.errors import ConfigError
from kefu.project import Loaded

_UNSEEN = "classifier (not seen in training)"


def apply(
    dataset: SupportDataset,
    put: Callable[[int, Conversation], None],
    project: Loaded,
    out: Path,
    writer: Writer | None = None,
    progress: Callable[[str, float], None] | None = None,
    given: people_.PeopleLabels | None = None,
) -> dict[str, Any]:
    """Label the conversations of `dataset`; returns who labelled what, and how far the labellers agree.

    put: takes each, by its place, when it is labelled: they are read one by one and not held, unless a language model is asked about them.
    given: labels from the labelling page, beside those of the file `data.labels.people`.

    The rules always run, to compare with. Raises ConfigError, InputError, EngineError.
    """
    settings = project.settings.data.labels
    scale = quality_scale(type(dataset), settings.scale)
    progress = progress or (lambda *_: None)
    said: dict[str, dict[str, str]] = {"rules": {}}
    turns: dict[str, dict[str, int | None]] = {"rules": {}}
    lengths: dict[str, int] = {}
    for conversation in dataset.conversations:
        annotate(dataset, [conversation])
        lengths[conversation.id] = len(conversation.turns)
        said["rules"][conversation.id] = str(conversation.label)
        if conversation.kind == "dialogue":
            turns["rules"][conversation.id] = conversation.intervention
    if settings.by == "rules" and not settings.people and not (given and (given.each or given.places)):
        _settle(dataset, put, said, turns, ("rules",))
        return {"by": {"rules": len(dataset.conversations)}}
    own = people_.read(project.files([settings.people])[0], lengths, scale) if settings.people else people_.PeopleLabels()
    if given is not None:
        own.each |= {by: own.each.get(by, {}) | labels for by, labels in given.each.items()}
        own.places |= {name: own.places.get(name, []) + turns for name, turns in given.places.items()}
    facts: dict[str, Any] = {}
    if settings.by == "classifier":
        facts |= _classifier(dataset, own, said, turns, out, project.settings.seed)
    if settings.by == "llm":
        facts |= _model(dataset, scale, project, said, turns, writer, progress)
    if own.labels:
        said["people"] = own.labels
        turns["people"] = own.interventions
    compared = {name: labels for name, labels in said.items() if name != "classifier"} | facts.pop("unseen", {})
    agreement = table(compared)
    if len(own.each) > 1:
        agreement += table(own.each)
    used = _settle(dataset, put, said, turns, ("people", settings.by, "rules"))
    if own.unknown:
        facts["unknown_ids"] = len(own.unknown)
    placed = {name: found for name, found in turns.items() if name != "classifier"} | facts.pop("unseen_turns", {})
    takeover = {name: {key: str(index) for key, index in found.items()} for name, found in placed.items()}
    return {"by": used, "agreement": agreement, "agreement_takeover": table(takeover), **facts}


def _settle(
    dataset: SupportDataset, put: Callable[[int, Conversation], None], said: dict[str, dict[str, str]], turns: dict[str, dict[str, int | None]],
    order: tuple[str, ...],
) -> dict[str, int]:  # fmt: skip
    """Give every conversation the label of the first who has one; returns how many are whose."""
    used: dict[str, int] = {}
    for place, conversation in enumerate(dataset.conversations):
        by = next(name for name in order if conversation.id in said.get(name, {}))
        used[by] = used.get(by, 0) + 1
        conversation.label = said[by][conversation.id]
        if conversation.kind == "dialogue":
            conversation.intervention = next(turns[name][conversation.id] for name in order if conversation.id in turns.get(name, {}))
        put(place, conversation)
    return used


def _classifier(
    dataset: SupportDataset, own: people_.PeopleLabels, said: dict[str, dict[str, str]], turns: dict[str, dict[str, int | None]], out: Path, seed: int
) -> dict[str, Any]:
    """Learned from dialogues that people labelled. Where it is compared with people, it had not seen that customer."""
    from kefu.data.labels import classifier

    if not own.labels:
        raise ConfigError("data.labels.by is classifier", "there is nothing to learn from", "label with `kefu data label`, or set data.labels.people")
    own_labels, own_places = own.labels, own.interventions
    taught = [c for c in dataset.conversations if c.kind == "dialogue" and (c.id in own_labels or c.id in own_places)]
    labelled = [(c, own_labels[c.id]) for c in taught if c.id in own_labels]
    takeovers = [(c, own_places[c.id]) for c in taught if c.id in own_places]
    model, unseen, unseen_turns = classifier.learn(labelled, takeovers, seed)
    model.save(out)
    dialogues = (c for c in dataset.conversations if c.kind == "dialogue")
    said["classifier"] = {}
    if model.takeover is not None:
        turns["classifier"] = {}
    while part := list(islice(dialogues, workers.BATCH)):
        told = model.quality.predict(classifier.features([c.turns for c in part]))
        said["classifier"] |= {c.id: label for c, label in zip(part, told, strict=True)}
        if model.takeover is not None:
            turns["classifier"] |= {c.id: model.human_intervention_idx(c.turns) for c in part}
    return {"classifier": model.report, "unseen": {_UNSEEN: unseen}, "unseen_turns": {_UNSEEN: unseen_turns}}


def _model(
    dataset: SupportDataset,
    scale: tuple[str, ...],
    project: Loaded,
    said: dict[str, dict[str, str]],
    turns: dict[str, dict[str, int | None]],
    writer: Writer | None,
    progress: Callable[[str, float], None],
) -> dict[str, Any]:
    settings = project.settings.data.labels
    if writer is None:
        raise ConfigError("data.labels.by is llm", "no model is named", "set data.labels.model.url")
    rule = project.files([settings.rubric])[0].read_text("utf-8") if settings.rubric else inspect.getdoc(type(dataset)) or ""
    asking = Asking(writer, settings.model, project.build / "cache")
    dialogues = [c for c in dataset.conversations if c.kind == "dialogue"]
    told = written.labels(dialogues, scale, rule, asking, project.settings.seed, progress)
    said["llm"] = {c.id: label for c, label in zip(dialogues, told, strict=True) if label is not None}
    places = written.takeovers(dialogues, rule, asking, project.settings.seed, progress)
    turns["llm"] = {c.id: place for c, place in zip(dialogues, places, strict=True) if place is None or not isinstance(place, bool)}
    return {"bill": asking.bill.as_dict(), "left_to_the_rules": sum(label is None for label in told)}
