"""A finished run becomes a line of `models.yaml`: beside the recipe, or in the project the recipe lies in."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.artifacts import Artifact, code_fingerprint, fingerprint, provenance
from kefu.registry import Entry, Gate, Registry
from kefu.train.factory import trivial
from kefu.train.factory.data import MORE

if TYPE_CHECKING:
    from kefu.train.factory.loop import Result
    from kefu.train.factory.recipe import Loaded, Recipe

ABOVE = 2
#: method -> what a reader of the registry is told was done
WORDS = {
    "sft": "supervised tuning of all weights", "freeze": "supervised tuning, last layers first", "lora": "supervised tuning of LoRA adapters, merged",
    "qlora": "supervised tuning of LoRA adapters on a 4-bit base", "dpo": "preference tuning (DPO)", "kto": "preference tuning (KTO)",
    "orpo": "preference tuning (ORPO)", "reward": "reward model", "grpo": "reinforcement (GRPO)", "rloo": "reinforcement (RLOO)",
    "ppo": "reinforcement (PPO)", "distill": "distillation from a teacher", "incremental": "incremental tuning with replay",
    "classification": "classification head", "regression": "regression head", "token-classification": "tagging head",
    "question-answering": "span head for questions", "multitask": "several heads on a shared encoder", "image-text": "image-text classification",
    "prompt": "prompt, no weights changed", "provider": "tuned by a provider",
}  # fmt: skip


def home(root: Path) -> Path:
    """The folder of the registry: the project that holds the recipe, or the recipe's own folder."""
    root = root.resolve()
    return next((folder for folder in (root, *list(root.parents)[:ABOVE]) if (folder / "kefu.yaml").is_file()), root)


def register(loaded: Loaded, result: Result, parent: Path | None = None, trials: Path | None = None, more: Sequence[Gate] = ()) -> Entry:
    """Add (or find) the entry of a published model. trials: the page of the search it is the best of; more: gates beside those of the recipe."""
    root, made = home(loaded.root), result.artifact
    registry = Registry(root)
    if parent is None and made.facts.get("parent"):  # a method that always starts from a model of the user's
        parent = Path(made.facts["parent"])
    said = fields(loaded.recipe, loaded.file.name, made, root, _parents(registry, root, parent))
    passed = all(gate.passed for gate in more)
    return registry.add({
        **said, "trials": os.path.relpath(trials.resolve(), root) if trials else "", "gates": [*said["gates"], *(gate.model_dump() for gate in more)],
        "gates_passed": said["gates_passed"] and passed, "release_passed": said["release_passed"] and passed,
    })  # fmt: skip


def fields(recipe: Recipe, file: str, made: Artifact, root: Path, parents: list[str]) -> dict[str, Any]:
    """What an entry says of a published model, read from its own records."""
    training = json.loads(made.file("training.json").read_text("utf-8"))
    manifest, folder = made.manifest, os.path.relpath(made.path.resolve(), root)
    checks = gates(recipe, training)
    return {
        "name": recipe.name, "access_point": folder, "method": recipe.method, "training": words(recipe.method, training),
        "description": recipe.description or f"{training['base']['name']}, {training['ledger']['rows']} rows",
        "created": manifest["created"], "recipe": file, "parents": parents, "hyperparameters": training["settings"],
        "settings": recipe.model_dump(mode="json", exclude={"description"}), "artifacts": {"model": folder},
        "hashes": {
            "model": made.digest(), "weights": fingerprint(weights(made)),
            "data": fingerprint({name: digest for name, digest in manifest["inputs"].items() if name.startswith("data/")}),
            **{name: digest for name, digest in manifest["inputs"].items() if name in ("base", "parent")},
            "template": fingerprint({n: f["sha256"] for n, f in manifest["files"].items() if n == "model/chat_template.jinja"}),
            "code": str(made.facts.get("code", "")), "environment": fingerprint(manifest["packages"]),
        },
        "environment": {name: manifest[name] for name in ("kefu", "python", "packages", "hardware")},
        "metrics": training["metrics"], "trivial": {name: training["baseline"][name] for name in ("how", "metrics") if name in training["baseline"]},
        "gates": [gate.model_dump() for gate in checks], "gates_passed": all(gate.passed for gate in checks),
        "release_passed": all(gate.passed for gate in checks), "release_reasons": [],
    }  # fmt: skip


