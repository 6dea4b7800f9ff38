"""Pictures with texts: CLIP's two encoders (Radford et al. 2021, arXiv 2103.00020) and a head on what they say of a pair."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kefu.data.mapping import plain
from kefu.errors import InputError
from kefu.project import expanded
from kefu.train.heads.encoder import Embedded, tokenizer
from kefu.train.heads.labels import probabilities, say
from kefu.train.heads.shared import load_own
from kefu.train.heads.task import BadRow, Task
from kefu.train.heads.windows import Collate

if TYPE_CHECKING:
    from kefu.train.base import Base

HEAD_FILE = "head.safetensors"
MOST_PIXELS = 100_000_000
SIDE, PATCH, TEXT = 32, 8, 64  # of the embedded model: pixels of a picture, of a patch; tokens of a text


class PairModel(torch.nn.Module):
    """CLIP and one linear layer on picture, text, their product and their difference. Returns (logits, CLIP's outputs)."""

    def __init__(self, clip: Any, labels: int) -> None:
        super().__init__()
        self.clip = clip
        self.dropout = torch.nn.Dropout(0.1)
        self.head = torch.nn.Linear(4 * int(clip.config.projection_dim), labels)

    def forward(self, input_ids: Any, attention_mask: Any, pixel_values: Any) -> tuple[Any, Any]:
        out = self.clip(input_ids=input_ids, attention_mask=attention_mask, pixel_values=pixel_values)
        picture, text = out.image_embeds, out.text_embeds
        scale = picture.shape[-1] ** 0.5  # both have length 1: a linear layer learns faster from numbers around 1
        joined = torch.cat([picture, text, scale * picture * text, picture - text], -1) * scale
        return self.head(self.dropout(joined)), out

    @property
    def config(self) -> Any:
        return self.clip.config

    @property
    def device(self) -> Any:
        return self.clip.device

    def num_parameters(self, **_: Any) -> int:
        return sum(p.numel() for p in self.parameters())

    def gradient_checkpointing_enable(self, **given: Any) -> None:
        self.clip.gradient_checkpointing_enable(**given)

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        self.clip.save_pretrained(folder)
        own = {name: value.contiguous().cpu() for name, value in self.state_dict().items() if not name.startswith("clip.")}
        save_file(own, folder / HEAD_FILE, {"format": "pt"})

    def load(self, folder: Path) -> None:
        load_own(self, folder / HEAD_FILE, "clip.")


def embedded(texts: Sequence[str], given: Embedded, seed: int) -> tuple[Any, Any, Any]:
    """(model, tokenizer, image processor) made from scratch, for pictures of 32 x 32."""
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = tokenizer(texts, given.vocabulary, lower=True)
    words.model_max_length = TEXT
    sizes = {
        "hidden_size": given.hidden, "intermediate_size": 2 * given.hidden, "num_hidden_layers": given.layers,
        "num_attention_heads": max(1, given.hidden // 32), "projection_dim": given.hidden,
    }  # fmt: skip
    marks = {"pad_token_id": 0, "bos_token_id": words.cls_token_id, "eos_token_id": words.sep_token_id}
    torch.manual_seed(seed)
    config = CLIPConfig(
        text_config={**sizes, **marks, "vocab_size": len(words), "max_position_embeddings": TEXT},
        vision_config={**sizes, "image_size": SIDE, "patch_size": PATCH}, projection_dim=given.hidden,
    )  # fmt: skip
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    return CLIPModel(config), words, processor


def processor_of(folder: str, local: bool) -> Any:
    """The checkpoint's own way to prepare pictures. Raises InputError."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    try:
        return CLIPImageProcessorPil.from_pretrained(folder, local_files_only=local)
    except (OSError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise InputError(f"{folder} cannot prepare pictures", why, "use a CLIP checkpoint with preprocessor_config.json") from None


class NoPicture(BadRow):
    """The file of a row's picture is not there."""


@dataclass(slots=True)
class Pair:
    """A picture's file and the text beside it."""

    path: Path
    text: str


def bare(row: dict[str, Any], *roots: Path) -> Pair:
    """roots: folders that a name may be relative to, looked through in this order.

    Raises BadRow for a row without picture or text, or whose picture is no file."""
    name, text = plain(row.get("image")).strip(), plain(row.get("text")).strip()
    if not name or not text:
        raise BadRow("no picture" if not name else "no text", "both are needed", "see --map")
    if "://" in name or name.startswith("data:"):
        raise BadRow("a picture by address", "pictures are read from files", "fetch it first and name the file")
    path = next((there for root in roots if (there := root / expanded(name)).is_file()), None)
    if path is None:
        where = " or ".join(dict.fromkeys(map(str, roots)))
        raise NoPicture(f"no picture {name!r}", f"there is no such file below {where}", "name it relative to the rows' folder")
    return Pair(path, text)


def pixels(path: Path) -> Any:
    """The picture, turned as its camera says, in RGB. Raises BadRow for what is none, or too large to be one."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as found:
                if found.width * found.height > MOST_PIXELS:
                    raise BadRow(f"picture {path.name} is too large", f"{found.width} x {found.height}", "make it smaller")
                return ImageOps.exif_transpose(found).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadRow(f"picture {path.name} cannot be read", str(error).partition("\n")[0][:200], "give a picture (png, jpg, webp, ...)") from None


class PairCollate:
    """Items with the path of a picture to a batch: pictures are opened when they are needed, not all at once."""

    def __init__(self, pad: int, processor: Any) -> None:
        self.pad, self.processor = pad, processor

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        made = Collate(self.pad)([{name: value for name, value in item.items() if name != "path"} for item in items])
        pictures = [pixels(Path(item["path"])) for item in items]
        made["pixel_values"] = torch.from_numpy(np.stack(self.processor(images=pictures, return_tensors="np")["pixel_values"]))
        return made


class PairReader:
    """A picture and a text to a label. root: what the names of pictures are relative to."""

    needs = "image-text"

    def __init__(self, base: Base, task: Task, processor: Any, root: Path, rows: int = 16) -> None:
        self.base, self.task, self.rows, self.root = base, task, rows, root
        self.collate = PairCollate(base.tokenizer.pad_token_id or 0, processor)

    def read(self, row: dict[str, Any]) -> Pair:
        pair = bare(row, self.root)
        pixels(pair.path).close()
        if len(self.base.tokenizer(pair.text)["input_ids"]) > self.task.max_length:
            raise BadRow("the text is too long", f"CLIP reads {self.task.max_length} tokens", "shorten it")
        return pair

    def predict(self, read: Sequence[Pair], scores: bool = False) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        model = self.base.model
        training = model.training
        model.eval()
        try:
            for start in range(0, len(read), self.rows):
                some = read[start : start + self.rows]
                batch = self.collate([item(self.base.tokenizer, pair) for pair in some])
                with torch.inference_mode():
                    logits, out = model(**{name: value.to(model.device) for name, value in batch.items()})
                alike = (out.image_embeds * out.text_embeds).sum(-1).float().tolist()
                for shares, close in zip(probabilities(logits.float().cpu().numpy(), self.task), alike, strict=True):
                    made.append({**say(shares, self.task, scores), "similarity": round(close, 6)})
        finally:
            model.train(training)
        return made


def item(words: Any, pair: Pair) -> dict[str, Any]:
    return {"input_ids": words(pair.text)["input_ids"], "path": str(pair.path)}
