"""Every setting of `kefu.yaml` in words, read from the schema: type, limits, default, unit, one sentence."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kefu.project.schema import Project


@dataclass(frozen=True)
class Setting:
    """key: dotted, `[]` after a list of blocks (`data.sources[].name`). default: as YAML, `required` when there is none."""

    key: str
    type: str
    default: str
    unit: str
    description: str

    @property
    def block(self) -> str:
        return self.key.rpartition(".")[0]


#: Units that stand in a name, longest first.
_ENDINGS = {
    "_per_minute": "per minute",
    "_per_million": "currency",
    "max_cost": "currency",
    "concurrency": "requests",
    "retries": "tries",
    "_chars": "characters",
    "_tokens": "tokens",
    "_mb": "MB",
    "_kb": "KB",
    "_s": "seconds",
}
#: Units that the field's own word already is, or that need more than a word.
_UNITS = {
    "data.clean.max_turns": "turns",
    "knowledge.target_precision": "share",
    "knowledge.scope_recall": "share",
    "data.dedup.threshold": "similarity",
    "data.sources[].max_drop_share": "share",
    "data.clean.max_drop_share": "share",
    "data.clean.max_turn_drop_share": "share",
    "data.dedup.max_drop_share": "share",
    "data.split.validation": "share",
    "data.split.test": "share",
    "data.augment.per_question": "copies",
    "data.augment.max_share": "ratio",
    "data.augment.balance": "share",
    "data.augment.balance_cap": "copies",
    "data.augment.negatives_per_question": "answers",
    "train.epochs": "passes",
    "train.max_steps": "steps",
    "train.token_budget": "tokens",
    "train.batch_size": "rows",
    "train.max_length": "tokens",
    "train.noise_copies": "copies",
    "train.patience": "evaluations",
    "train.vocabulary": "tokens",
    "export.gates.size_ratio": "share",
    "export.gates.agreement": "share",
    "export.gates.answers": "share",
    "export.gates.score_drop": "share",
    "export.gates.samples": "questions",
    "assistant.handoff_after": "turns",
    "eval.held_out": "questions",
    "eval.release.min_score": "share",
    "eval.release.max_glitch_rate": "share",
    "eval.release.max_wrong_rate": "share",
    "serve.max_concurrent": "requests",
    "improve.bad_rating": "stars",
}
_NAMES = {str: "text", int: "whole number", float: "number", bool: "true/false", Any: "any"}


@lru_cache(maxsize=1)
def settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the schema."""
    return tuple(_of(Project, ""))


def of(model: type[BaseModel], prefix: str = "") -> list[Setting]:
    """Every setting of a block of any model, such as a recipe's."""
    return _of(model, prefix)


def describe(key: str) -> str:
    """The sentence for a dotted key as it stands in a project (`data.sources.0.name`); empty for a key of the user's own."""
    parts = [part for part in key.split(".") if not part.isdigit()]
    known = {one.key.replace("[]", ""): one.description for one in settings()}
    while parts and ".".join(parts) not in known:
        parts.pop()
    return known.get(".".join(parts), "")


def _of(model: type[BaseModel], prefix: str) -> list[Setting]:
    """The block's own settings first, then those of the blocks inside it."""
    found: list[Setting] = []
    below: list[Setting] = []
    for name, info in model.model_fields.items():
        key = f"{prefix}.{name}" if prefix else name
        inner = _inner(info.annotation)
        many = inner is not None and typing.get_origin(info.annotation) is list
        if inner is None or many:
            found.append(Setting(key, _type(info), _default(info), _unit(key), info.description or ""))
        if inner is not None:
            below += _of(inner, key + "[]" * many)
    return found + below


def _inner(annotation: Any) -> type[BaseModel] | None:
    for part in (annotation, *typing.get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _unit(key: str) -> str:
    return _UNITS.get(key) or next((unit for ending, unit in _ENDINGS.items() if key.endswith(ending)), "")


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None:
        return "computed"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if value and value != "|" else f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value)


def _type(info: FieldInfo) -> str:
    limits = [f"{sign} {getattr(part, name)}" for part in info.metadata for name, sign in _SIGNS if getattr(part, name, None) is not None]
    return " ".join([_word(info.annotation), ", ".join(limits)]).strip()


_SIGNS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))


def _word(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " | ".join(map(str, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_word(part) for part in arguments if part is not type(None))
    if origin is list:
        return "list of blocks" if _inner(annotation) else f"list of {_plural(arguments[0])}"
    if origin is dict:
        return f"{_word(arguments[0])} → {_word(arguments[1])}"
    if origin is typing.Annotated:
        return _word(arguments[0])
    return _NAMES.get(annotation, str(annotation))


def _plural(annotation: Any) -> str:
    word = _word(annotation)
    return word if " | " in word else f"{word}s"
