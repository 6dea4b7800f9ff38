"""`kefu chat`: talk in the terminal, or answer a file of questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, Model, ProjectPath, Set, console, load


def chat(
    project: ProjectPath = Path(),
    batch: Annotated[Path | None, typer.Option("--batch", help='JSONL: {"id","text"} or {"id","turns":[...]} a line.')] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where --batch writes the replies (JSONL).")] = None,
    model: Model = "",
    set_: Set = [],  # noqa: B006 - typer reads the default
    json: Json = False,
) -> None:
    """Talk to the assistant, or answer many questions from a file.

    Example: kefu chat examples/cloudmax --batch questions.jsonl --out replies.jsonl
    """
    from kefu.errors import ConfigError
    from kefu.pipeline import open_assistant

    if (batch is None) != (out is None):
        raise ConfigError("--batch and --out go together", "one of them is missing", "give both, or neither to talk in the terminal")
    loaded = load(project, set_)
    if batch is None or out is None:
        if json:
            raise ConfigError("--json needs --batch", "a conversation in the terminal is not a document", "give --batch and --out")
        assistant, entry = open_assistant(loaded, model)
        _talk(assistant, entry.label)
        return
    from kefu.assistant.batch import answer_file, read_questions

    questions = read_questions(batch)
    assistant, entry = open_assistant(loaded, model)
    facts = answer_file(assistant, questions, out)
    OUTPUT.result(
        {"ok": True, "model": entry.label, **facts},
        lambda: console().print(f"{facts['lines']} lines, {facts['replies']} replies: {out}", markup=False),
    )


def _talk(assistant, label: str) -> None:  # type: ignore[no-untyped-def]
    from kefu import engines
    from kefu.conversation import Conversation, Turn

    screen = console()
    screen.print(f"{label}: write a question; an empty line or Ctrl-D ends.", markup=False, style="dim")
    conversation = Conversation("terminal", [])

    async def stream() -> None:
        async for piece in assistant.reply(conversation):
            if piece.reply is None:
                screen.print(piece.text, end="", markup=False)
            else:
                reply = piece.reply
                conversation.turns.append(Turn("agent", reply.text))
                marks = [
                    reply.tier,
                    *reply.sources,
                    f"{reply.confidence:.2f}",
                    *(["hand-off"] if reply.handoff else []),
                    *(["refused"] if reply.refused else []),
                ]
                screen.print(f"\n  [{' · '.join(marks)}]", style="dim", markup=False)

    try:
        while line := input("> ").strip():
            conversation.turns.append(Turn("customer", line))
            engines.run(stream())
    except EOFError:
        pass
    finally:
        engines.run(assistant.close())
