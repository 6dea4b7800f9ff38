"""The one loop of every method: rows, base, settings, ledger, rehearsal, fit, measure, save, publish.

TRL, Transformers and PEFT own the training; this owns the order, the checks and what is left behind:
`build/model/<name>/<key>/` with model/ (and adapter/), task.json, training.json, plots/ and tb/. Checkpoints live
in `build/checkpoints/<name>/<key>/` until the model is published, so that a killed run can be resumed.
"""

from __future__ import annotations

import dataclasses
import math
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kefu.artifacts import Artifact, Store, code_fingerprint, fingerprint, fingerprint_files, write_json
from kefu.errors import GateError, InputError, MissingExtra
from kefu.registry import Entry
from kefu.train import threads
from kefu.train.factory import memory, methods, plan, rounds
from kefu.train.factory.data import Measured, Splits, read, some
from kefu.train.factory.job import CODE, Device, Job, Prepared, Progress
from kefu.train.factory.recipe import Loaded, shipped
from kefu.train.factory.rounds import Start
from kefu.train.factory.trackers import closed, wandb

TRAINING_PACKAGES = ("torch", "transformers", "trl", "datasets", "accelerate", "tokenizers", "tensorboard", "peft", "bitsandbytes", "optuna")
SAMPLES = 16
#: reason of rows that are left out on purpose, and the share of others left out from which it is said
SET_ASIDE, TOLD = "kept for the limit of `other`", 0.1


@dataclass(frozen=True)
class Result:
    """A published model. fresh: it was there already. entry: its line in `models.yaml`. idle: why a round had nothing to do; the model is
    the one it would have started from."""

    artifact: Artifact
    fresh: bool = False
    notes: list[str] = field(default_factory=list)
    entry: Entry | None = None
    idle: str = ""


def run(
    loaded: Loaded, *, resume: bool = False, parent: Path | None = None, force: bool = False, wait_s: float = 0.0, progress: Progress | None = None
) -> Result | None:  # fmt: skip
    """Train what the recipe says; None on the helper processes of a launched run.

    resume: go on from the last whole checkpoint of this very recipe. parent: start a new run from that model's weights.
    force: train again though the model is there, and throw away an unfinished run. wait_s: for another run in the same folder.
    Raises InputError, ConfigError, GateError (nothing to learn, NaN), StorageError, BusyError, MissingExtra.
    """
    from kefu.train.quiet import quiet

    say = progress or (lambda text, share: None)
    try:
        with quiet():
            with _alone(loaded, wait_s, say):
                return _guarded(loaded, resume, parent, force, say)
    except ImportError as error:
        if (error.name or "").split(".")[0] in TRAINING_PACKAGES:
            raise MissingExtra("training", "train") from None
        raise


def _alone(loaded: Loaded, wait_s: float, say: Progress) -> AbstractContextManager[None]:
    """The folder for this run alone, from the reading of what it starts from to the published model."""
    device = Device.here()
    if device.rank:  # a helper of a launched run: the first process holds it
        return nullcontext()
    most = 0.0 if device.processes > 1 else wait_s  # the helpers would wait for the first in vain

    def waiting(owner: str) -> None:
        say(f"{owner} is running in {loaded.build.parent}: waiting for it, {wait_s / 3600:g} hours at most (--no-wait refuses instead)", -1.0)

    return Store(loaded.build).lock(most, waiting)


def _guarded(loaded: Loaded, resume: bool, parent: Path | None, force: bool, say: Progress) -> Result | None:
    method = methods.find(loaded.recipe.method)()
    if "wandb" in loaded.recipe.train.trackers:
        wandb(loaded, say)
    say("reading rows", 0.0)
    rows = read(loaded, method.needs)
    store, device = Store(loaded.build), Device.here()
    divide = getattr(method, "divide", None)
    begun: Start | None = divide(loaded, rows, parent) if divide else None
    if begun:
        parent = begun.folder
        if idle := rounds.too_few(rows, loaded.settings, begun, force):
            return None if device.rank else Result(begun.artifact(), fresh=True, entry=begun.entry, idle=idle)
    inputs = _inputs(loaded, rows, parent, getattr(method, "reads", None), "" if begun else loaded.recipe.base)
    settings = loaded.recipe.model_dump(exclude={"description", "search", "gates", "cost"})
    key = fingerprint([inputs, settings, device.processes, code_fingerprint(*CODE)])
    name = loaded.recipe.name
    work = store.root / "checkpoints" / name / key[:16]
    if begun and not force and not resume and (resume := bool(_whole(work))):  # nobody is there at night to say --resume
        say(f"going on with the round that was interrupted ({_whole(work)[-1].name})", -1.0)
    if device.rank:  # a helper of a launched run: it computes, the first process writes
        with tempfile.TemporaryDirectory() as folder:
            _work(Job(loaded, Path(folder), work, device, lambda text, share: None, parent=parent), method, rows, _resume_from(work, resume))
        return None
    if not force and (made := store.find("model", name, key)):
        store.touch(made)
        return Result(made, fresh=True)
    started = getattr(method, "started", None)
    checkpoint = started(work, resume, force) if started else _unfinished(work, resume, force)
    with store.publish("model", name, key, inputs=inputs, settings=settings, seed=loaded.recipe.train.seed) as draft:
        job = Job(loaded, draft.path, work, device, say, parent=parent)
        draft.record(**_work(job, method, rows, checkpoint))
    from kefu.train.factory.fit import sweep

    sweep(work)
    made = store.newest("model", name)
    if made is None:
        raise GateError(f"{name} was written but cannot be read back", str(store.root), "check the disk", layer="train")
    return Result(made, notes=job.notes)


