"""The dataset class of a project: loaded from its file, opened, and asked for labels."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

from kefu.artifacts import fingerprint
from kefu.conversation import Conversation
from kefu.data.rules import SupportDataset
from kefu.errors import ConfigError, KefuError


def load_class(reference: str, root: Path) -> type[SupportDataset]:
    """The class named `file.py:Class` relative to the project's folder; empty: SupportDataset. Raises ConfigError.

    The file is the project's own code and is run.
    """
    if not reference:
        return SupportDataset
    name, colon, attribute = reference.partition(":")
    path = root / name
    if not colon or not attribute:
        raise ConfigError(f"data.dataset_class {reference!r}", "file and class are not both named", "write file.py:ClassName")
    if not path.is_file():
        raise ConfigError(f"data.dataset_class: no file {name}", f"looked in {root}", "correct the path")
    module_name = f"kefu_project_{fingerprint(str(path.resolve()))[:12]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"data.dataset_class: {name} is not a Python file", "", "write file.py:ClassName")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # `sys.exit()` in a project's file must not end our run as if it were done
        sys.modules.pop(module_name, None)
        raise ConfigError(f"data.dataset_class: {name} cannot be loaded", _cause(error, path), "correct the file") from error
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, SupportDataset)):
        ours = (item for item in vars(module).values() if isinstance(item, type) and issubclass(item, SupportDataset))
        classes = [item.__name__ for item in ours if not item.__module__.startswith("kefu.data.")]
        hint = f"it has {', '.join(classes)}" if classes else "it has no subclass of kefu.data.SupportDataset"
        raise ConfigError(f"data.dataset_class: {name} has no dataset class {attribute!r}", hint, "subclass kefu.data.SupportDataset")
    return found


def quality_scale(kind: type[SupportDataset], given: Sequence[str] = ()) -> tuple[str, ...]:
    """The quality labels that may be given, best first: those of `data.labels.scale`, else `labels` of the dataset class. Raises ConfigError."""
    scale = tuple(given) or kind.labels
    wrong = isinstance(scale, str) or not all(isinstance(name, str) and name.strip() and name != "unsure" for name in scale)
    if wrong or len(scale) < 2 or len(set(scale)) != len(scale):
        raise ConfigError(f"{kind.__name__}.labels is {scale!r}", "two or more different texts are needed, best first", "correct the dataset class")
    return tuple(scale)


def open_dataset(kind: type[SupportDataset], conversations: Sequence[Conversation]) -> SupportDataset:
    """An instance of a class of the project. Raises ConfigError when its `__init__` fails."""
    try:
        return kind(conversations)
    except KefuError:
        raise
    except (Exception, SystemExit) as error:
        file = Path(inspect.getsourcefile(kind) or "")
        raise ConfigError(
            f"data.dataset_class: {kind.__name__} of {file.name} cannot be made", _cause(error, file), "correct its __init__"
        ) from error


def _cause(error: BaseException, file: Path) -> str:
    """The error and the line of the project's own file that it came from."""
    own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
    said = f"{type(error).__name__}: {error}"
    return f"line {own[-1]}: {said}" if own else said


def annotate(dataset: SupportDataset, conversations: Iterable[Conversation] | None = None) -> None:
    """Write label and intervention into conversations (default: the dataset's own, held in memory).

    Raises ConfigError when the class breaks its contract.

    A build labels batches in several processes, in any order: `label` and `human_intervention_idx` must depend on nothing
    but the conversation they are given and `self.conversations`, which is all that stays, not yet labelled, read from the disk.
    """
    for conversation in dataset.conversations if conversations is None else conversations:
        try:
            label, index = dataset.label(conversation), dataset.human_intervention_idx(conversation)
        except KefuError:
            raise
        except Exception as error:
            raise ConfigError(
                f"{type(dataset).__name__} failed on {conversation.id}", f"{type(error).__name__}: {error}", "correct the dataset class"
            ) from error
        if not isinstance(label, str) or not label:
            raise ConfigError(
                f"{type(dataset).__name__}.label gave {label!r} for {conversation.id}", "a non-empty text is needed", "correct the dataset class"
            )
        if index is not None and (not isinstance(index, int) or not 0 <= index < len(conversation.turns)):
            hint = f"it has turns 0 to {len(conversation.turns) - 1}"
            raise ConfigError(
                f"{type(dataset).__name__}.human_intervention_idx gave {index!r} for {conversation.id}", hint, "return the index of a turn, or None"
            )
        conversation.label, conversation.intervention = label, index
