"""Where training starts: the embedded base made from scratch, a checkpoint folder, or a Hugging Face id.

The embedded base is a Llama of about 1.1 million parameters with its own byte-level BPE; layout and
sizes are those measured in docs/results.md. A checkpoint brings its own tokenizer and its own chat
template, and nothing here replaces either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kefu.errors import ConfigError, InputError, MissingExtra

EMBEDDED = "embedded"
SPECIAL = ("<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>")
#: The end token stands inside `generation`: a model that is not taught to stop never does.
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{% else %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")
_HUB_TIMEOUT_S = 5


@dataclass
class Base:
    """A model to train and its tokenizer (transformers objects). `parameters` counts each shared weight once."""

    name: str
    model: Any
    tokenizer: Any
    embedded: bool

    @property
    def parameters(self) -> int:
        return int(self.model.num_parameters())

    @property
    def template(self) -> str:
        return str(self.tokenizer.chat_template)

    @property
    def context(self) -> int:
        """Tokens that fit the model."""
        return min(int(getattr(self.model.config, "max_position_embeddings", 1 << 20)), int(self.tokenizer.model_max_length))

    def end_ids(self) -> set[int]:
        """Every id that ends a turn: the tokenizer's and those of the generation settings."""
        known = getattr(getattr(self.model, "generation_config", None), "eos_token_id", None)
        found = set(known if isinstance(known, list) else [known]) | {self.tokenizer.eos_token_id}
        return {int(i) for i in found if i is not None}


def control_tokens(tokenizer: Any) -> tuple[str, ...]:
    """Tokens that the tokenizer would take for control marks when a customer writes them."""
    return tuple(sorted({str(token) for token in tokenizer.added_tokens_decoder.values() if len(str(token).strip()) > 1}))


def embedded_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE learnt from the texts (every byte has a token, so nothing is ever unknown)."""
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import PreTrainedTokenizerFast
    except ImportError:
        raise MissingExtra("training", "train") from None
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def embedded_model(tokenizer: Any, *, layers: int, hidden: int, context: int, seed: int) -> Any:
    """A Llama with random weights, tied embeddings, heads of 32 and a feed-forward of 3 x hidden.

    Weights start at 0.7 / sqrt(hidden), not at the 0.02 that suits widths in the thousands: at width 128 and
    the same 250,000 tokens the loss falls to 0.8 instead of 3.3 (measured on the demo, docs/results.md).
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    heads = max(1, hidden // 32)
    if hidden % heads:
        raise ConfigError(f"train.hidden: {hidden}", "it is not a multiple of 32", f"use {hidden // 32 * 32 or 32} or {(hidden // 32 + 1) * 32}")
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=3 * hidden, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=heads, max_position_embeddings=context, tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
        initializer_range=0.7 / hidden**0.5,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def load(name: str, folder: Path, *, setting: str = "train.base", head: str = "CausalLM", fix: str = "", **options: Any) -> Base:
    """A checkpoint by folder (`folder`, when it exists) or by hub id. Raises ConfigError or InputError in seconds, never in minutes.

    setting: the key that errors name. head: the transformers AutoModel class (`CausalLM`, `SequenceClassification`, ...; empty: none).
    fix: the way out for weights that cannot be read.
    options: for from_pretrained (device_map, quantization_config, settings of the model's own configuration).
    """
    source, local = locate(name, folder, setting)
    try:
        import transformers
    except ImportError:
        raise MissingExtra("training", "train") from None
    if local:
        _no_pickle(name, Path(source), setting)
        _has_tokenizer(name, Path(source), setting)
    safe = {"local_files_only": local, "trust_remote_code": False}
    kind = "causal language model" if head == "CausalLM" else "model"
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **safe)
        auto = getattr(transformers, f"AutoModelFor{head}" if head else "AutoModel")
        model = auto.from_pretrained(source, **{"dtype": "float32", "use_safetensors": True, **options}, **safe)
    except Exception as error:  # transformers, tokenizers and safetensors raise many kinds for a damaged file
        from kefu.train.factory.memory import exhausted

        if isinstance(error, ImportError) or exhausted(error):
            raise
        if "trust_remote_code" in str(error) or "custom code" in str(error):
            why = "its config.json asks for program code of its own (auto_map), and code of a checkpoint is never run"
            raise InputError(f"{setting}: {name!r} cannot be loaded", why, "take a checkpoint whose architecture transformers knows") from None
        raise InputError(f"{setting}: {name!r} cannot be loaded", _said(error), fix or f"give a {kind} with whole safetensors weights") from None
    if head == "CausalLM" and not tokenizer.chat_template:
        raise InputError(f"{setting}: {name!r} has no chat template", "it is a plain language model", "choose its instruction-tuned variant")
    return Base(name, model, tokenizer, embedded=False)


