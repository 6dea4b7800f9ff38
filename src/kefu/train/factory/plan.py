"""The settings of a recipe's run, each with its origin and, where nobody gave it, the reason it was chosen."""

from __future__ import annotations

from typing import Any

from kefu.errors import ConfigError
from kefu.train import threads
from kefu.train.factory import memory
from kefu.train.factory.arguments import steps_for
from kefu.train.factory.job import Job, Prepared
from kefu.train.settings import Choice

FLATTENED = ("sft", "freeze", "lora", "qlora", "incremental")
BIG = 300_000_000
BF16_FROM = 3_000_000
#: rows measured where each costs an answer that is generated, and where each costs one pass
ASKED, READ = 200, 20_000


def choose(job: Job, defaults: dict[str, tuple[Any, str]]) -> None:
    """Settle everything that needs only base and machine. defaults: what the method would choose, with the reason."""
    given = job.recipe.train
    if job.base is None:  # nothing is trained here: a prompt, or a provider's own machines
        settle(job, {"seed": (given.seed, ""), "measure_rows": _measure(given), "max_drop_share": (given.max_drop_share, "")} | defaults)
        return
    parameters = job.opened.parameters
    computed: dict[str, tuple[Any, str]] = {
        "epochs": (3.0, "usual for tuning a checkpoint; early stopping ends it sooner"),
        "batch_size": (16, "usual for tuning a checkpoint"),
        "learning_rate": (2e-5, "usual for tuning all weights of a checkpoint"),
        "schedule": ("cosine", "falls slowly first, then to nothing"),
        "warmup": (0.03, "a short start keeps the first steps from undoing what the checkpoint knows"),
        "weight_decay": (0.01, "a light pull to zero, not on norms and biases"),
        "layer_decay": (1.0, "all layers learn alike"),
        "dropout": (None, "what the checkpoint says"),
        "bf16": _bf16(job, parameters),
        "gradient_checkpointing": _checkpointing(job, parameters),
        "threads": threads.choose(parameters, job.device.cuda),
        "padding_free": (False, "rows of like length lie side by side, so little is padded; worth trying on a GPU with flash_attn"),
        "max_length": (min(1024, job.opened.context), f"1024 or what the model holds ({job.opened.context})"),
        "accumulate": (None, "chosen when the rows are known"),
        "max_steps": (None, "epochs decide"),
        "save_every": (None, "at each evaluation"),
        "measure_rows": (ASKED, "answers are generated one by one"),
        **defaults,
    }
    for name in type(given).model_fields:
        value, origin = getattr(given, name), job.loaded.origin(f"train.{name}")
        if value is None and name in computed:
            job.plan.choices[name] = Choice(computed[name][0], "computed", computed[name][1])
        else:
            job.plan.choices[name] = Choice(value, origin)
    if job.plan["padding_free"] and job.recipe.method not in FLATTENED:
        why = f"{job.recipe.method} takes its rows padded"
        raise ConfigError("train.padding_free: true", why, f"leave it out; these methods can do without padding: {', '.join(FLATTENED)}")
    if job.plan["max_length"] > job.opened.context:
        held = job.opened.context
        job.plan.choices["max_length"] = Choice(held, "computed", f"the model holds {held} tokens, fewer than the {job.plan['max_length']} asked for")
    _own(job)


def _measure(given: Any) -> tuple[Any, str]:
    return (given.measure_rows, "") if given.measure_rows else (ASKED, "answers are generated one by one")


def settle(job: Job, computed: dict[str, tuple[Any, str]]) -> None:
    """The settings that a method without a base has, and no others."""
    for name, (value, reason) in computed.items():
        origin = job.loaded.origin(f"train.{name}")
        job.plan.choices[name] = Choice(value, "computed", reason) if origin == "default" and reason else Choice(value, origin)
    _own(job)


def _own(job: Job) -> None:
    for name, value in job.settings.model_dump().items():
        if name == "embedded" and (job.base is None or not job.base.embedded):
            continue  # a checkpoint has its own sizes
        key = f"{job.recipe.method.replace('-', '_')}.{name}"
        job.plan.choices[key] = Choice(value, _origin(job, key))


