"""A project behind the gateway: which model, which records, which words on the chat page."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.pipeline.state import assemble, resolve
from kefu.project import Loaded
from kefu.registry import Entry

if TYPE_CHECKING:
    from kefu.records import Records
    from kefu.serve import Info

_SUGGESTIONS = 4


def open_records(project: Loaded) -> Records:
    """The records that `serve.records` names; SQLite in the project's `build/` by default."""
    from kefu.serve import open_records as open_

    return open_(project.settings.serve, project.build)


def serve(project: Loaded, reference: str = "", *, quiet: bool = False) -> None:
    """Serve a registered model until a signal. The address and what to try are printed once it can answer."""
    from kefu.serve import run

    entry = resolve(project, reference)

    def ready(url: str) -> None:
        if quiet:
            print(json.dumps({"ok": True, "url": url, "model": entry.label}), flush=True)
            return
        print(f"{entry.label} ({entry.stage}) answers at {url}", file=sys.stderr)
        print(f"  chat page {url}/   operators {url}/operator   API {url}/v1   docs {url}/docs   metrics {url}/metrics", file=sys.stderr)
        print("  Ctrl-C stops it after the last answer", file=sys.stderr, flush=True)

    run(factory(project, entry), project.settings.serve, records=open_records(project), info=info(project, entry), root=project.root, on_ready=ready)


def factory(project: Loaded, entry: Entry) -> Callable[[], Any]:
    """Makes the assistant of an entry; called by the gateway beside answering `/healthz`."""
    from kefu.knowledge import served

    knowledge = served(project.root / entry.artifacts["knowledge"])
    return lambda: assemble(project, knowledge, project.root / entry.artifacts["export"], version=entry.label)


def info(project: Loaded, entry: Entry) -> Info:
    """What the gateway says about itself."""
    from kefu.serve import Info

    settings = project.settings.assistant
    return Info(
        title=settings.name, model=entry.name, version=entry.label, greeting=settings.greeting,
        suggestions=suggestions(project.root / entry.artifacts["data"]),
    )  # fmt: skip


def suggestions(data: Path) -> dict[str, list[str]]:
    """A few known questions per language for the chat page, each of another category where there are enough."""
    from kefu.artifacts import read_jsonl

    found: dict[str, dict[str, str]] = {}
    for entry in read_jsonl(data / "faq.jsonl"):
        questions = found.setdefault(entry["language"], {})
        if entry["questions"] and len(entry["questions"][0]) <= 40:
            questions.setdefault(entry["category"] if len(questions) < _SUGGESTIONS else entry["id"], entry["questions"][0])
    return {language: list(islice(questions.values(), _SUGGESTIONS)) for language, questions in found.items()}
