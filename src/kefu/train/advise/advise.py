"""A ranked list of bases for a task, a language, a domain and a machine, each with its memory for every stage and the reasons.

Nothing here knows how good a model is on anybody's data: among those that fit, size stands for quality, and is said to.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from kefu.train.advise.catalogue import Model
from kefu.train.factory.memory import ROOM, show

GIB = 2**30
#: bytes a second that weights are read with, where the user does not say: two channels of DDR4/DDR5; an upper middle class GPU
BANDWIDTH = {"cpu": 40e9, "gpu": 900e9}
#: operations a second of a forward pass: a few CPU cores; a GPU at bf16
OPERATIONS = {"cpu": 5e11, "gpu": 5e13}
_ENCODED = 64
#: tasks whose heads read a text that is too long in windows
_WINDOWED = ("classification", "token-classification", "question-answering", "image-text")


@dataclass(frozen=True)
class Need:
    """What is asked. gpu_memory: GiB, 0 for none (then `memory` GiB of the machine count). latency_ms: of a token, or of a classified text."""

    task: str = "generation"
    language: str = "zh"
    domain: str = "general"
    gpu_memory: float = 0.0
    memory: float = 16.0
    latency_ms: float | None = None
    quality: Literal["basic", "good", "best"] = "good"
    bandwidth: float | None = None
    rows: int = 4
    length: int = 512
    serve_tokens: int = 8192
    commercial: bool = False


@dataclass
class Advice:
    """One base. stages: bytes by stage; train: full, lora, qlora or "" (it can only be served); serve: precision."""

    model: Model
    train: str
    serve: str
    ms: float
    stages: dict[str, int]
    reasons: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            **self.model.model_dump(),
            "train": self.train,
            "serve": self.serve,
            "ms": round(self.ms, 2),
            "memory": self.stages,
            "reasons": self.reasons,
        }


def advise(models: list[Model], need: Need) -> tuple[list[Advice], dict[str, int]]:
    """(ranked advice, reason -> how many models were left out for it)."""
    found, out = [], Counter[str]()
    for model in models:
        why = _unfit(model, need)
        made = None if why else _fit(model, need)
        if made is None:
            out[why or f"does not fit {_room(need):g} GiB in any way"] += 1
        elif need.latency_ms is not None and made.ms > need.latency_ms:
            out[f"slower than {need.latency_ms:g} ms"] += 1
        else:
            found.append(made)
    return sorted(found, key=lambda one: _rank(one, need)), dict(out)


def _unfit(model: Model, need: Need) -> str:
    if need.task not in model.tasks:
        return "made for another task"
    if need.language not in model.languages:
        return "does not know the language"
    own = (need.domain, "general", *(["code"] if need.task == "code" and need.domain == "general" else []))
    if not set(own) & set(model.domains):
        return "made for another domain"
    if need.length > model.context and need.task not in _WINDOWED:
        return f"holds fewer than {need.length} tokens"
    if need.commercial and not model.licence:
        return "its licence is not stated"
    return ""


def _fit(model: Model, need: Need) -> Advice | None:
    """The most thorough training that fits, and the finest precision to serve with; None when it cannot even be served."""
    room = _room(need) * GIB
    twice = need.task == "classification" and not model.generative  # a classifier on an encoder reads each row twice (R-Drop)
    stages = model.stages(need.rows, min(need.length, model.context), need.serve_tokens, 2 if twice else 1)
    serve = next((p for p in ("bf16", "int8", "int4") if stages[f"serve {p}"] <= room * ROOM), "")
    ways = _ways(model, need)
    stages = {stage: size for stage, size in stages.items() if stage.startswith("serve") or stage in ways}
    train = next((way for way in ways if stages[way] <= room * ROOM), "")
    if not serve:
        return None
    ms = _ms(model, serve, need)
    made = Advice(model, train, serve, ms, stages)
    made.reasons = _reasons(made, need)
    return made


def _ways(model: Model, need: Need) -> tuple[str, ...]:
    """How kefu can train a base on such a machine. QLoRA runs on a CPU too, and is slower than LoRA there."""
    if not model.generative:
        return ("full",)
    return ("full", "lora", "qlora") if need.gpu_memory else ("full", "lora")


def _ms(model: Model, precision: str, need: Need) -> float:
    """A token of one conversation reads every weight once; a text to classify is one pass of 2 operations for a weight and token."""
    where = "gpu" if need.gpu_memory else "cpu"
    if model.generative:
        return model.weights(precision) / (need.bandwidth * 1e9 if need.bandwidth else BANDWIDTH[where]) * 1e3
    worked = max(0.0, model.parameters * 1e6 - model.words * model.width)  # embeddings are looked up, not multiplied
    return 2 * worked * _ENCODED / OPERATIONS[where] * 1e3


def _rank(one: Advice, need: Need) -> tuple[Any, ...]:
    model = one.model
    other_domain = need.domain != "general" and need.domain not in model.domains
    thorough = ("full", "lora", "qlora", "").index(one.train)
    made_here = model.id == "embedded"
    if need.quality == "basic":
        return (other_domain, made_here, one.train == "", model.parameters)
    if need.quality == "best":
        return (other_domain, made_here, one.train == "", -model.parameters)
    comfortable = thorough <= 1 and one.serve != "int4"  # to tune at least with LoRA, and to serve without the coarsest weights
    return (other_domain, made_here, not comfortable, -model.parameters if comfortable else model.parameters, thorough)


def _reasons(one: Advice, need: Need) -> list[str]:
    model, room = one.model, _room(need)
    said = []
    if need.domain != "general":
        said.append(f"made for {need.domain}" if need.domain in model.domains else f"general: nothing of {need.domain} in it but what tuning brings")
    if need.language == "multi":
        said.append("many languages" + ("" if "zh" in model.languages else ", Chinese not among them"))
    elif len(model.languages) == 1:
        said.append({"zh": "Chinese only", "en": "English only"}.get(need.language, "one language"))
    which = "GPU" if need.gpu_memory else "machine"
    if one.train:
        said.append(f"{one.train} training takes about {show(one.stages[one.train])} of the {room:g} GiB of the {which}")
    else:
        ways = _ways(model, need)
        least = min(ways, key=lambda way: one.stages[way])
        fits = show(int(room * GIB * ROOM))
        used = "it can be prompted" if model.generative else "it can be used as it is" if need.task == "embedding" else "take a smaller one to tune"
        said.append(
            f"too large to train here: {least} training takes about {show(one.stages[least])}, {fits} of the {room:g} GiB are counted on; {used}"
        )
    if need.length > model.context:
        said.append(f"texts longer than its {model.context} tokens are read in windows")
    pace = f"about {one.ms:.1f} ms a token" if model.generative else f"about {one.ms:.1f} ms a text of {_ENCODED} tokens"
    said.append(f"served at {one.serve} in {show(one.stages['serve ' + one.serve])}, {pace} at best")
    said.append(f"licence {model.licence}" if model.licence else "its card states no licence: ask before you sell")
    return [*said, *([model.note] if model.note else [])]


def _room(need: Need) -> float:
    return need.gpu_memory or need.memory