def _no_pickle(name: str, folder: Path, setting: str) -> None:
    """Raises InputError where a folder holds its weights as a pickle only: reading one runs whatever its maker put into it."""
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(
        path.name for kind in ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl") for path in folder.glob(kind) if path.name not in _NO_WEIGHTS
    )
    if pickles:
        why = f"{pickles[0]} is a pickle, which can run any program when it is read, and is not loaded"
        fix = "where you trust its maker, convert it once: AutoModel....from_pretrained(FOLDER).save_pretrained(NEW) writes model.safetensors"
        raise InputError(f"{setting}: {name!r} has no safetensors", why, fix)


def _has_tokenizer(name: str, folder: Path, setting: str) -> None:
    """Raises InputError for a folder with weights and settings but none of the files a tokenizer is read from."""
    if folder.is_dir() and not any(any(folder.glob(kind)) for kind in _TOKENIZERS):
        fix = "copy tokenizer.json and tokenizer_config.json from where the weights come from"
        raise InputError(f"{setting}: {name!r} has no tokenizer", f"{folder} holds none of {', '.join(_TOKENIZERS)}", fix)


_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.*", "*.spm", "*.tiktoken", "spiece.model", "sentencepiece*")
_NO_WEIGHTS = {"training_args.bin", "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "optimizer.bin", "scheduler.bin"}


def locate(name: str, folder: Path, setting: str = "train.base") -> tuple[str, bool]:
    """Where a base is (folder or hub id) and whether it is on this machine. Raises ConfigError for an unknown model.

    The folder may be a checkpoint, or one that holds it as `model/` (what `kefu train` makes).
    """
    if folder.is_dir():
        folder = folder / "model" if (folder / "model" / "config.json").is_file() else folder
        if not (folder / "config.json").is_file():
            raise ConfigError(f"{setting}: {name!r}", f"no config.json in {folder}", "give the folder of a Hugging Face checkpoint")
        return str(folder), True
    if name == EMBEDDED:
        why = "`embedded` is a model made from scratch, and this method goes on from a trained one"
        fix = "train one first (kefu train sft), then give its folder or its registered name, such as shop-sft; or a Hugging Face id"
        raise ConfigError(f"{setting}: {name!r} cannot be the start here", why, fix)
    if name.startswith((".", "/", "~", "$")) or not _HUB_ID.fullmatch(name):
        raise ConfigError(f"{setting}: {name!r}", f"no such folder ({folder})", "give `embedded`, a checkpoint folder or a Hugging Face id")
    try:
        from huggingface_hub import constants, try_to_load_from_cache
    except ImportError:
        raise MissingExtra("training", "train") from None

    if isinstance(try_to_load_from_cache(name, "config.json"), str):
        return name, True
    if constants.HF_HUB_OFFLINE:
        raise ConfigError(f"{setting}: unknown model {name!r}", "it is not in the local cache and HF_HUB_OFFLINE is set", _WAY_OUT)
    _ask_hub(name, constants.ENDPOINT, setting)
    return name, False


_WAY_OUT = "check the name, give a checkpoint folder, or use `base: embedded`"


def _ask_hub(name: str, endpoint: str, setting: str) -> None:
    """One short question to the hub, so that a typing error or a missing network costs seconds."""
    import urllib.error
    import urllib.request

    from huggingface_hub import get_token

    token = get_token()
    request = urllib.request.Request(f"{endpoint}/api/models/{name}", headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=_HUB_TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            why = f"{endpoint} has no such model, or it asks for a token (HTTP {error.code})"
        else:
            why = f"{endpoint} has no such model" if error.code == 404 else f"{endpoint} answered HTTP {error.code}"
    except (OSError, ValueError) as error:
        why = f"no folder of that name, not in the local cache, and {endpoint} cannot be reached ({getattr(error, 'reason', None) or error})"
    raise ConfigError(f"{setting}: unknown model {name!r}", why, _WAY_OUT)


def _said(error: Exception) -> str:
    """In words where safetensors names only its own kind of error (`Error while deserializing header: incomplete metadata, ...`)."""
    from safetensors import SafetensorError

    said = _first_line(error)
    return f"its weights are damaged or were cut off ({said})" if isinstance(error, SafetensorError) else said


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
