"""`kefu chat`: talk in the terminal, or answer a file of questions."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, Model, ProjectPath, Set, console, load, warn_of_idle


def chat(
    project: ProjectPath = Path(),
    batch: Annotated[Path | None, typer.Option("--batch", help='JSONL: {"id","text"} or {"id","turns":[...]} a line; id may be left out.')] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where --batch writes the replies (JSONL). Default: standard output.")] = None,
    model: Model = "",
    set_: Set = [],  # noqa: B006 - typer reads the default
    json: Json = False,
) -> None:
    """Talk to the assistant, or answer many questions from a file (exit code 1 when some lines were bad).

    Example: kefu chat examples/cloudmax --batch questions.jsonl --out replies.jsonl
    """
    from kefu.errors import ConfigError
    from kefu.pipeline import open_assistant

    if out is not None and batch is None:
        raise ConfigError("--out needs --batch", "a conversation in the terminal is not written to a file", "give --batch QUESTIONS.jsonl too")
    loaded = load(project, set_)
    warn_of_idle(set_, "assistant")
    if batch is None:
        if json:
            raise ConfigError("--json needs --batch", "a conversation in the terminal is not a document", "give --batch QUESTIONS.jsonl")
        assistant, entry = open_assistant(loaded, model)
        _talk(assistant, entry.label)
        return
    from kefu.assistant.batch import answer_file, answer_here, check_place, counts, read_questions

    if out is not None:
        check_place(out, batch)
    questions, faults = read_questions(batch)
    assistant, entry = open_assistant(loaded, model)
    rows = [] if out is not None else answer_here(assistant, questions)
    facts = counts(rows) if out is None else answer_file(assistant, questions, out)

    def text() -> None:
        for row in rows:
            print(json_.dumps(row, ensure_ascii=False))
        said = console(stderr=True)
        for fault in faults:
            said.print(fault, markup=False, style="red")
        bad = f", {len(faults)} bad line{'s' if len(faults) > 1 else ''} left out" if faults else ""
        said.print(f"{facts['lines']} lines, {facts['replies']} replies{bad}" + (f": {out}" if out else ""), markup=False)

    document = {"ok": not faults, "model": entry.label, **facts, "bad_lines": faults, **({"rows": rows} if out is None else {})}
    OUTPUT.result(document, text)
    if faults:
        raise typer.Exit(1)


_HELP = """  /new    a new conversation
  /help   these lines
  /quit   the end; so do exit, quit, 退出, an empty line and Ctrl-D
  No person answers in this terminal: after a hand-off, /new starts over."""


def _talk(assistant, label: str) -> None:  # type: ignore[no-untyped-def]
    from kefu import engines
    from kefu.conversation import Conversation, Turn

    screen = console()
    screen.print(f"{label}: write a question; /help shows what else, /quit ends.", markup=False, style="dim")
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
        while (line := input("> ").strip()) and line.casefold() not in _ENDS:
            if line.startswith("/") and line[1:].isascii() and line[1:].isalpha():  # a command is never a customer's words
                if line.casefold() == "/new":
                    conversation = Conversation("terminal", [])
                screen.print("  a new conversation" if line.casefold() == "/new" else _HELP, markup=False, style="dim")
                continue
            conversation.turns.append(Turn("customer", line))
            engines.run(stream())
    except EOFError:
        pass
    finally:
        engines.run(assistant.close())


_ENDS = ("exit", "quit", "/exit", "/quit", "/q", "退出")
