"""A Hugging Face folder to an engine folder for the embedded CPU engine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kefu.artifacts import storage_errors, write_json
from kefu.engines.access import ENGINE_FILE
from kefu.engines.prompt import FILE_NAME as PROMPT_FILE
from kefu.engines.tokens import end_tokens, read_json
from kefu.errors import InputError
from kefu.export.converters import Progress, prepare

MODEL_FILES = ("openvino_model.xml", "openvino_model.bin")
_SCRIPT = Path(__file__).parent / "convert_openvino.py"
_BESIDE = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "config.json", "generation_config.json")
#: Activations and cache in f32: costs nothing measurable with int8 weights, and answers then follow the tuned model.
_HINTS = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}


def convert(
    model: Path, engine: Path, work: Path, *, precision: str, name: str, log: Path, prompt: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Fill `engine` from the Hugging Face folder `model`.

    work: folder for the float32 IR (`work/fp32/`), which the gates compare with.
    log: where the converter's output goes.
    prompt: the `prompt.json` that training wrote. Returns facts: seconds, versions, converter.
    Raises InputError, EngineError, StorageError.
    """
    say = progress or (lambda text, share: None)
    config = read_json(model / "config.json")
    if not (model / "tokenizer.json").is_file():
        raise InputError(
            f"{model} has no tokenizer.json", "the embedded engine needs a fast tokenizer", "save it with AutoTokenizer(...).save_pretrained"
        )
    if not any(model.glob("*.safetensors")):
        raise InputError(
            f"{model} has no safetensors weights", "a pickled checkpoint can run code when it is read", "save it again with safe_serialization"
        )
    converter = prepare("openvino", lambda text, share: say(text, 0.4 * share))
    say(f"converting to OpenVINO ({precision})", 0.4)
    with storage_errors(work):
        work.mkdir(parents=True, exist_ok=True)
        engine.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    facts = converter.run(_SCRIPT, [str(model), str(work), precision], log)
    with storage_errors(engine):
        for file in MODEL_FILES:
            shutil.copyfile(work / precision / file, engine / file)
        for file in _BESIDE:
            if (model / file).is_file():
                shutil.copyfile(model / file, engine / file)
        if prompt is not None and prompt.is_file():
            shutil.copyfile(prompt, engine / PROMPT_FILE)
    write_json(engine / ENGINE_FILE, settings_of(model, config, precision=precision, name=name))
    say("converted", 0.6)
    made = {"name": converter.name, "made_now": converter.made, "seconds": converter.seconds, "megabytes": round(converter.bytes / 1e6)}
    return {**facts, "converter": made}


def settings_of(model: Path, config: dict[str, Any], *, precision: str, name: str) -> dict[str, Any]:
    """`engine.json`. Raises InputError when the model names no end token."""
    generation = read_json(model / "generation_config.json", {})
    ends = end_tokens(generation.get("eos_token_id"), config.get("eos_token_id"))
    if not ends:
        raise InputError(f"{model} names no end token", "an answer would never stop", "set eos_token_id in generation_config.json")
    heads = int(config.get("num_key_value_heads") or config["num_attention_heads"])
    size = int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
    return {
        "format": 1,
        "engine": "openvino",
        "name": name,
        "precision": precision,
        "context": int(config["max_position_embeddings"]),
        "end_ids": ends,
        "kv_bytes_per_token": 2 * int(config["num_hidden_layers"]) * heads * size * 4,
        "hints": dict(_HINTS),
    }