def _inputs(loaded: Loaded, rows: Splits, parent: Path | None, reads: Any, base: str) -> dict[str, str]:
    """Content hashes of everything a run reads; a name of a model made here stands for its newest version."""
    from kefu.train.factory import model_folder

    inputs = {f"data/{name}": digest for name, digest in rows.digest().items()}
    named = {"base": base, **{f"settings/{name}": name for name in (reads(loaded.settings) if reads else []) if name}}
    for label, name in named.items():
        path = loaded.path(name) if name else None
        if path and not path.exists() and "/" not in name:
            try:
                path = model_folder(loaded.root, name)
            except InputError:
                continue
        if path and path.exists():
            inputs[label] = _digest(path)
    return {**inputs, **({"parent": _digest(parent)} if parent else {})}


def _digest(path: Path) -> str:
    files = [p for p in path.rglob("*") if p.is_file() and "build" not in p.relative_to(path).parts] if path.is_dir() else [path]
    return fingerprint(fingerprint_files(files, path if path.is_dir() else path.parent))


def _unfinished(work: Path, resume: bool, force: bool) -> Path | None:
    """The checkpoint to go on from. An unfinished run is neither forgotten nor gone on with in silence."""
    from kefu.train.factory.fit import checkpoints, sweep

    whole = checkpoints(work)
    if resume:
        if not whole:
            why = "no whole checkpoint of exactly this recipe, its data, its base and this version of kefu was found"
            raise InputError("nothing to resume", why, "start without --resume; to go on from a model with other settings use --continue MODEL")
        return whole[-1]
    if whole and not force:
        step = whole[-1].name.rpartition("-")[2]
        raise InputError(f"an unfinished run of this recipe stopped after step {step}", str(work), "go on with --resume, or start anew with --force")
    sweep(work)
    return None


def _resume_from(work: Path, resume: bool) -> Path | None:
    return _whole(work)[-1] if resume else None


def _whole(work: Path) -> list[Path]:
    from kefu.train.factory.fit import checkpoints

    return checkpoints(work)


def _work(job: Job, method: methods.Method, rows: Splits, checkpoint: Path | None) -> dict[str, Any]:
    from kefu.train.factory.cost import Meter
    from kefu.train.factory.fit import fit
    from kefu.train.factory.register import former
    from kefu.train.factory.report import write

    job.rows, meter = rows, Meter()
    for note in rows.notes:
        job.say(note)
    _seed(job.seed)
    job.progress("opening the base", 0.01)
    method.open(job)
    plan.choose(job, method.defaults(job))
    if "threads" in job.plan.choices:
        threads.use(int(job.plan["threads"]))
    job.progress("encoding rows", 0.03)
    train = _checked(method.encode(job, rows.train, "train"), job.loaded, float(job.plan["max_drop_share"]), job.say)
    held = method.encode(job, rows.validation, "validation") if rows.validation else None
    held = held if held and held.items else None
    make = getattr(method, "make", None)
    if not make:
        sequences = getattr(method, "sequences", None)
        job.facts["sequences"] = sequences(job) if sequences else 1
        plan.size(job, train)
    most = int(job.plan["measure_rows"])
    chosen = rows.measured(most, job.seed)
    measured, on = chosen.rows, chosen.on
    for notice in chosen.notes:
        job.say(notice)
    job.facts["measured"] = {"rows": len(measured), "of": chosen.of, "seed": job.seed, "repeats": len(chosen.repeats)}
    job.progress("measuring before training", 0.05)
    before, before_samples = _asked(method, job, measured, on=on)
    general = some(rows.general, most, job.seed) if len(rows.general) > most else rows.general
    was = _asked(method, job, general, samples=False)[0] if general else {}
    if make:
        curves = make(job, train, held, lambda text, share: job.progress(text, 0.08 + 0.84 * share))
    else:
        if job.plan["rehearse"]:
            with _memory(job, method):
                while not _rehearse(job, method, train, held):
                    pass
        curves = _fit(job, method, train, held, checkpoint, fit)
    if job.device.rank:
        return {}
    finish = getattr(method, "finish", None)
    if finish:
        finish(job)
    job.progress("measuring after training", 0.93)
    after, after_samples = _asked(method, job, measured, on=on)
    if decide := getattr(method, "decisions", None):
        job.facts["decisions"] = _decided(job, method, decide, chosen)
    peer = getattr(method, "trivial", None)
    if peer:
        job.facts["baseline"] = peer(job, measured, before)
    if general:
        job.facts["general"] = {"rows": len(general), "of": len(rows.general), "before": was, "after": _asked(method, job, general, samples=False)[0]}
    judge = getattr(method, "judge", None)
    if judge:
        judge(job, after)
    samples = [{**a, "after": b["said"], "score": _close(b)} for a, b in zip(before_samples, after_samples, strict=True)]
    job.progress("saving", 0.97)
    task = {"method": job.recipe.method, "needs": method.needs, "base": job.recipe.base, **method.save(job, job.out)}
    if columns := {**rows.map, **job.recipe.data.map}:
        task["map"] = columns
    write_json(job.out / "task.json", task)
    if method.needs == "messages" and job.base is not None:
        rounds.record(job, getattr(method, "seen", None), getattr(method, "old", []))
    job.facts["cost"] = meter.read(job.recipe.cost)
    job.facts["former"] = former(job.loaded)
    return write(job, method, rows, train, held, curves, before, after, samples)