def words(method: str, training: dict[str, Any]) -> str:
    """The method's label: what was done, to what."""
    return f"{WORDS.get(method, method)}; from {training['base']['name']}"


def weights(made: Artifact) -> dict[str, str]:
    """Hashes of the files that hold numbers of the model."""
    return {
        name: entry["sha256"] for name, entry in made.manifest["files"].items() if name.endswith((".safetensors", "prompt.json", "prompted.json"))
    }


def gates(recipe: Recipe, training: dict[str, Any]) -> list[Gate]:
    """The limits of the recipe; and of every recipe that the model is better than a trivial answer, and not worse than what it started from."""
    after = training["metrics"]
    found = [Gate(name="rows accounted for", passed=bool(training["ledger"].get("balanced", True)), why="the row ledger")]
    own = sorted({number["on"] for number in after.values() if number.get("on")})
    if own:
        found.append(Gate(name="measured on rows it was not trained on", passed=False, why=f"measured on {own[0]}; {MORE}"))
    unmet = training.get("facts", {}).get("labels_not_met")
    if unmet and unmet["rows"] * 2 >= unmet["of"]:
        why = f"{unmet['rows']} of {unmet['of']} measured rows have labels that no training row has; add rows of them to data.train"
        found.append(Gate(name="measured on labels it was trained on", passed=False, why=why))
    for name, limit in recipe.gates.items():
        value = after.get(name, {}).get("value")
        if value is None:
            found.append(Gate(name=name, passed=False, why=f"the method measures {', '.join(after) or 'nothing'}"))
            continue
        low = limit.at_least is None or value >= limit.at_least
        high = limit.at_most is None or value <= limit.at_most
        sides = {"at least": limit.at_least, "at most": limit.at_most}
        wanted = [f"{side} {number:g}" for side, number in sides.items() if number is not None]
        said = f", but measured on {own[0]}" if own else ""
        found.append(Gate(name=name, passed=low and high and not own, why=f"{value:.4g}, {' and '.join(wanted)} is asked{said}"))
    if not own:
        found += trivial.gates(training)
    if told := training.get("facts", {}).get("round"):
        found.append(_gained(told))
    return found


def _gained(told: dict[str, Any]) -> Gate:
    """Whether a round was worth it: answers to held-out new questions came closer to the right ones, and the right ones likelier."""
    was, now = told["before"], told["after"]
    why = f"token F1 {was['token_f1']:.3f} before, {now['token_f1']:.3f} after, loss {was['loss']:.3f} and {now['loss']:.3f} (n={told['n']})"
    passed = now["token_f1"] - was["token_f1"] >= told["least_gain"] and now["loss"] < was["loss"]
    return Gate(name="learnt the new rows", passed=passed, why=f"{why}; a rise of {told['least_gain']:g} and a lower loss are asked")


def now(loaded: Loaded) -> dict[str, str]:
    """Hashes of code and environment as they are here and now, to be told from those of an entry."""
    from kefu.train.factory.job import CODE

    return {"code": code_fingerprint(*CODE), "environment": fingerprint(provenance()["packages"])}


def former(loaded: Loaded) -> dict[str, Any]:
    """The newest registered version of that name: {"label", "metrics"}; empty when there is none."""
    mine = [entry for entry in Registry(home(loaded.root)).entries() if entry.name == loaded.recipe.name]
    return {"label": mine[-1].label, "metrics": mine[-1].metrics} if mine else {}


def _parents(registry: Registry, root: Path, parent: Path | None) -> list[str]:
    if parent is None:
        return []
    place = parent.resolve()
    for entry in reversed(registry.entries()):
        folders = [(root / folder).resolve() for folder in (entry.access_point, *entry.artifacts.values())]
        if any(place.is_relative_to(folder) for folder in folders):
            return [entry.label]
    return [str(parent)]
