"""The catalogue as data: what a model is, how large, under which licence; and how much memory it takes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field

from kefu.project import strict
from kefu.project.schema import Block
from kefu.train.factory import memory

Task = Literal["generation", "code", "classification", "token-classification", "question-answering", "embedding", "image-text"]
Language = Literal["zh", "en", "multi"]
Domain = Literal["general", "bio", "science", "law", "finance", "code"]
TASKS: tuple[str, ...] = ("generation", "code", "classification", "token-classification", "question-answering", "embedding", "image-text")
LANGUAGES: tuple[str, ...] = ("zh", "en", "multi")
DOMAINS: tuple[str, ...] = ("general", "bio", "science", "law", "finance", "code")
#: bytes of a weight; int8 and int4 with their scales (one 16-bit scale for 32 weights; NF4 with double quantisation, Dettmers et al. 2023)
PRECISIONS = {"fp32": 4.0, "bf16": 2.0, "int8": 1.0625, "int4": 0.5625}
LORA_RANK = 16


class Model(Block):
    """Facts. parameters: millions. kv: key and value heads times head size; 0 for encoders."""

    id: str
    tasks: list[Task]
    languages: list[Language]
    domains: list[Domain]
    parameters: float = Field(gt=0)
    layers: int = Field(gt=0)
    width: int = Field(gt=0)
    words: int = Field(gt=0)
    kv: int = Field(default=0, ge=0)
    context: int = Field(gt=0)
    licence: str = ""
    note: str = ""

    @property
    def generative(self) -> bool:
        return self.kv > 0

    def weights(self, precision: str) -> int:
        """Bytes of the weights."""
        return round(self.parameters * 1e6 * PRECISIONS[precision])

    def stages(self, rows: int, length: int, serve_tokens: int, readings: int = 1) -> dict[str, int]:
        """Bytes: full, lora and qlora training of `rows` rows of `length` tokens at once, serving at bf16, int8 and int4.

        serve_tokens: tokens held in the cache of all conversations together. readings: of a row in one pass.
        Training as `kefu.train.factory.memory` counts it:
        32-bit weights, gradients and both moments for what is trained; activations of half precision, made again in the backward pass.
        """
        words = self.words if self.generative else 0
        work = memory.activation_bytes(self.width, self.layers, words, rows * readings, length, half=True, again=True)
        trained = adapter(self)
        cache = 2 * self.layers * self.kv * 2 * serve_tokens if self.generative else 0
        return {
            "full": self.weights("fp32") * 4 + work,
            "lora": self.weights("bf16") + trained * 16 + work,
            "qlora": self.weights("int4") + trained * 16 + work,
            **{f"serve {precision}": self.weights(precision) + cache for precision in ("bf16", "int8", "int4")},
        }


def adapter(model: Model) -> int:
    """Weights of a LoRA on all linear layers, about: four projections of attention and three of the feed-forward part (3.5 times as wide)."""
    return round(LORA_RANK * model.layers * model.width * (4 * 2 + 3 * 4.5))


class Catalogue(Block):
    models: list[Model]


def catalogue(file: Path | None = None) -> list[Model]:
    """The shipped models, or those of a file of the same form. Raises ConfigError with every fault."""
    place = file or Path(str(resources.files(__package__).joinpath("catalogue.yaml")))
    found, _ = strict.read(place, Catalogue, fix="correct it", start="it needs `models:`")
    return found.models