def _asked(
    method: methods.Method, job: Job, rows: list[dict[str, Any]], *, samples: bool = True, on: str = ""
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Metrics on rows and what is said of the first of them; only the first process asks. on: said with each figure."""
    if job.device.rank:
        return {}, []
    figures = {name: {**number, "on": on} if on else number for name, number in method.measure(job, rows).items()}
    return figures, _samples(method, job, rows) if samples else []


def _decided(job: Job, method: methods.Method, decide: Any, chosen: Measured) -> dict[str, Any]:
    """Classes, confusions and errors on the measured rows; and the figures on those that repeat no learnt row, where some do."""
    from kefu.train.heads.decisions import summary

    if job.device.rank:
        return {}
    made, single = decide(job, chosen.rows)
    found = summary(made, single, kinds=method.needs == "labelled" or method.needs == "image-text")
    fresh = [row for i, row in enumerate(chosen.rows) if i not in chosen.repeats]
    if chosen.repeats and fresh:
        found["fresh"] = {"rows": len(fresh), "metrics": method.measure(job, fresh)}
    return found


def _close(sample: dict[str, Any]) -> float:
    """1 for what was expected, else the F1 of words and Han characters."""
    from kefu.text.normalise import fold
    from kefu.text.similarity import token_f1

    said, expected = str(sample["said"]), str(sample["expected"])
    return 1.0 if fold(said) == fold(expected) else round(token_f1(said, expected), 4)


def _checked(rows: Prepared, loaded: Loaded, limit: float, say: Callable[[str], None]) -> Prepared:
    """Stop a run that would learn nothing, or only from a part of its rows. limit: share of them that may be left out."""
    given = loaded.file.stem if loaded.file in shipped().values() else str(loaded.file)
    way = shlex.join(["kefu", "train", "show", given, *(word for one in loaded.overrides for word in ("--set", one))])
    ledger = rows.ledger
    dropped = sum(ledger["dropped"].values())
    if ledger["rows_in"] != ledger["rows"] + dropped or ledger["rows"] != len(rows.items):
        raise GateError("the row ledger does not balance", f"{ledger['rows_in']} in, {ledger['rows']} kept, {dropped} dropped", "report this")
    if not rows.items:
        why = ", ".join(f"{reason}: {count}" for reason, count in ledger["dropped"].items()) or "no rows were read"
        raise InputError("nothing to train on", f"every row was left out ({why})", f"see the rows: {way} (data.map.FIELD=COLUMN names a column)")
    lost = dropped - ledger["dropped"].get(SET_ASIDE, 0)
    share = lost / max(1, ledger["rows_in"])
    why = ", ".join(f"{reason}: {count}" for reason, count in ledger["dropped"].items() if reason != SET_ASIDE)
    if share > limit:
        fix = f"raise train.max_length, mend the rows ({way}), or set train.max_drop_share={min(1.0, math.ceil(share * 100) / 100):g}"
        raise InputError(f"{lost} of {ledger['rows_in']} training rows would be left out ({why})", f"train.max_drop_share is {limit:g}", fix)
    if share >= TOLD:
        said = f"{lost} of {ledger['rows_in']} training rows, {share:.0%}, are left out ({why})"
        say(f"{said}; more than {limit:.0%} stop the run (train.max_drop_share)")
    if (cut := ledger.get("cut_oldest", 0)) >= TOLD * max(1, len(rows.items)):
        questions = f", of {ledger['cut_questions']} the beginning of the question" if ledger.get("cut_questions") else ""
        say(f"of {cut} of {len(rows.items)} training rows the oldest was cut{questions}: they are longer than train.max_length")
    if not ledger["supervised"]:
        raise GateError("nothing to learn", f"none of the {len(rows.items)} rows has a learnt token or label", f"see {way}", layer="train")
    return rows


def _rehearse(job: Job, method: methods.Method, train: Prepared, held: Prepared | None) -> bool:
    """One batch of the longest rows through training (at learning rate 0), evaluation and saving. False: do it again, smaller."""
    from kefu.train.factory.optimise import NotFiniteError

    job.progress("rehearsing one batch", 0.07)
    batch = int(job.plan["batch_size"])
    with tempfile.TemporaryDirectory(dir=job.out) as folder:
        again = dataclasses.replace(job, work=Path(folder), rehearsing=True)
        try:
            with _as_it_was(job.model):
                _quieted(method.trainer(again, train.longest(batch), held.longest(batch) if held else None)).train()
        except NotFiniteError as error:
            raise GateError("the first batch gives no finite loss", f"loss {error.loss}", "check base and data", layer="train") from None
        except Exception as error:
            if not memory.exhausted(error) or not plan.halve(job):
                raise
            return False
        finally:
            job.model.zero_grad(set_to_none=True)
    _seed(job.seed)
    return True


def _fit(job: Job, method: methods.Method, train: Prepared, held: Prepared | None, checkpoint: Path | None, fit: Any) -> Any:
    """The run. Out of memory: smaller passes, from the last whole checkpoint. NaN: stop, the last good checkpoint is kept."""
    from kefu.train.factory.fit import checkpoints, last_good
    from kefu.train.factory.optimise import NotFiniteError

    while True:
        tensorboard = job.out / "tb" if "tensorboard" in job.plan["trackers"] and job.device.rank == 0 else None
        try:
            with _memory(job, method), _as_it_was(job.model), closed("wandb" in job.plan["trackers"]):
                return fit(
                    method.trainer(job, train, held), lambda text, share: job.progress(text, 0.08 + 0.84 * share), lengths=train.lengths,
                    patience=job.plan["patience"], tensorboard=tensorboard, resume=checkpoint,
                )  # fmt: skip
        except NotFiniteError as error:
            whole = checkpoints(job.work)
            kept = last_good(whole, error.step)
            lost = f"none of the {len(whole)} checkpoints is worth going on from" if whole else "no checkpoint was written before that"
            where = f"the last good checkpoint is {kept}" if kept else lost
            fix = "lower train.learning_rate and " + (f"start from it: --continue {kept}" if kept else "start again (--force), or check the rows")
            raise GateError(f"the loss is {error.loss} at step {error.step} of {job.steps}", where, fix, layer="train") from None
        except Exception as error:
            if not memory.exhausted(error) or not plan.halve(job):
                raise
        whole = checkpoints(job.work)
        checkpoint = whole[-1] if whole else None
        method.open(job)


@contextmanager
def _as_it_was(model: Any) -> Iterator[None]:
    """Trainers replace `forward` of the model they are given (autocast, a fused head), mark it as prepared, and leave it so. A
    second one would not prepare it: bf16 was lost without a word (measured), and so would be the summing of gradients over
    processes; and the model measured afterwards would not be the one saved."""
    names = ("forward", "_original_forward", "_is_accelerate_prepared")
    before = {module: {name: vars(module)[name] for name in names if name in vars(module)} for module in model.modules()}
    try:
        yield
    finally:
        for module in model.modules():
            for name in names:
                vars(module).pop(name, None)
            vars(module).update(before.get(module, {}))


@contextmanager
def _memory(job: Job, method: methods.Method) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not memory.exhausted(error) or plan.can_halve(job):
            raise
        why = f"one row of up to {job.plan['max_length']} tokens does not fit"
        fix = "lower train.max_length, set train.gradient_checkpointing, use lora or qlora, or a smaller base"
        raise InputError("out of memory", why, fix) from None


def _quieted(trainer: Any) -> Any:
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    for chatty in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(chatty)
    return trainer


def _samples(method: methods.Method, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the model says of a few rows, where the method can say something: {"asked", "expected", "said"}."""
    ask = getattr(method, "samples", None)
    return list(ask(job, rows[:SAMPLES])) if ask and job.device.rank == 0 else []


def _seed(seed: int) -> None:
    from transformers import set_seed

    set_seed(seed)
