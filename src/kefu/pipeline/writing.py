"""A language model for the data room: an access point of kefu.yaml opened as an engine and handed down as a callable."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from kefu.data.asking import Reply, Request, Writer
from kefu.errors import ConfigError
from kefu.project import Loaded
from kefu.project.schema import AccessPoint


@dataclass
class _EngineWriter:
    name: str
    engine: Any

    async def __call__(self, request: Request) -> Reply:
        from kefu import engines

        sampling = engines.Sampling(max_tokens=request.max_tokens, temperature=request.temperature, seed=request.seed)
        done = await engines.complete(self.engine, list(request.messages), sampling)
        return Reply(done.text, done.usage.get("prompt_tokens", 0), done.usage.get("completion_tokens", 0))


def open_writer(point: AccessPoint) -> Writer:
    """Raises ConfigError for a key that is not set; InputError, EngineError, MissingExtra of the engine."""
    from kefu import engines

    options: dict[str, Any] = {}
    if point.url.startswith(("http://", "https://")):
        options = {"model": point.model, "timeout_s": point.timeout_s}
        if point.key_env:
            if point.key_env not in os.environ:
                raise ConfigError(
                    f"environment variable {point.key_env} is not set", "the access point's key_env names it", f"export {point.key_env}=…"
                )
            options["api_key"] = os.environ[point.key_env]
    return _EngineWriter(_name(point), engines.open(point.url, **options))


def estimate(project: Loaded) -> dict[str, Any]:
    """What the language-model methods of `data.augment` would cost on the newest dataset, without asking anything.

    Raises ConfigError when none is switched on, InputError when the dataset was never built.
    """
    from kefu.artifacts import read_jsonl
    from kefu.data.asking import Asking
    from kefu.data.augment import Question
    from kefu.data.augment.rewriting import back_requests, paraphrase_requests
    from kefu.pipeline.state import current

    settings = project.settings.data.augment
    methods = [method for method in settings.methods if method in ("paraphrase", "back_translation")]
    if not methods:
        raise ConfigError(
            "nothing would ask a model", "data.augment.methods has neither paraphrase nor back_translation", "the other methods cost nothing"
        )
    questions = [
        Question(str(i), text, row["language"], row["category"], row["id"])
        for row in read_jsonl(current(project, "data").file("faq.jsonl"))
        for i, text in enumerate(row["questions"])
    ]
    cache = project.build / "cache"
    asking = Asking(_EngineWriter(_name(settings.model), None), settings.model, cache if cache.is_dir() else None)
    found = {}
    for method in methods:
        make = paraphrase_requests if method == "paraphrase" else back_requests
        found[method] = asking.estimate(make(questions, settings.per_question, project.settings.seed))
    return {"questions": len(questions), "methods": found, "cost_at_most": round(sum(row["cost_at_most"] for row in found.values()), 6)}


def _name(point: AccessPoint) -> str:
    return f"{point.url}#{point.model}"
