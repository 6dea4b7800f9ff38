"""The registry copied into MLflow, for teams that look at their runs there. `models.yaml` stays the truth; nothing is read back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kefu.artifacts import fingerprint
from kefu.errors import EngineError, MissingExtra
from kefu.registry.entry import Entry

MOST_PARAMETER = 500
_FILES = ("report.html", "report.md", "task.json", "training.json")


def mirror(root: Path, entries: Iterable[Entry], to: str = "") -> dict[str, list[str]]:
    """{"written", "updated", "fresh"}: labels by what was done. One MLflow run an entry, in an experiment of the model's name.

    to: a tracking URI; else MLFLOW_TRACKING_URI, else `mlflow.db` in the folder's build/. A second mirror writes only what changed.
    Raises MissingExtra, EngineError (the server refuses or is not there).
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # read at import; a dead server is said in seconds, not minutes
    try:
        with _quiet():
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
    except ImportError:
        raise MissingExtra("a mirror in MLflow", "mlflow") from None
    uri = to or os.environ.get("MLFLOW_TRACKING_URI", "") or f"sqlite:///{(root / 'build').resolve() / 'mlflow.db'}"
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    done: dict[str, list[str]] = {"written": [], "updated": [], "fresh": []}
    try:
        with _quiet():
            client = MlflowClient(tracking_uri=uri)
            for entry in entries:
                done[_one(client, root, entry)].append(entry.label)
    except (MlflowException, OSError) as error:
        first = " ".join(str(error).split())[:240]
        raise EngineError(f"{uri} takes no mirror", first, "check the address (MLFLOW_TRACKING_URI or --to) and that the server runs") from None
    return done


def _one(client: Any, root: Path, entry: Entry) -> str:
    digest = fingerprint(entry.row())
    experiment = client.get_experiment_by_name(entry.name)
    number = experiment.experiment_id if experiment else client.create_experiment(entry.name, artifact_location=_place(root, client, entry.name))
    found = client.search_runs([number], f"tags.`kefu.model` = '{entry.label}'", max_results=1)
    if found and found[0].data.tags.get("kefu.digest") == digest:
        return "fresh"
    if found:  # only stage, gates and metrics of an entry ever change
        run = found[0].info.run_id
    else:
        run = client.create_run(number, run_name=entry.label, tags={"kefu.model": entry.label}).info.run_id
        for name, value in _flat(entry.settings).items():
            client.log_param(run, _name(name), str(value)[:MOST_PARAMETER])
    for name, number_ in entry.metrics.items():
        parts = number_ if isinstance(number_, dict) else {"value": number_}
        for part in ("value", "low", "high", "n"):
            value = parts.get(part)
            if isinstance(value, int | float) and not isinstance(value, bool):
                client.log_metric(run, _name(name if part == "value" else f"{name}.{part}"), float(value))
    tags = {
        "stage": entry.stage, "method": entry.method, "training": entry.training, "access_point": entry.access_point, "created": entry.created,
        "gates_passed": entry.gates_passed, "release_passed": entry.release_passed, "parents": ", ".join(entry.parents),
        **{f"hash.{name}": value for name, value in entry.hashes.items()}, "description": entry.description,
    }  # fmt: skip
    for name, value in tags.items():
        client.set_tag(run, f"kefu.{name}", str(value))
    for folder in entry.artifacts.values():
        for file in _FILES:
            if not found and (root / folder / file).is_file():
                client.log_artifact(run, str(root / folder / file))
    client.set_terminated(run, "FINISHED")
    client.set_tag(run, "kefu.digest", digest)  # last: a mirror that was stopped is not taken for whole
    return "updated" if found else "written"


def _place(root: Path, client: Any, name: str) -> str | None:
    """Where a local store keeps files: in the folder's build/, not wherever the command happened to run. A server decides itself."""
    if not str(client.tracking_uri).startswith("sqlite:"):
        return None
    return ((root / "build").resolve() / "mlflow-files" / name).as_uri()


@contextmanager
def _quiet() -> Any:
    """MLflow says on import and at its first table what concerns its own upkeep."""
    import logging

    names = ("mlflow", "alembic")
    levels = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def _name(text: str) -> str:
    """MLflow takes letters, digits and _ - . / and space."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "_-. /") else "_" for char in text)[:250]


def _flat(value: object, prefix: str = "") -> dict[str, object]:
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}.{key}" if prefix else str(key)).items()}
    return {prefix: value} if prefix else {}
