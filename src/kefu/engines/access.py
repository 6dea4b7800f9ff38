"""`open`: the one way from an access point (folder or URL) to a running engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kefu.engines.protocol import Engine
from kefu.errors import EngineError, InputError

ENGINE_FILE = "engine.json"
PROMPT_FILE = "prompted.json"


def open(access_point: str | Path, **options: Any) -> Engine:
    """Start the engine behind an access point.

    A folder with `prompted.json` speaks through another access point, one with `engine.json` runs on OpenVINO, a Hugging
    Face folder on transformers, an `http(s)://` URL is an OpenAI-compatible server. Options go to the engine's class: `threads`,
    `cache_mb`, `max_waiting` (folders), `model`, `api_key`, `timeout_s` (URL).
    Raises InputError, EngineError, MissingExtra.
    """
    text = str(access_point)
    if text.startswith(("http://", "https://")):
        from kefu.engines.remote import RemoteEngine

        return RemoteEngine(text, **options)
    if (Path(access_point) / PROMPT_FILE).is_file():
        from kefu.engines.prompted import PromptedEngine

        return PromptedEngine(Path(access_point), **options)
    folder = locate(Path(access_point))
    if (folder / ENGINE_FILE).is_file():
        from kefu.engines.embedded import EmbeddedEngine

        return EmbeddedEngine(folder, **options)
    from kefu.engines.huggingface import TransformersEngine

    return TransformersEngine(folder, **options)


def locate(path: Path) -> Path:
    """The folder that holds the model: the path itself, or its `engine/` or `model/` (as artefacts have it)."""
    for folder in (path, path / "engine", path / "model"):
        if (folder / ENGINE_FILE).is_file() or (folder / "config.json").is_file():
            return folder
    if not path.exists():
        raise InputError(f"no model at {path}", "the folder does not exist", "give a folder with engine.json or config.json, or an http(s) URL")
    if not path.is_dir():
        raise InputError(f"{path} is not a model", "it is a file", "give the folder that holds engine.json or config.json")
    raise EngineError(
        f"cannot open {path}", f"it holds neither {ENGINE_FILE} nor config.json", "give an exported engine, a Hugging Face folder or a URL"
    )
