"""`kefu train advise`: which base to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console
from kefu.errors import ConfigError


def advise(
    task: Annotated[
        str, typer.Option("--task", help="generation, code, classification, token-classification, question-answering, embedding, ...")
    ] = "generation",
    language: Annotated[str, typer.Option("--language", help="zh, en or multi.")] = "zh",
    domain: Annotated[str, typer.Option("--domain", help="general, bio, science, law, finance or code.")] = "general",
    gpu_memory: Annotated[float, typer.Option("--gpu-memory", min=0, metavar="GIB", help="0: no GPU.")] = 0,
    memory: Annotated[float, typer.Option("--memory", min=0.5, metavar="GIB", help="Of the machine; counts where there is no GPU.")] = 16,
    latency: Annotated[float, typer.Option("--latency", min=0, metavar="MS", help="Most for a token (or a classified text); 0: any.")] = 0,
    quality: Annotated[
        str, typer.Option("--quality", help="basic (smallest that fits), good (largest that fits in comfort), best (largest).")
    ] = "good",
    bandwidth: Annotated[float, typer.Option("--bandwidth", min=0, metavar="GB/S", help="Of the memory, for the estimate of speed.")] = 0,
    length: Annotated[int, typer.Option("--length", min=16, help="Tokens of a training row.")] = 512,
    commercial: Annotated[bool, typer.Option("--commercial", help="Leave out models whose licence is not stated.")] = False,
    catalogue: Annotated[Path | None, typer.Option("--catalogue", metavar="FILE", help="Your own list instead of the shipped one.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many to show.")] = 5,
    json: Json = False,
) -> None:
    """Bases for a task on a machine, ranked, with memory for each stage and the reasons.

    Example: kefu train advise --task generation --language zh --gpu-memory 24
    """
    from kefu.train.advise import DOMAINS, LANGUAGES, TASKS, Need
    from kefu.train.advise import advise as make
    from kefu.train.advise import catalogue as read

    known = {
        "--task": (task, TASKS),
        "--language": (language, LANGUAGES),
        "--domain": (domain, DOMAINS),
        "--quality": (quality, ("basic", "good", "best")),
    }
    faults = [f"{flag} {value}: use {', '.join(values)}" for flag, (value, values) in known.items() if value not in values]
    if faults:
        raise ConfigError("nothing can be advised", faults[0], "correct the flags", faults=faults)
    need = Need(task, language, domain, gpu_memory, memory, latency or None, quality, bandwidth or None, length=length, commercial=commercial)  # type: ignore[arg-type]
    found, left = make(read(catalogue), need)

    def text() -> None:
        from kefu.train.factory.memory import show

        out = console()
        for place, one in enumerate(found[:top], 1):
            model = one.model
            size = f"{model.parameters / 1000:.1f} B" if model.parameters >= 1000 else f"{model.parameters:g} M"
            out.print(f"{place}. {model.id}  {size} parameters, context {model.context}", markup=False)
            for reason in one.reasons:
                out.print(f"     {reason}", markup=False)
            out.print("     memory: " + ", ".join(f"{stage} {show(count)}" for stage, count in one.stages.items()), markup=False, style="dim")
        if not found:
            out.print("no base of the catalogue fits", markup=False)
        for why, count in left.items():
            out.print(f"left out, {why}: {count}", markup=False)
        out.print("Size stands for quality here; try two on your own rows before you choose.", markup=False)

    OUTPUT.result({"ok": bool(found), "need": vars(need), "advice": [one.as_dict() for one in found], "left_out": left}, text)
    if not found:
        raise typer.Exit(1)
