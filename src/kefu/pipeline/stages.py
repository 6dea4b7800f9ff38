"""What each stage reads (its key) and which room does the work."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.artifacts import Artifact, code_fingerprint, fingerprint, fingerprint_files
from kefu.data.labelling.log import files as label_files
from kefu.project import Loaded
from kefu.train.settings import uses_knowledge
from kefu.train.source import remote_files

if TYPE_CHECKING:
    from kefu.pipeline.run import Outcome

Work = Callable[[Path, Callable[[str, float], None]], dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """inputs: name -> content hash; settings: what the stage reads of kefu.yaml; code: hash of the rooms it runs."""

    inputs: dict[str, str]
    settings: dict[str, Any]
    code: str
    work: Work


def digest(artifact: Artifact, *prefixes: str) -> str:
    """Hash of some files of an artefact: a prefix is a file name or a folder ending in `/`."""
    files = artifact.manifest["files"]
    chosen = {name: entry["sha256"] for name, entry in files.items() if any(name == p or (p.endswith("/") and name.startswith(p)) for p in prefixes)}
    return fingerprint(chosen)


def _data(project: Loaded, outcome: Outcome) -> Plan:
    from kefu.data import naming, records

    settings = project.settings.data
    paths: list[Path] = []
    inputs: dict[str, str] = {}
    for source in settings.sources:
        if source.path:
            paths += project.files([source.path])
            paths += [file] if (file := records.template_file(source, project.root)) and file.is_file() else []
        else:
            inputs[source.name] = uuid.uuid4().hex  # a live database: only reading it can tell whether it changed
    if settings.dataset_class:
        paths += project.files([settings.dataset_class.partition(":")[0]])
    paths += project.files([name for name in (settings.augment.lexicon, settings.labels.people, settings.labels.rubric) if name])
    # The manifest goes where the data go: names of files may hold those of people.
    prints = fingerprint_files([*paths, *label_files(project.root)], project.root)
    inputs |= {naming.path_of(name): print for name, print in prints.items()}

    def work(out: Path, progress: Callable[[str, float], None]) -> dict[str, Any]:
        from kefu import data
        from kefu.pipeline.writing import open_writer

        return data.build(project, out, progress, open_writer)

    chosen = settings.model_dump(exclude={"workers", "engine"})  # who does the work changes nothing
    for source in chosen["sources"]:
        source["path"] = naming.path_of(source["path"])
    return Plan(inputs, {"data": chosen, "seed": project.settings.seed}, code_fingerprint("data", "text", "conversation"), work)


def _knowledge(project: Loaded, outcome: Outcome) -> Plan:
    settings = project.settings.knowledge
    data = outcome.artifact("data")
    documents = project.files(settings.documents)
    extra = project.files([settings.synonyms]) if settings.synonyms else []
    held_out = [data.path / f"questions.{split}.jsonl" for split in ("validation", "test")]
    read = ("faq.jsonl", *(file.name for file in held_out))
    inputs = {"data/faq": digest(data, *read), **fingerprint_files([*documents, *extra], project.root)}
    folder = project.path(settings.encoder.model) if settings.encoder.model else None
    if folder is not None and folder.is_dir():
        inputs |= fingerprint_files([p for p in folder.rglob("*") if p.is_file()], project.root)

    def work(out: Path, progress: Callable[[str, float], None]) -> dict[str, Any]:
        from kefu import knowledge
        from kefu.engines import encoder

        heard = encoder.chosen(settings.encoder, project.root)
        kept = [f for f in held_out if f.is_file()]
        return knowledge.build(data.file("faq.jsonl"), documents, project.knowledge(), out, project.settings.seed, kept, heard)

    return Plan(inputs, {"knowledge": settings.model_dump(), "seed": project.settings.seed}, code_fingerprint("knowledge", "text"), work)


def knowledge_digest(outcome: Outcome, *, served: bool = False) -> str:
    """Of the index that training and gates read, or of the one that customers meet; not of the calibration report beside them."""
    artifact = outcome.artifact("knowledge")
    return digest(artifact, "served/") if served and (artifact.path / "served").is_dir() else digest(artifact, "index.json", "arrays.npz")


def _train(project: Loaded, outcome: Outcome) -> Plan:
    settings = project.settings.train
    data, knowledge = outcome.artifact("data"), outcome.artifact("knowledge")
    read = ("messages.train.jsonl", "messages.validation.jsonl", "questions.validation.jsonl", "faq.jsonl")
    inputs = remote_files(project) or {f"data/{name}": digest(data, name) for name in read}
    assistant = project.settings.assistant
    own = settings.model_dump(exclude={"data_url"})  # what lies there counts, not where
    chosen = {"train": own, "assistant.name": assistant.name, "assistant.max_answer_tokens": assistant.max_answer_tokens}
    chosen["seed"] = project.settings.seed
    if uses_knowledge(settings):
        inputs["knowledge"] = knowledge_digest(outcome)
        chosen["knowledge"] = project.settings.knowledge.model_dump()
    base = project.path(settings.base)
    if settings.base != "embedded" and base.is_dir():
        inputs |= fingerprint_files([p for p in base.rglob("*") if p.is_file()], project.root)

    def work(out: Path, progress: Callable[[str, float], None]) -> dict[str, Any]:
        from kefu import train

        return train.run(project, data.path, knowledge.path, out, progress)

    return Plan(inputs, chosen, code_fingerprint("train", "engines/prompt", "text"), work)


def _export(project: Loaded, outcome: Outcome) -> Plan:
    data, knowledge, model = (outcome.artifact(name) for name in ("data", "knowledge", "train"))
    inputs = {
        "model": digest(model, "model/", "prompt.json"),
        "data/questions": digest(data, "questions.validation.jsonl", "questions.test.jsonl", "messages.validation.jsonl"),
        "knowledge": knowledge_digest(outcome),
    }

    def work(out: Path, progress: Callable[[str, float], None]) -> dict[str, Any]:
        from kefu import export

        return export.run(project, model.path, data.path, knowledge.path, out, progress)

    chosen = {"export": project.settings.export.model_dump(), "assistant.max_answer_tokens": project.settings.assistant.max_answer_tokens}
    return Plan(inputs, {**chosen, "seed": project.settings.seed}, code_fingerprint("export", "engines"), work)


def _assistant_inputs(project: Loaded, outcome: Outcome) -> dict[str, str]:
    rules = project.files(project.settings.assistant.guard.rules)
    return {
        "engine": digest(outcome.artifact("export"), "engine/"),
        "knowledge": knowledge_digest(outcome, served=True),
        **fingerprint_files(rules, project.root),
    }


def _eval(project: Loaded, outcome: Outcome) -> Plan:
    settings = project.settings.eval
    data, knowledge = outcome.artifact("data"), outcome.artifact("knowledge")
    files = project.files([*settings.scenarios, *([settings.questions] if settings.questions else [])])
    inputs = {
        **_assistant_inputs(project, outcome),
        "knowledge without held-out": knowledge_digest(outcome),
        "data/questions": digest(data, "questions.test.jsonl", "faq.jsonl"),
        **fingerprint_files(files, project.root),
    }

    def work(out: Path, progress: Callable[[str, float], None]) -> dict[str, Any]:
        from kefu import evals
        from kefu.knowledge import served
        from kefu.pipeline.state import assemble

        whole = served(knowledge.path)
        assistant = assemble(project, whole, outcome.artifact("export").path)
        without = None
        if whole != knowledge.path:
            without = (assemble(project, knowledge.path, outcome.artifact("export").path, engine=assistant.engine), knowledge.path)
        return evals.run(project, assistant, knowledge=whole, data=data.path, out=out, without_held_out=without, progress=progress)

    chosen = {"eval": settings.model_dump(), "assistant": project.settings.assistant.model_dump(), "seed": project.settings.seed}
    return Plan(inputs, chosen, code_fingerprint("evals", "assistant", "knowledge", "engines", "text"), work)


def _smoke(project: Loaded, outcome: Outcome) -> Plan:
    inputs = {**_assistant_inputs(project, outcome), "eval": digest(outcome.artifact("eval"), "eval.json")}

    def work(out: Path, progress: Callable[[str, float], None]) -> dict[str, Any]:
        from kefu.pipeline.smoke import smoke

        return smoke(project, outcome, out, progress)

    chosen = {"serve": project.settings.serve.model_dump(), "assistant": project.settings.assistant.model_dump()}
    return Plan(inputs, chosen, code_fingerprint("serve", "assistant", "records", "knowledge", "engines", "pipeline/smoke"), work)


PLANS: dict[str, Callable[[Loaded, Outcome], Plan]] = {
    "data": _data,
    "knowledge": _knowledge,
    "train": _train,
    "export": _export,
    "eval": _eval,
    "smoke": _smoke,
}
