"""From a folder to what answers rows: by its task.json, or for any Hugging Face folder by the architecture its config names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kefu.errors import InputError
from kefu.project import expanded
from kefu.train.heads.task import TASK_FILE, Task

if TYPE_CHECKING:
    from kefu.train.base import Base


_HUB = re.compile(r"[\w.-]+(/[\w.-]+)?")
_RESTORE = "`kefu models verify` says which files of a registered model changed; restore them, take another version, or train it again"


class Predictor(Protocol):
    """needs: the kind of rows it reads (fields.yaml). rows: at once; may be made smaller."""

    needs: str
    rows: int

    def read(self, row: dict[str, Any]) -> Any:
        """What `predict` takes. Raises BadRow."""

    def predict(self, read: Sequence[Any], scores: bool = False) -> list[dict[str, Any]]:
        """One prediction for each, in order."""


def open_model(name: str, root: Path, rows: int, longest: int, files: Path = Path()) -> tuple[Predictor, Task]:
    """name: a folder, a reference (`shop`, `shop@2`), a model made in `root`, or a Hugging Face id. longest: tokens of a generated text.

    files: the folder that names of pictures are relative to. Raises InputError, ConfigError."""
    from kefu.engines.access import ENGINE_FILE, PROMPT_FILE
    from kefu.train import base as bases

    path = expanded(name)
    if not path.exists() and "/" not in name:
        path = _made(name, root) or path
    for folder in (path, path / "engine"):
        if (folder / ENGINE_FILE).is_file() or (folder / PROMPT_FILE).is_file():
            from kefu.train.predict.generate import EngineWriter

            return EngineWriter(folder, rows, longest), Task(task="generation")
    for folder in (path, path.parent):  # also the model/ inside a model's folder
        if (folder / TASK_FILE).is_file() and (folder == path or path.name == "model"):
            task = Task.read(folder)
            if not (folder / task.model / "config.json").is_file():
                raise InputError(f"{folder} holds no {task.model}/", "its task.json names a folder that is not there", "train the model again")
            return _task(task, folder, folder / task.model, rows, longest, files), task
    if not path.exists():
        _known(name, root)
    source, _ = bases.locate(name, path, "MODEL")
    task = _inferred(source)
    return _task(task, Path(source).parent if Path(source).name == "model" else Path(source), Path(source), rows, longest, files), task


def version(name: str, root: Path) -> tuple[str, list[str]]:
    """What a name stands for (`shop@2`, or the folder), and a note where a newer version of it exists that is not in production."""
    from kefu.registry import Registry
    from kefu.train.factory.register import home

    if expanded(name).exists() or "/" in name:
        return name, []
    registry = Registry(home(root))
    known = registry.entries()
    if "@" not in name and all(entry.name != name for entry in known):
        return name, []
    entry = registry.resolve(name)
    newest = max((one for one in known if one.name == entry.name), key=lambda one: one.version)
    if "@" in name or newest.version <= entry.version:
        return f"{entry.label} ({entry.stage})", []
    return f"{entry.label} ({entry.stage})", [f"{newest.label} is newer ({newest.stage}): kefu predict {newest.label} asks it"]


def _made(name: str, root: Path) -> Path | None:
    """The folder of a model that `models.yaml` knows, by the rules of references everywhere; else the newest of that name made here."""
    from kefu.artifacts import Store
    from kefu.registry import Registry
    from kefu.train.factory.register import home

    registry = Registry(home(root))
    if "@" in name or any(entry.name == name for entry in registry.entries()):
        entry = registry.resolve(name)
        if "://" in entry.access_point:
            raise InputError(f"{entry.label} is not on this machine", f"it is asked at {entry.access_point}", "name a model with weights")
        folder = registry.root / entry.access_point
        if not folder.is_dir():
            raise InputError(f"{entry.label} is gone", f"{folder} is not there", "restore the folder, or make it again: kefu models replay")
        return folder
    made = Store(root / "build").newest("model", name)
    return made.path if made else None


def _known(name: str, root: Path) -> None:
    """Raises InputError for what looks like a name of ours written wrongly: nobody asks a hub for it, and a hub would say nothing of use."""
    from huggingface_hub import try_to_load_from_cache

    from kefu.registry import Registry
    from kefu.train.factory.register import home

    if isinstance(try_to_load_from_cache(name, "config.json") if _HUB.fullmatch(name) else None, str):
        return
    labels = [label for entry in Registry(home(root)).entries() for label in (entry.name, entry.label)]
    made = [folder.name for folder in (root / "build" / "model").glob("*") if folder.is_dir()]
    place = root / Path(name).expanduser()
    beside = [str(Path(name).parent / one.name) for one in place.parent.glob("*") if one.is_dir()] if place.parent.is_dir() else []
    near = difflib.get_close_matches(name, dict.fromkeys([*labels, *made, *beside]), 3, 0.6)
    if near:
        raise InputError(
            f"no model {name!r}", "neither a folder, nor a registered name, nor in the local cache", f"did you mean {' or '.join(near)}?"
        )
    if "/" not in name:  # a model of a hub has its owner's name before it
        there = f"the registry holds {', '.join(dict.fromkeys(labels[1::2]))}" if labels else "no model is registered in this folder"
        raise InputError(
            f"no model {name!r}", f"no such folder, and {there}", "see `kefu models list`, or give a folder or a Hugging Face id (OWNER/NAME)"
        )


def _task(task: Task, home: Path, weights: Path, rows: int, longest: int, files: Path) -> Predictor:
    from kefu.train.heads.labels import Classifier, Regressor
    from kefu.train.heads.spans import Reader
    from kefu.train.heads.tags import Tagger
    from kefu.train.heads.wording import Wording
    from kefu.train.predict.generate import Scorer, Writer

    makers: dict[str, Callable[[], Predictor]] = {
        "generation": lambda: Writer(_load(weights, "CausalLM"), home, rows, longest),
        "reward": lambda: Scorer(_load(weights, "SequenceClassification"), home, rows),
        "classification": lambda: Classifier(
            _headed(weights, task, len(task.labels)), task, rows, Wording.load(weights, len(task.labels)) if task.wording else None
        ),
        "regression": lambda: Regressor(_headed(weights, task, 1), task, rows),
        "token-classification": lambda: Tagger(_labelled(weights, "TokenClassification", task), task, rows),
        "multitask": lambda: _shared(weights, task, rows),
        "image-text": lambda: _pictures(weights, task, rows, files),
        "question-answering": lambda: Reader(_load(weights, "QuestionAnswering"), task, rows),
    }
    if task.task not in makers:
        raise InputError(f"task {task.task!r}", "this version cannot predict with it", f"it can with {', '.join(makers)}")
    made = makers[task.task]()
    context = getattr(getattr(made, "base", None), "context", None)
    if context is not None and task.task not in ("generation", "reward") and task.max_length > context:
        made.task = task.model_copy(update={"max_length": context, "stride": min(task.stride, context // 4)})  # type: ignore[attr-defined]
    return made


def _load(weights: Path, head: str) -> Base:
    """The model on the GPU where there is one, ready to read. Pickles are never opened."""
    import torch

    from kefu.train import base as bases
    from kefu.train.heads import windows

    opened = bases.load(str(weights), weights, setting="MODEL", head=head, fix=_RESTORE)
    windows.check(opened.tokenizer, opened.name)
    if opened.tokenizer.pad_token_id is None:
        opened.tokenizer.pad_token = opened.tokenizer.eos_token or opened.tokenizer.unk_token
        opened.model.config.pad_token_id = opened.tokenizer.pad_token_id
    opened.model.eval().requires_grad_(False)
    opened.model.to("cuda" if torch.cuda.is_available() else "cpu")
    return opened


def _headed(weights: Path, task: Task, outputs: int) -> Base:
    """A head on whole texts: the architecture's own, or one on the mean over the tokens."""
    from kefu.train.base import Base
    from kefu.train.heads.shared import Pooled

    if task.pooling == "own":
        return _labelled(weights, "SequenceClassification", task) if task.labels else _load(weights, "SequenceClassification")
    opened = _load(weights, "")
    model = Pooled(opened.model, outputs).eval()
    model.load(weights)
    return Base(opened.name, model.to(opened.model.device), opened.tokenizer, embedded=False)