def _origin(job: Job, key: str) -> str:
    """Where a setting comes from; of a block also where its parts do, as far as they come from elsewhere."""
    whole = job.loaded.origin(key)
    parts = {name.removeprefix(f"{key}."): origin for name, origin in job.loaded.origins.items() if name.startswith(f"{key}.") and origin == "flag"}
    return "; ".join([whole, f"{', '.join(parts)}: flag"]) if parts else whole


def size(job: Job, train: Prepared) -> None:
    """Settle what needs the encoded rows: passes per batch, steps; and estimate the memory of each stage."""
    batch, processes = int(job.plan["batch_size"]), job.device.processes
    longest = max(train.lengths, default=1)
    if batch % processes:
        fix = f"use {max(1, batch // processes) * processes}"
        raise ConfigError(f"train.batch_size: {batch}", f"it cannot be dealt to {processes} processes evenly", fix)
    if job.plan["accumulate"] is None:
        passes, why = memory.passes(job, batch // processes, longest)
        job.plan.choices["accumulate"] = Choice(passes, "computed", why)
    elif batch % (job.plan["accumulate"] * processes):
        why = f"train.batch_size {batch} cannot be split into {job.plan['accumulate']} equal passes on {processes} process(es)"
        raise ConfigError(f"train.accumulate: {job.plan['accumulate']}", why, "choose a divisor of the batch")
    most, repeats = job.plan["max_steps"], int(job.facts.get("steps_per_batch", 1))
    if most and job.recipe.train.epochs is None:
        job.steps = int(most)
        job.plan.choices["epochs"] = Choice(round(most * batch / repeats / len(train.items), 3), "computed", "max_steps decides")
    else:
        job.steps = steps_for(len(train.items) * repeats, batch, job.plan["epochs"], most)
    why = f"{len(train.items)} rows, {batch} a step, {job.plan['epochs']:g} epochs"
    if most and job.recipe.train.epochs is not None:
        ends, other = ("max_steps", "epochs") if job.steps >= most else ("epochs", "max_steps")
        given = {"max_steps": f"max_steps {most}", "epochs": f"epochs {job.plan['epochs']:g} ({job.loaded.origin('train.epochs')})"}
        why += f"; {given[ends]} ends the run before {given[other]}"
        if ends == "epochs":
            job.say(f"{job.steps} steps instead of {most}: {given['epochs']} ends the run first; raise train.epochs, or --set train.epochs=null")
    job.plan.choices["steps"] = Choice(job.steps, "computed", why)
    job.facts["memory"] = memory.stages(job, batch // (processes * int(job.plan["accumulate"])), longest)


def can_halve(job: Job) -> bool:
    """Whether a pass can be made smaller."""
    return int(job.plan["batch_size"]) // job.device.processes % (int(job.plan["accumulate"]) * 2) == 0


def halve(job: Job) -> bool:
    """Half the rows per pass and twice the passes; False when one row is all there is."""
    if not can_halve(job):
        return False
    batch, passes = int(job.plan["batch_size"]), int(job.plan["accumulate"])
    job.plan.choices["accumulate"] = Choice(passes * 2, "computed", f"out of memory with {passes}: half the rows at once, twice the passes")
    job.say(f"out of memory: {batch // (passes * 2)} rows at once instead of {batch // passes}, gradients summed over {passes * 2} passes")
    return True


def _bf16(job: Job, parameters: int) -> tuple[bool, str]:
    if not job.device.bf16:
        return False, "this machine has no bf16 instructions"
    if job.device.cuda:
        return True, "the GPU has it"
    if parameters < BF16_FROM:
        return False, "slower below 3 M parameters (measured)"
    return True, "about twice as fast on this CPU at this size"


def _checkpointing(job: Job, parameters: int) -> tuple[bool, str]:
    on = job.device.cuda and parameters >= BIG
    return on, "activations are made again to save memory" if on else "costs a third more time and is not needed at this size"
