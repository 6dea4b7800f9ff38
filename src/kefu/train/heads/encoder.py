"""The embedded encoder: a small ModernBERT with random weights and its own tokenizer, for machines with no model at hand.

A Han character is never joined with another, because an entity or an answer may end between any two (Warner et al. 2024,
arXiv 2412.13663, for the architecture; it has rotary positions, so that a small one is not bound to a length).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from kefu.errors import ConfigError
from kefu.project.schema import Block
from kefu.train.base import EMBEDDED, Base

CONTEXT = 512
_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_HAN = r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff]"


class Embedded(Block):
    """The encoder made from scratch, for `base: embedded`."""

    vocabulary: int = Field(default=6000, ge=300)
    layers: int = Field(default=3, ge=1)
    hidden: int = Field(default=128, ge=32, description="a multiple of 32")


def tokenizer(texts: Iterable[str], vocabulary: int, lower: bool) -> Any:
    """Byte-level BPE learnt from the texts (nothing is ever unknown). lower: capitals are read as small letters."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    if lower:
        raw.normalizer = normalizers.Lowercase()
    pieces = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    raw.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(_HAN), "isolated"), pieces])
    raw.decoder = decoders.ByteLevel()
    learning = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(_MARKS), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    raw.train_from_iterator(texts, learning)
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
        clean_up_tokenization_spaces=False, model_input_names=["input_ids", "attention_mask"], model_max_length=CONTEXT,
    )  # fmt: skip


def config(words: int, given: Embedded, setting: str, **more: Any) -> Any:
    """The configuration of the encoder; more: labels and the like. Raises ConfigError."""
    from transformers import ModernBertConfig

    heads = max(1, given.hidden // 32)
    if given.hidden % 32:
        near = given.hidden // 32 * 32
        raise ConfigError(f"{setting}.embedded.hidden: {given.hidden}", "it is not a multiple of 32", f"use {near} or {near + 32}")
    return ModernBertConfig(
        vocab_size=words, hidden_size=given.hidden, intermediate_size=2 * given.hidden, num_hidden_layers=given.layers, num_attention_heads=heads,
        max_position_embeddings=CONTEXT, pad_token_id=0, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3,
        classifier_pooling="mean", embedding_dropout=0.1, mlp_dropout=0.1, classifier_dropout=0.1, initializer_range=0.7 / given.hidden**0.5,
        global_attn_every_n_layers=1, reference_compile=False, attn_implementation="sdpa", **more,
    )  # fmt: skip


def build(texts: Iterable[str], given: Embedded, head: str, setting: str, seed: int, *, lower: bool, **more: Any) -> Base:
    """A tokenizer learnt from the texts and a model of `head` (a transformers AutoModel class, e.g. `SequenceClassification`, or ``)."""
    import torch
    import transformers

    words = tokenizer(texts, given.vocabulary, lower)
    auto = transformers.AutoModel if not head else getattr(transformers, f"AutoModelFor{head}")
    torch.manual_seed(seed)
    model = auto.from_config(config(len(words), given, setting, **more))
    model.config.architectures = [type(model).__name__]
    return Base(EMBEDDED, model, words, embedded=True)
