"""`SupportDataset`: the per-customer dataset class, and how a project's own subclass is loaded.

A project subclasses it in a file of its own (`data.dataset_class: dataset.py:CloudMaxDataset`) and writes its
rule of quality and of taking over into `label` and `human_intervention_idx`, with the rule in the docstring.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kefu.artifacts import fingerprint
from kefu.conversation import Context, Conversation
from kefu.data import signals
from kefu.data.lines import ConversationFile
from kefu.errors import ConfigError, InputError, KefuError

try:
    from torch.utils.data import Dataset
except ImportError:  # a map-style dataset needs no torch; with torch installed it is a true torch Dataset

    class Dataset:  # type: ignore[no-redef]
        """Stands in for torch.utils.data.Dataset where torch is not installed."""

        def __class_getitem__(cls, item: Any) -> Any:
            return cls


class SupportDataset(Dataset[Conversation]):
    """Support conversations with a quality label and the point where a person must take over.

    `label`: quality of a conversation.
        bad     the customer complains, or says at the end that nothing helped, or an agent could not answer twice
        fair    a question stays unanswered, or a speaker repeats himself, or the tone is bad but the end is not
        good    everything else
    An FAQ pair is `good`, or `fair` when the company contradicts itself on it (flag `contradiction`).

    `human_intervention_idx`: index of the first customer turn at which a person should take over, told from that
    turn and those before it only: the customer asks for a person, complains, names the law or lost money, speaks of
    harming himself or others, or after an answer says that it still does not work, asks the same thing again or is fed up.
    Asking for a channel in a calm voice (投诉电话是多少) is none of it.
    """

    #: Best first; what people may choose on the labelling page, unless `data.labels.scale` of kefu.yaml names others. The last is low quality.
    labels: tuple[str, ...] = ("good", "fair", "bad")

    def __init__(self, conversations: Sequence[Conversation]) -> None:
        self.conversations = conversations if isinstance(conversations, Sequence) else list(conversations)

    @classmethod
    def from_file(cls, path: str | Path) -> SupportDataset:
        """Over conversations.jsonl, each item read from the file when asked for.

        Raises InputError for a missing file, and when a damaged row is asked for.
        """
        file = Path(path)
        if not file.is_file():
            raise InputError(f"no conversations at {file}", "the file does not exist", "run `kefu data build` first")
        return cls(ConversationFile(file))

    def __len__(self) -> int:
        return len(self.conversations)

    def __getitem__(self, index: int) -> Conversation:
        return self.conversations[index]

    def get_context(self, index: int) -> Context:
        """What is known beside the words: customer facts, tools, pictures, scripts."""
        return self.conversations[index].context

    def label(self, conversation: Conversation) -> str:
        """One of `labels`; the rule stands in the docstring of the class."""
        if conversation.kind != "dialogue":
            return "fair" if "contradiction" in conversation.flags else "good"
        turns = conversation.turns
        customer = [turn.text for turn in turns if turn.role == "customer"]
        if not customer:
            return "fair"
        last = customer[-1]
        could_not = sum(turn.role == "agent" and signals.has("cannot_answer", turn.text) for turn in turns)
        if any(signals.has(sign, text) for text in customer for sign in ("complaint", "legal")) or signals.has("unresolved", last) or could_not >= 2:
            return "bad"
        angry = any(signals.sentiment(text) < 0 for text in customer)
        if angry or signals.unanswered(turns) or signals.repetition(turns, "customer") or signals.repetition(turns, "agent"):
            return "good" if angry and signals.sentiment(last) > 0 else "fair"
        return "good"

    def human_intervention_idx(self, conversation: Conversation) -> int | None:
        """Index into `turns`, or None when no person is needed. Never looks at later turns."""
        if conversation.kind != "dialogue":
            return None
        for i, turn in enumerate(conversation.turns):
            if turn.role == "customer" and self.needs_person(conversation, i):
                return i
        return None

    def needs_person(self, conversation: Conversation, index: int) -> bool:
        """Should a person take over when the customer says turn `index`? Sees only turns up to it."""
        past = conversation.turns[: index + 1]
        text = past[-1].text
        if any(signals.has(sign, text) for sign in ("asks_person", "complaint", "legal", "money_loss")):
            return True
        if {"self_harm", "threat"} & set(signals.sensitive(text)):
            return True
        answered = any(turn.role == "agent" for turn in past)
        again = signals.repeats(past, index)
        return answered and (any(signals.has(sign, text) for sign in ("unresolved", "fed_up")) or (again and not signals.has("positive", text)))


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
        classes = [
            key for key, item in vars(module).items() if isinstance(item, type) and issubclass(item, SupportDataset) and item is not SupportDataset
        ]
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
        if index is not None and (type(index) is not int or not 0 <= index < len(conversation.turns)):  # `False` would be the first turn
            hint = f"it has turns 0 to {len(conversation.turns) - 1}"
            raise ConfigError(
                f"{type(dataset).__name__}.human_intervention_idx gave {index!r} for {conversation.id}", hint, "return the index of a turn, or None"
            )
        conversation.label, conversation.intervention = label, index
