"""`kefu doctor`: what this machine can do, and what is missing for the rest."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata, util
from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console

#: extra -> (what it is for, modules that must be importable)
EXTRAS = {
    "data": ("clean exports (kefu data)", ("polars", "pyarrow", "sqlalchemy", "matplotlib", "sklearn", "orjson")),
    "ray": ("clean exports on a cluster (kefu data build --engine ray)", ("ray",)),
    "sql": ("read PostgreSQL and MySQL (data.sources.url)", ("psycopg", "pymysql")),
    "presidio": ("run Presidio beside our recognisers (kefu data privacy-audit --with presidio)", ("presidio_analyzer", "spacy")),
    "dataserve": ("serve and label datasets (kefu data serve, kefu data label)", ("flask", "gunicorn")),
    "train": ("tune a model (kefu train)", ("torch", "transformers", "trl", "accelerate", "datasets", "tensorboard")),
    "search": ("look for better settings (kefu train --search)", ("optuna",)),
    "deck": ("slides of a training report (kefu train report --pptx)", ("pptx",)),
    "prompt": ("structured answers of a model by prompt", ("jsonschema_rs",)),
    "wandb": ("curves in Weights & Biases (train.trackers)", ("wandb",)),
    "mlflow": ("the registry in MLflow (kefu models mirror)", ("mlflow", "sqlalchemy", "alembic")),
    "encoder": ("hear the meaning of questions beside their words (knowledge.encoder)", ("torch", "transformers", "safetensors")),
    "embedded": ("run the quantised model on a CPU", ("openvino_genai", "tokenizers")),
    "serve": ("serve over HTTP (kefu serve)", ("fastapi", "uvicorn", "aiohttp", "limits", "prometheus_client", "structlog", "orjson")),
    "eval": ("score and compare (kefu eval)", ("scipy", "sacrebleu", "rouge_score")),
}
#: What can be done without; its absence is told, and is no fault.
_OPTIONAL = (
    "Chinese font", "extra encoder", "extra ray", "extra sql", "extra presidio", "extra search", "extra deck", "extra prompt", "extra wandb",
    "extra mlflow",
)  # fmt: skip


def doctor(
    threads: Annotated[bool, typer.Option("--threads", help="Also measure which number of threads trains fastest here and now.")] = False,
    json: Json = False,
) -> None:
    """Tell what this machine can do, and the one command that brings what is missing.

    Example: kefu doctor --threads
    """
    rows: list[dict[str, Any]] = []
    version = ".".join(map(str, sys.version_info[:3]))
    rows.append(_row("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rows.append(_row("memory", memory >= 4, f"{memory:.1f} GiB, {os.cpu_count()} cores", "training the demo needs about 3 GiB"))
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    rows.append(_row("disk", free >= 5, f"{free:.1f} GiB free here", "converter environments take about 1.5 GiB; free some space or set KEFU_CACHE"))
    for extra, (purpose, modules) in EXTRAS.items():
        missing = [name for name in modules if util.find_spec(name) is None]
        shown = f"missing: {', '.join(missing)}" if missing else _versions(modules)
        rows.append(_row(f"extra {extra}", not missing, f"{purpose}; {shown}", f"pip install 'kefu[{extra}]' -c constraints.txt"))
    if util.find_spec("torch") is not None:
        rows.append(_row("torch build", True, metadata.version("torch"), ""))
    if threads:
        rows.append(_threads())
    rows.append(
        _row("converter venv", util.find_spec("ensurepip") is not None, "python -m venv is needed to convert models", "apt-get install python3-venv")
    )
    rows.append(_row("Chinese font", *_font(), "apt-get install fonts-noto-cjk (plots label in English without it)"))
    for row in rows:
        row["optional"] = row["name"] in _OPTIONAL
    ok = all(row["ok"] or row["optional"] for row in rows)

    def text() -> None:
        for row in rows:
            mark = "[green]ok  [/]" if row["ok"] else "[yellow]none[/]" if row["optional"] else "[red]MISS[/]"
            console().print(f"{mark} {row['name']:<15} ", end="")
            console().print(row["detail"] + ("" if row["ok"] else f"  ->  {row['fix']}"), markup=False)

    OUTPUT.result({"ok": ok, "checks": rows}, text)
    if not ok:
        raise typer.Exit(1)


def _threads() -> dict[str, Any]:
    import subprocess

    from kefu.train import threads

    if util.find_spec("torch") is None:
        return _row("threads", False, "cannot be measured without torch", "pip install 'kefu[train]' -c constraints.txt")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        speeds = threads.measure(cores)
    except (OSError, subprocess.SubprocessError) as error:
        return _row("threads", False, f"could not be measured: {error}", "see whether `python -c 'import torch'` works")
    chosen = threads.best(speeds)
    shown = ", ".join(f"{speed.threads}: {speed.tokens:,.0f} tokens/s" for speed in speeds)
    load = f"load {os.getloadavg()[0]:.1f}"
    return _row("threads", True, f"{chosen.threads} (train.threads or OMP_NUM_THREADS); measured with {load}: {shown}", "")


def _row(name: str, ok: bool, detail: str, fix: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail, "fix": "" if ok else fix}


def _versions(modules: tuple[str, ...]) -> str:
    names = _distributions()
    return ", ".join(f"{names[m][0]} {metadata.version(names[m][0])}" for m in modules[:3] if m in names)


@lru_cache(maxsize=1)
def _distributions() -> Mapping[str, list[str]]:
    """Module -> packages; every installed package is read for it."""
    return metadata.packages_distributions()


def _font() -> tuple[bool, str]:
    if util.find_spec("matplotlib") is None:
        return False, "not known without the extra data"
    from kefu.data.fonts import chinese_font

    found = chinese_font()
    return found is not None, str(found) if found else "none found"
