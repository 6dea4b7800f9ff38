"""What holds for every verb, and flags that would change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from kefu.cli.app import app
from kefu.cli.doctor import EXTRAS
from kefu.errors import ConfigError


def verbs(group: Any, path: tuple[str, ...] = ("kefu",)) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, (*path, name))
            if command.invoke_without_command:
                yield " ".join((*path, name)), command
        else:
            yield " ".join((*path, name)), command


VERBS = dict(verbs(get_command(app)))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example_and_json(verb: str) -> None:
    command = VERBS[verb]
    shown = verb.removesuffix(" run") if verb == "kefu train run" else verb
    assert "Example" in command.help and shown in command.help
    assert any("--json" in parameter.opts for parameter in command.params)
    assert all(parameter.help for parameter in command.params if parameter.name != "ctx")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "{shop}", "--resume", "--search", "3"], "--resume and --search would change nothing: .* is a project"),
        (["train", "sft", "--on", "ddp", "--search", "3"], "--search would change nothing: with --on"),
        (["train", "sft", "--search", "3", "--force"], "--force would change nothing: --search"),
        (["train", "sft", "--processes", "2"], "--processes would change nothing: it is how many processes --on starts"),
        (["data", "show", "{shop}", "--max-length", "100"], "--max-length would change nothing: .*--tokenizer"),
        (["data", "show", "{shop}", "--changes", "--tokenizer", "{shop}"], "--tokenizer would change nothing: --changes"),
        (["data", "stats", "{shop}", "--tokenizer", "{shop}"], "--tokenizer would change nothing: .*--html"),
        (["data", "privacy-audit", "{shop}", "--with", "presidio", "--html", "x.html"], "--html would change nothing"),
    ],
)
def test_a_flag_that_would_change_nothing_is_refused(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "kefu.yaml").write_text("name: shop\ndata: {sources: [{name: faq, shape: faq, path: faq.csv}]}\n", "utf-8")
    done = CliRunner().invoke(app, [argument.format(shop=tmp_path) for argument in arguments])
    assert isinstance(done.exception, ConfigError)
    with pytest.raises(ConfigError, match=said):
        raise done.exception


def test_the_doctor_knows_every_extra() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(EXTRAS) == set(project["optional-dependencies"]) - {"all", "dev"}
