"""Trying settings: `kefu train RECIPE --search N`, with Optuna. The study lies in SQLite and goes on where it was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kefu.artifacts import Artifact, fingerprint, write_text
from kefu.errors import ConfigError, GateError, InputError, KefuError, MissingExtra
from kefu.pages import reports
from kefu.registry import Gate, Registry
from kefu.train.factory import recipe as recipes
from kefu.train.factory.loop import Result
from kefu.train.factory.recipe import Loaded, Span
from kefu.train.factory.register import home, register
from kefu.train.factory.trivial import lower_is_better

Progress = Callable[[str, float], None]


def search(given: str, overrides: list[str], trials: int, progress: Progress | None = None, wait_s: float = 0.0) -> dict[str, Any]:
    """Run until the study has `trials` finished trials; returns {"best", "value", "trials", "study", "table", "page", "model", "entry", "gates"}.

    Each trial is an ordinary run under the name NAME-tNUMBER with its settings overridden; the best one is registered under the
    recipe's own name, the others stay in build/model. A trial that fails its check (NaN, out of memory) counts as tried and is recorded
    with its reason. A recipe without a space has the usual one (`usual`). Raises ConfigError (nothing is trained),
    InputError (a damaged registry), MissingExtra.
    """
    loaded = recipes.load(given, overrides)
    space = loaded.recipe.search.space or usual(loaded)
    if not space:
        raise ConfigError("--search without a search space", f"{loaded.file.name} has no `search.space`", _HINT)
    _known_keys(given, overrides, space)
    Registry(home(loaded.root)).entries()  # a damaged registry is said before the work, not after it
    try:
        import optuna
    except ImportError:
        raise MissingExtra("a search", "search") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    metric = loaded.recipe.search.metric
    direction = loaded.recipe.search.direction or ("minimize" if "loss" in metric else "maximize")
    folder = loaded.root / "build" / "search"
    folder.mkdir(parents=True, exist_ok=True)
    content = {"recipe": loaded.recipe.model_dump(), "metric": metric, "space": {key: span.model_dump() for key, span in space.items()}}
    name = f"{loaded.recipe.name}-{fingerprint(content)[:12]}"
    say = progress or (lambda text, share: None)
    study = optuna.create_study(
        study_name=name, storage=f"sqlite:///{(folder / (loaded.recipe.name + '.db')).resolve()}", load_if_exists=True, direction=direction,
        sampler=optuna.samplers.TPESampler(seed=loaded.recipe.train.seed),
    )  # fmt: skip
    done = [t for t in study.trials if t.state.is_finished()]
    say(f"{len(done)} of {trials} trials done before", len(done) / trials if trials else 1.0)
    left, over = max(0, trials - len(done)), len(done)
    for number in range(left):
        study.optimize(lambda trial: _trial(trial, loaded, given, overrides, metric, space, wait_s), n_trials=1, catch=(GateError,))
        last = study.trials[-1]
        shown = f"{last.value:.4g}" if last.value is not None else str(last.user_attrs.get("failed", "failed"))
        say(f"trial {last.number}: {shown} {last.params}", (over + number + 1) / trials)
    found = _result(study, folder, loaded, metric, lambda settings: recipes.load(given, [*overrides, *settings]))
    own = "search.space of the recipe" if loaded.recipe.search.space else "the usual space (a recipe's `search.space` sets another)"
    return {**found, "metric": metric, "direction": direction, "varied": list(space), "space": own}


#: methods -> the learning rate a search is centred on; other methods tune all weights of a checkpoint
_RATES = {
    **dict.fromkeys(("lora", "qlora", "distill"), 2e-4),
    **dict.fromkeys(("dpo", "kto", "grpo", "rloo", "ppo"), 1e-6),
    "orpo": 8e-6,
    "reward": 1e-5,
}
_UNTRAINED = ("prompt", "provider")


def usual(loaded: Loaded) -> dict[str, Span]:
    """What is worth trying of a method when its recipe names nothing: the learning rate to a quarter and four times, epochs, the batch.

    What the recipe or a flag sets is not varied. Empty for a method that trains nothing here.
    """
    recipe = loaded.recipe
    if recipe.method in _UNTRAINED:
        return {}
    scratch = recipe.base == "embedded"
    rate = (3e-3 if recipe.method == "sft" else 1e-3) if scratch else _RATES.get(recipe.method, 2e-5)
    if getattr(loaded.settings, "lora", None) and recipe.method not in ("lora", "qlora", "distill"):
        rate *= 10
    rewarded = recipe.method in ("grpo", "rloo", "ppo")
    epochs = [15, 25, 40] if scratch else [1, 2, 3] if recipe.method in ("dpo", "kto", "orpo", "reward") else [2, 3, 5]
    space = {"train.learning_rate": Span(low=rate / 4, high=rate * 4, log=True), "train.batch_size": Span(choices=[8, 16, 32])}
    if not rewarded and recipe.train.max_steps is None:
        space["train.epochs"] = Span(choices=epochs)
    return {key: span for key, span in space.items() if getattr(recipe.train, key.partition(".")[2]) is None or loaded.origin(key) == "default"}


_HINT = "add e.g. `search: {space: {train.learning_rate: {low: 1e-5, high: 1e-3, log: true}}}`"


def _trial(trial: Any, loaded: Loaded, given: str, overrides: list[str], metric: str, space: dict[str, Span], wait_s: float) -> float:
    from kefu.train.factory import train

    chosen = {key: _suggest(trial, key, span) for key, span in space.items()}
    name = f"{loaded.recipe.name}-t{trial.number}"
    flags = [*overrides, f"name={name}", *(f"{key}={value}" for key, value in chosen.items())]
    try:
        result = train(given, flags, registered=False, wait_s=wait_s)
    except KefuError as error:
        trial.set_user_attr("failed", error.line())
        raise
    if result is None:
        raise ConfigError("--search", "a search runs in one process", "leave out --on")
    if result.idle:
        raise InputError("nothing to search", result.idle, "add rows first")
    report = json.loads((result.artifact.path / "training.json").read_text("utf-8"))
    trial.set_user_attr("model", str(result.artifact.path))
    if metric == "eval_loss":
        losses = [loss for _, loss in report["run"]["validation_loss"]]
        if not losses:
            raise ConfigError("search.metric: eval_loss", "the run has no validation rows", "give data.validation, or another search.metric")
        return float(min(losses))
    number = report["metrics"].get(metric, {}).get("value")
    if number is None:
        raise ConfigError(f"search.metric: {metric}", f"the method measures {', '.join(report['metrics'])}", "name one of them, or eval_loss")
    return float(number)


def _suggest(trial: Any, key: str, span: Span) -> Any:
    if span.choices:
        return trial.suggest_categorical(key, span.choices)
    if span.whole:
        return trial.suggest_int(key, int(span.low or 0), int(span.high or 0), log=span.log)
    return trial.suggest_float(key, span.low, span.high, log=span.log)


def _known_keys(given: str, overrides: list[str], space: dict[str, Span]) -> None:
    """Every setting of the space must exist and take its values; all faults at once."""
    faults: list[str] = []
    for key, span in space.items():
        for value in span.choices or [int(v) if span.whole and v is not None else v for v in (span.low, span.high)]:
            try:
                recipes.load(given, [*overrides, f"{key}={value}"])
            except ConfigError as error:
                faults += [f"search.space: {fault}" for fault in error.faults or [error.line()]]
                break
    if faults:
        raise ConfigError("the search space has faults", faults[0], "correct it in the recipe", faults=faults)


def _result(study: Any, folder: Path, loaded: Loaded, metric: str, reload: Callable[[list[str]], Loaded]) -> dict[str, Any]:
    trials = [
        {"number": t.number, "value": t.value, "settings": t.params, "model": t.user_attrs.get("model"), "failed": t.user_attrs.get("failed")}
        for t in study.trials
        if t.state.is_finished()
    ]
    good = [t for t in trials if t["value"] is not None]
    if not good:
        raise GateError("no trial succeeded", trials[-1]["failed"] if trials else "none was run", "widen or move the search space", layer="train")
    import yaml

    best = study.best_trial
    file = folder / f"{loaded.recipe.name}-best.yaml"
    write_text(file, yaml.safe_dump({"settings": best.params, "value": best.value, "trial": best.number}, allow_unicode=True))
    won = Artifact.at(Path(best.user_attrs["model"]))
    gain = _gain(json.loads(won.file("training.json").read_text("utf-8")), metric)
    table, page = folder / f"{loaded.recipe.name}-trials.md", folder / f"{loaded.recipe.name}-trials.html"
    write_text(table, _table(trials, metric, best.number))
    view = {
        "name": loaded.recipe.name, "metric": metric, "trials": trials, "best": best.number, "gain": gain, "style": reports.style(),
        "keys": list(dict.fromkeys(key for trial in trials for key in trial["settings"])),
        "report": os.path.relpath(won.path.resolve() / "report.html", folder.resolve()),
    }  # fmt: skip
    write_text(page, reports.environment(Path(__file__).parent).get_template("trials.html.jinja").render(view))
    chosen = reload([f"{key}={value}" for key, value in best.params.items()])
    entry = register(chosen, Result(won), trials=page, more=[gain] if gain else [])
    return {
        "best": best.params, "value": best.value, "trials": trials, "study": str(folder), "table": str(table), "page": str(page),
        "model": best.user_attrs["model"], "entry": entry.label, "gates": [gate.model_dump() for gate in entry.gates],
    }  # fmt: skip


def _gain(training: dict[str, Any], metric: str) -> Gate | None:
    """Whether the best trial is better at all than the base as it was. None where the base was not measured by the same measure."""
    name = metric if metric in training["metrics"] else "loss"
    before, after = (training[which].get(name, {}).get("value") for which in ("metrics_before", "metrics"))
    if before is None or after is None:
        return None
    better = after < before if lower_is_better(name) else after > before
    why = f"{name} {before:.4g} before, {after:.4g} after with the best settings"
    return Gate(name="best trial better than what it started from", passed=better, why=why if better else f"{why}: no trial of the space helped")


def _table(trials: list[dict[str, Any]], metric: str, best: int) -> str:
    """All trials as Markdown, the best one marked."""
    keys = list(dict.fromkeys(key for trial in trials for key in trial["settings"]))
    lines = [f"| trial | {metric} | {' | '.join(keys)} | |", "|---" * (len(keys) + 3) + "|"]
    for trial in trials:
        value = "" if trial["value"] is None else f"{trial['value']:.5g}"
        note = (trial["failed"] or ("best, registered" if trial["number"] == best else "")).replace("|", "\\|")
        lines.append(f"| {trial['number']} | {value} | {' | '.join(str(trial['settings'].get(key, '')) for key in keys)} | {note} |")
    return "\n".join(lines) + "\n"
