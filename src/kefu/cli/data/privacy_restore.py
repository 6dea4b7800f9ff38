"""`kefu data privacy-restore`: what a placeholder stands for, from the encrypted vault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load


def privacy_restore(
    project: ProjectPath = Path(),
    conversation: Annotated[str, typer.Option(help="Id of the conversation.")] = "",
    placeholder: Annotated[list[str], typer.Option(help="Only these, e.g. [手机号_1]. Repeatable. Default: all of the conversation.")] = [],  # noqa: B006
    text: Annotated[str, typer.Option(help="A text with placeholders of that conversation, to put the values back into.")] = "",
    new_key: Annotated[Path | None, typer.Option("--new-key", help="Write a fresh key to this file (mode 0600) and do nothing else.")] = None,
    json: Json = False,
) -> None:
    """Look up what placeholders stand for. Needs data.clean.vault in kefu.yaml and its key.

    Example: kefu data privacy-restore shop --conversation t-1042 --placeholder "[手机号_1]"
    """
    from kefu.data.vault import Vault, restore
    from kefu.data.vault import new_key as make
    from kefu.errors import ConfigError, InputError

    if new_key:
        make(new_key)
        OUTPUT.result(
            {"ok": True, "key": str(new_key)},
            lambda: console().print(f"{new_key}: keep it apart from the vault; without it nothing opens", markup=False),
        )
        return
    vault = Vault.of(load(project))
    if vault is None:
        raise ConfigError("data.clean.vault is not set", "masking was final: nothing was kept", "set it in kefu.yaml and build again")
    if not conversation:
        raise ConfigError("--conversation is missing", "placeholders are numbered within a conversation", "kefu data show lists the ids")
    held = vault.read()
    if conversation not in held:
        raise InputError(f"the vault knows no conversation {conversation!r}", f"{len(held)} have masked data", "kefu data show lists the ids")
    values = held[conversation]
    if missing := [name for name in placeholder if name not in values]:
        raise InputError(f"conversation {conversation} has no {missing[0]}", f"it has {', '.join(values)}", "give one of these")
    chosen = {name: values[name] for name in placeholder} if placeholder else values
    restored, unknown = restore(text, values) if text else ("", [])
    result = {"ok": True, "conversation": conversation, "values": chosen, **({"text": restored, "unknown": unknown} if text else {})}

    def shown() -> None:
        out = console()
        if text:
            out.print(restored, markup=False)
            return
        for name, value in chosen.items():
            out.print(f"{name}\t{value}", markup=False)

    OUTPUT.result(result, shown)
