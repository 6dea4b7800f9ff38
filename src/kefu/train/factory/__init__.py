"""One recipe in, one model out: the frame that every training method of `kefu train RECIPE` shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kefu.train.factory.loop import Result

__all__ = ["show", "train"]


def train(
    given: str, overrides: Sequence[str] = (), *, resume: bool = False, continue_from: str = "", force: bool = False, registered: bool = True,
    wait_s: float = 0.0, progress: Callable[[str, float], None] | None = None,
) -> Result | None:  # fmt: skip
    """Train a recipe (file or shipped name) and enter the model in `models.yaml`. See `loop.run`.

    continue_from: a model whose weights a new run starts from. registered: False for trials nobody will ask for again.
    wait_s: for another run in the same folder to end.
    """
    from dataclasses import replace

    from kefu.errors import ConfigError
    from kefu.registry import Registry
    from kefu.train.factory import loop, recipe
    from kefu.train.factory.register import home, register

    if resume and (continue_from or force):
        other = "--continue" if continue_from else "--force"
        raise ConfigError(f"--resume and {other} were given", "to resume is to finish the same run; the other starts a new one", "give one of them")
    loaded = recipe.load(given, overrides)
    parent = model_folder(loaded.root, continue_from) if continue_from else None
    if registered:
        Registry(home(loaded.root)).entries()  # a damaged registry is said before the work, not after it
    result = loop.run(loaded, resume=resume, parent=parent, force=force, wait_s=wait_s, progress=progress)
    if result is None or not registered or result.idle:
        return result
    entry = register(loaded, result, parent)
    if getattr(loaded.settings, "promote", False) and entry.stage == "candidate" and entry.gates_passed and entry.release_passed:
        entry = Registry(home(loaded.root)).promote(entry.label)
    return replace(result, entry=entry)


def model_folder(root: Path, name: str) -> Path:
    """The folder of a model made here, by path or by its name. Raises InputError."""
    from kefu.artifacts import Store
    from kefu.errors import InputError
    from kefu.project import expanded

    for path in (expanded(name), root / name):
        if path.is_dir():
            return path.resolve()
    if "@" in name:
        from kefu.registry import Registry
        from kefu.train.factory.register import home

        there = home(root)
        return (there / Registry(there).resolve(name).access_point).resolve()
    made = Store(root / "build").newest("model", name)
    if made is None:
        raise InputError(f"no model {name!r}", f"there is no such folder, and none of that name was trained in {root}", "give the folder of a model")
    return made.path


def show(given: str, overrides: Sequence[str] = (), count: int = 3) -> list[list[tuple[str, bool]]]:
    """Pieces (text, learnt) of the first rows of a recipe, as its trainer will read them."""
    from kefu.train.factory import view

    return view.show(given, overrides, count)