def _shared(weights: Path, task: Task, rows: int) -> Predictor:
    from kefu.train.base import Base
    from kefu.train.heads.shared import Shared, SharedReader

    opened = _load(weights, "")
    model = Shared(opened.model, task).eval()
    model.load(weights)
    return SharedReader(Base(opened.name, model.to(opened.model.device), opened.tokenizer, embedded=False), task, rows)


def _pictures(weights: Path, task: Task, rows: int, files: Path) -> Predictor:
    from kefu.train.base import Base
    from kefu.train.heads.pictures import PairModel, PairReader, processor_of

    opened = _load(weights, "")
    model = PairModel(opened.model, len(task.labels)).eval()
    model.load(weights)
    base = Base(opened.name, model.to(opened.model.device), opened.tokenizer, embedded=False)
    return PairReader(base, task, processor_of(str(weights), True), files, rows)


def _labelled(weights: Path, head: str, task: Task) -> Base:
    opened = _load(weights, head)
    outputs = int(opened.model.config.num_labels)
    if outputs != len(task.labels):
        why = f"task.json has {len(task.labels)} labels, the model answers with {outputs}"
        raise InputError(f"{weights.parent} does not fit together", why, "take both from one training run")
    if task.crf:
        from kefu.train.heads import crf

        crf.attach(opened.model, task.labels, folder=weights)
    return opened


def _inferred(source: str) -> Task:
    """The task of a Hugging Face folder or id that kefu did not train."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(source, local_files_only=Path(source).is_dir(), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{source} cannot be opened", str(error).partition("\n")[0], "give a Hugging Face folder with a config.json") from None
    kind = (getattr(config, "architectures", None) or [""])[0]
    names = [str(name) for _, name in sorted((config.id2label or {}).items())]
    longest = min(512, int(getattr(config, "max_position_embeddings", 512) or 512))
    if kind.endswith("ForSequenceClassification"):
        if len(names) == 1 or config.problem_type == "regression":
            return Task(task="regression", max_length=longest, stride=longest // 4)
        several = config.problem_type == "multi_label_classification"
        return Task(task="classification", labels=names, multi_label=several, max_length=longest, stride=longest // 4)
    if kind.endswith("ForTokenClassification"):
        marked = [name if name == "O" or name[:2] in ("B-", "I-") else f"I-{name}" for name in names]
        return Task(task="token-classification", labels=marked, max_length=longest, stride=longest // 4)
    if kind.endswith("ForQuestionAnswering"):
        return Task(task="question-answering", max_length=min(384, longest), stride=min(128, longest // 4))
    if kind.endswith(("ForCausalLM", "LMHeadModel")):
        return Task(task="generation")
    why = f"its architecture is {kind or 'not named'}, which has no head that answers"
    raise InputError(f"{source} cannot predict", why, "train a head on it: kefu train classification --set base=...")
