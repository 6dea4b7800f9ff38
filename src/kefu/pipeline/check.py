"""Everything that can be found wrong before anything is computed, all of it at once."""

from __future__ import annotations

import re
from pathlib import Path

from kefu.data.check import check_source
from kefu.data.vault import Vault
from kefu.errors import ConfigError, InputError, KefuError
from kefu.project import Loaded

_BLOCKS = ("data.augment", "eval", "assistant")


def check(project: Loaded) -> list[str]:
    """Faults of a loaded project, one line each; empty when it can run."""
    settings = project.settings
    faults: list[str] = []

    told: set[str] = set()

    def attempt(label: str, action) -> None:  # type: ignore[no-untyped-def]
        """What a whole block meets again is told once, under the setting it belongs to."""
        try:
            action()
        except ConfigError as error:
            found = error.faults or [error.line()]
        except KefuError as error:
            found = [error.line()]
        else:
            return
        faults.extend(f"{label}: {fault}" for fault in found if not (label in _BLOCKS and fault in told))
        told.update(found)

    names = [source.name for source in settings.data.sources]
    faults += [f"data.sources: two sources are called {name!r}" for name in sorted({n for n in names if names.count(n) > 1})]
    for i, source in enumerate(settings.data.sources):
        key = f"data.sources.{i} ({source.name})"
        if bool(source.path) == bool(source.url):
            faults.append(f"{key}: give either path or url")
        else:
            attempt(key, lambda source=source: check_source(source, project))
    if settings.data.split.test + settings.data.split.validation > 0.6:
        faults.append("data.split: validation and test together take more than 60 % of the data")
    if settings.data.clean.vault:
        attempt("data.clean.vault", lambda: Vault.of(project))
    if settings.data.dataset_class:
        attempt("data.dataset_class", lambda: _dataset_class(project))
    for key, globs in (
        ("data.augment.lexicon", [settings.data.augment.lexicon] if settings.data.augment.lexicon else []),
        ("data.labels.people", [settings.data.labels.people] if settings.data.labels.people else []),
        ("data.labels.rubric", [settings.data.labels.rubric] if settings.data.labels.rubric else []),
        ("knowledge.documents", settings.knowledge.documents),
        ("eval.scenarios", settings.eval.scenarios),
        ("assistant.guard.rules", settings.assistant.guard.rules),
        ("eval.questions", [settings.eval.questions] if settings.eval.questions else []),
        ("knowledge.synonyms", [settings.knowledge.synonyms] if settings.knowledge.synonyms else []),
        ("serve.keys_file", [settings.serve.keys_file] if settings.serve.keys_file else []),
    ):
        attempt(key, lambda globs=globs: project.files(globs))
    attempt("knowledge.documents", lambda: _documents(project))
    attempt("data.augment", lambda: _augment(project))
    attempt("eval", lambda: _scenarios(project))
    attempt("assistant", lambda: _words(project))
    attempt("knowledge.synonyms", lambda: _synonyms(project))
    faults += _patterns(project)
    attempt("train.base", lambda: _base(project))
    attempt("knowledge.encoder.model", lambda: _encoder(project))
    return list(dict.fromkeys(faults))


def check_answers(project: Loaded, data: Path) -> None:
    """Once the data is built: does every answer that questions and scenarios expect exist? Raises ConfigError with all that do not."""
    from kefu.evals.answers import load_entries
    from kefu.evals.evaluate import cases

    cases(project, data, load_entries(data))


def _dataset_class(project: Loaded) -> None:
    from kefu.data.classes import load_class

    given = project.settings.data.dataset_class
    file, colon, name = given.partition(":")
    if not colon or not name:
        raise ConfigError(f"{given!r} names no class", "write it as file.py:ClassName")
    project.files([file])
    load_class(given, project.root)  # runs the file, as the build will: what stands at its top may fail


def _documents(project: Loaded) -> None:
    """Every manual that no passages can be made of."""
    from kefu.knowledge import documents

    faults = []
    for path in project.files(project.settings.knowledge.documents):
        try:
            documents.look(path)
        except InputError as error:
            faults.append(error.line())
    if faults:
        raise ConfigError("knowledge.documents", faults[0], faults=faults)


def _augment(project: Loaded) -> None:
    """Faults of `data.augment` and `data.labels` that a build would stop at."""
    augment, labels = project.settings.data.augment, project.settings.data.labels
    asks = [method for method in augment.methods if method in ("paraphrase", "back_translation")]
    faults = []
    if asks and not augment.model.url:
        faults.append(f"methods has {asks[0]}, but no model is named that could write it; set data.augment.model.url")
    if labels.by == "llm" and not labels.model.url:
        faults.append("data.labels.by is llm, but no model is named; set data.labels.model.url")
    if labels.by == "classifier" and not labels.people and not any((project.root / "labels").glob("*.jsonl")):
        faults.append("data.labels.by is classifier, but there is nothing to learn from; label with `kefu data label`, or set data.labels.people")
    if faults:
        raise ConfigError("data.augment or data.labels cannot work", faults[0], faults=faults)
    if augment.lexicon:
        from kefu.data.augment import lexicon

        lexicon.load(str(project.files([augment.lexicon])[0]))


def _scenarios(project: Loaded) -> None:
    from kefu.evals import questions, scenarios

    settings = project.settings.eval
    if settings.scenarios:
        scenarios.load_scenarios(project.files(settings.scenarios))
    if settings.questions:
        questions.load(project.files([settings.questions])[0])


def _words(project: Loaded) -> None:
    from kefu.assistant.rules import RuleBook
    from kefu.assistant.texts import Texts

    settings = project.settings.assistant
    RuleBook(project.files(settings.guard.rules), settings.handoff_phrases, settings.guard.off)
    Texts(settings)


def _synonyms(project: Loaded) -> None:
    from kefu.knowledge.lexicon import Lexicon

    given = project.knowledge().synonyms
    if given and Path(given).is_file():
        Lexicon.load(Path(given))


def _patterns(project: Loaded) -> list[str]:
    clean = project.settings.data.clean
    faults = []
    for key, patterns in (("boilerplate", clean.boilerplate), ("off_topic", clean.off_topic)):
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                faults.append(f"data.clean.{key}: {pattern!r} is no regular expression ({error})")
    return faults


def _encoder(project: Loaded) -> None:
    """A folder is looked at without reading its weights; an id of the hub is fetched by `kefu run`, which says when it cannot be."""
    from kefu.engines import encoder

    name = project.settings.knowledge.encoder.model
    if name and (encoder.is_path(name) or project.path(name).is_dir()):
        encoder.look(encoder.locate(name, project.root, fetch=False), name)


def _base(project: Loaded) -> None:
    base = project.settings.train.base
    looks_local = base.startswith((".", "/", "~", "$")) or Path(base).suffix or base.count("/") > 1
    if base != "embedded" and looks_local and not project.path(base).is_dir():
        raise ConfigError(f"no folder {base}", f"looked in {project.root}", "give `embedded`, a Hugging Face id, or a folder with config.json")
    hidden = project.settings.train.hidden
    if base == "embedded" and hidden > 32 and hidden % 32:
        raise ConfigError(f"train.hidden: {hidden}", "it is not a multiple of 32", f"use {hidden // 32 * 32} or {(hidden // 32 + 1) * 32}")
