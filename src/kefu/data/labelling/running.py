"""The labelling page as a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kefu.artifacts import Store
from kefu.data.classes import load_class, quality_scale
from kefu.data.labelling import pairs as pair_files
from kefu.data.labelling.tasks import TASKS
from kefu.data.service.running import read_keys, require_flask, run
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded

HINT = "the page needs conversations; preferences need --pairs FILE or preference rows in the dataset"


def serve(
    project: Loaded,
    annotators: Sequence[str],
    *,
    task: str = "quality",
    host: str = "127.0.0.1",
    port: int = 8301,
    overlap: float = 0.2,
    pairs: Path | None = None,
    keys_file: str = "",
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve the page until SIGINT or SIGTERM. Raises ConfigError, InputError, BusyError, MissingExtra."""
    require_flask()
    from kefu.data.labelling.app import create_app
    from kefu.data.labelling.desk import Desk

    if task not in TASKS:
        raise ConfigError(f"--task {task!r}", f"tasks are {', '.join(TASKS)}", "correct the flag")
    if not annotators or len(set(annotators)) != len(annotators):
        raise ConfigError("--annotator", "a name is missing or stands twice", "give each annotator a name of his own")
    if not 0 <= overlap <= 1:
        raise ConfigError(f"--overlap {overlap}", "a share between 0 and 1 is needed", "0.2 means one item in five goes to everybody")
    scale = quality_scale(load_class(project.settings.data.dataset_class, project.root), project.settings.data.labels.scale)
    keys = read_keys(host, keys_file)
    artifact = Store(project.build).newest("data", project.settings.name)
    if artifact is None:
        raise InputError(f"{project.settings.name} has no built dataset", "nothing to label", f"run `kefu data build {project.root}`")
    given = pair_files.read(pairs, project.settings.data.clean.mask_pii) if pairs else None
    desk = Desk(project.root, artifact, annotators, overlap=overlap, seed=project.settings.seed, scale=scale, pairs=given)
    if task not in desk.tasks:
        raise InputError(f"--task {task}: nothing to do", f"{desk.dataset} has no such items", HINT)
    run(lambda: create_app(desk, project.settings.name, task, keys), host, port, 1, on_ready)
