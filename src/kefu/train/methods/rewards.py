"""What a sampled answer is worth: token F1 to the reference, whole answer, length, a reward model, or a function of the user's.

A reward is named in the recipe as `token_f1`, `exact`, `length`, `model:FOLDER` (made by `method: reward`) or
`FILE.py:function`, where `function(prompts, completions, references)` takes three lists of texts and gives a list of numbers.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kefu.errors import ConfigError, InputError
from kefu.text.normalise import fold
from kefu.text.similarity import token_f1

if TYPE_CHECKING:
    from kefu.train.factory.job import Job

Message = dict[str, str]
#: histories (chat messages), answers, references -> one number each
Reward = Callable[[Sequence[Sequence[Message]], Sequence[str], Sequence[str]], list[float]]
NEEDS_REFERENCE = ("token_f1", "exact", "length")


def find(job: Job, name: str) -> Reward:
    """The reward of that name. Raises ConfigError (no such reward, file or function), InputError (no reward model)."""
    if name in _KNOWN:
        return _KNOWN[name]
    kind, colon, rest = name.partition(":")
    if kind == "model" and colon:
        return _model(job, rest)
    if kind.endswith(".py") and colon:
        return _function(job, kind, rest)
    raise ConfigError(f"reward {name!r}", "there is none of that name", f"use {', '.join(_KNOWN)}, model:FOLDER or FILE.py:function")


def _f1(_: Any, said: Sequence[str], right: Sequence[str]) -> list[float]:
    return [token_f1(a, b) for a, b in zip(said, right, strict=True)]


def _exact(_: Any, said: Sequence[str], right: Sequence[str]) -> list[float]:
    return [float(fold(a) == fold(b)) for a, b in zip(said, right, strict=True)]


def _length(_: Any, said: Sequence[str], right: Sequence[str]) -> list[float]:
    """1 at the reference's length in characters, 0 at none or at twice as much."""
    return [max(0.0, 1 - abs(len(a) - len(b)) / max(1, len(b))) for a, b in zip(said, right, strict=True)]


_KNOWN: dict[str, Reward] = {"token_f1": _f1, "exact": _exact, "length": _length}


def _model(job: Job, folder: str) -> Reward:
    """A reward model reads the dialogue in its own template, the end token included, as it was trained."""
    from kefu.train.base import load
    from kefu.train.factory import model_folder
    from kefu.train.methods import dialogue
    from kefu.train.methods.reward import score
    from kefu.train.rows import Row

    judge = load(folder, model_folder(job.loaded.root, folder), setting="rewards", head="SequenceClassification")
    if judge.model.config.num_labels != 1:
        raise InputError(f"reward model {folder}", f"it gives {judge.model.config.num_labels} numbers", "train one with `method: reward`")
    reader = dialogue.encoder(judge, 1 << 30, "fail")

    def reward(histories: Sequence[Sequence[Message]], said: Sequence[str], _: Sequence[str]) -> list[float]:
        judge.model.to(job.model.device)
        rows = [Row("", "", tuple(history), text or " ") for history, text in zip(histories, said, strict=True)]
        ids = [reader.ids("".join(reader.text(row, row.history, ())[:2])) for row in rows]
        return score(judge, [one[-judge.context :] for one in ids])

    return reward


def _function(job: Job, file: str, name: str) -> Reward:
    path = job.loaded.path(file)
    if not path.is_file():
        raise ConfigError(f"reward {file}:{name}", f"no file {path}", "give a Python file beside the recipe")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"reward {file}:{name}", f"{path} is not a Python file", "give a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - the user's file, whatever is wrong with it
        raise ConfigError(f"reward {file}:{name}", f"{path.name} fails when loaded: {type(error).__name__}: {error}", "correct the file") from None
    function = getattr(module, name, None)
    if not callable(function) or len(inspect.signature(function).parameters) < 3:
        raise ConfigError(f"reward {file}:{name}", "there is no such function of three lists", f"define {name}(prompts, completions, references)")

    def reward(histories: Sequence[Sequence[Message]], said: Sequence[str], right: Sequence[str]) -> list[float]:
        asked = [history[-1]["content"] for history in histories]
        try:
            made = [float(number) for number in function(asked, list(said), list(right))]
        except Exception as error:  # noqa: BLE001 - the user's function, whatever is wrong with it
            raise ConfigError(f"reward {file}:{name}", f"{type(error).__name__}: {error}", "correct the function") from None
        if len(made) != len(said):
            raise ConfigError(f"reward {file}:{name}", f"it gave {len(made)} numbers for {len(said)} answers", "give one each")
        return made

    return reward
