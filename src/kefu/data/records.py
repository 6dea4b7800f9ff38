"""Records of any table as instruction text, by a sandboxed Jinja2 template.

A template sees the columns of the row by their names, the names of `map`, `row` (for names that are no identifiers:
`row["年龄（岁）"]`) and `fields`: pairs of (column, value) for every filled column that no other name of the template takes. One that
requires `source` and `target` is of parallel text: it can be written in both directions, and sees `source_language` and `target_language`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.data import mapping
from kefu.errors import ConfigError, InputError
from kefu.markup import Fault, read_yaml
from kefu.project.schema import RecordTemplate, Source
from kefu.text.language import detect

if TYPE_CHECKING:
    from jinja2 import Template

_LONGEST = 100_000  # characters of one text
_OWN = ("fields", "row")
_SIDES = ("source", "target")
_LANGUAGES = ("source_language", "target_language")
#: Columns that are known by name and say nothing of the case.
_ASIDE = ("id", "customer", "category", "language")
_ABOUT = (*_ASIDE, "outcome", "satisfaction")


@dataclass(frozen=True)
class Written:
    """The templates of one source and the names that they ask `map` for."""

    instruction: Template
    output: Template
    system: Template | None
    required: tuple[str, ...]
    optional: tuple[str, ...]
    asked: frozenset[str]
    texts: tuple[str, ...] = ()

    @property
    def parallel(self) -> bool:
        """Two texts that say the same."""
        return set(_SIDES) <= set(self.required)


def ready() -> list[str]:
    """Names of the templates that come with kefu."""
    return sorted(
        file.name.removesuffix(".yaml") for file in resources.files(__package__).joinpath("templates").iterdir() if file.name.endswith(".yaml")
    )


def template_file(source: Source, root: Path) -> Path | None:
    """The project's own template file, or None when the template is a ready one or stands in kefu.yaml."""
    given = source.template
    return root / given if source.shape == "records" and isinstance(given, str) and given and given not in ready() else None


def load(source: Source, root: Path) -> Written:
    """The source's template. Raises ConfigError for a missing, broken or empty one."""
    given = source.template
    label = f"source {source.name}: template"
    if not given:
        raise ConfigError(
            f"{label} is missing", "shape records turns a table into text by a template", f"give one of {', '.join(ready())}, or write your own"
        )
    lists: dict[str, tuple[str, ...]] = {"required": (), "optional": ()}
    if isinstance(given, str):
        raw = _file(given, root, label)
        lists = {key: _names(raw.pop(key, None), f"{label} {given}: {key}") for key in lists}
        try:
            given = RecordTemplate.model_validate(raw)
        except ValueError:
            raise ConfigError(
                f"{label} {source.template}",
                "it needs instruction and output, both texts",
                "write `instruction: …` and `output: …`, and beside them only system, required, optional",
            ) from None
    environment = _environment()
    made: dict[str, Any] = {}
    asked: set[str] = set()
    for key in ("instruction", "output", "system"):
        text = getattr(given, key)
        made[key], names = _compile(environment, text, f"{label}.{key}") if text else (None, set())
        asked |= names
    texts = tuple(text for text in (given.instruction, given.output, given.system) if text)
    written = Written(made["instruction"], made["output"], made["system"], lists["required"], lists["optional"], frozenset(asked - set(_OWN)), texts)
    if source.direction != "forward" and not written.parallel:
        raise ConfigError(
            f"source {source.name}: direction {source.direction}", "only a template that requires source and target has two directions",
            f"take it out, or use {' or '.join(name for name in ready() if name.startswith('parallel'))}",
        )  # fmt: skip
    return written


def takes(written: Written) -> list[str]:
    """Fields that `map` may name for a template: those that it asks for, and what every conversation carries along."""
    return sorted({*written.asked, *written.required, *written.optional, *_ABOUT} - set(_OWN))


def _file(given: str, root: Path, label: str) -> dict[str, Any]:
    if given in ready():
        text = resources.files(__package__).joinpath("templates", f"{given}.yaml").read_text("utf-8")
    else:
        try:
            text = (root / given).read_text("utf-8")
        except (OSError, UnicodeDecodeError, ValueError):
            raise ConfigError(
                f"{label} {given!r} is no ready template and no readable file", f"ready ones: {', '.join(ready())}", "correct the name"
            ) from None
    try:
        raw = read_yaml(text)
    except Fault as error:
        raise ConfigError(f"{label} {error.place(given)} is not YAML", error.said, "correct it") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{label} {given} holds no texts", "it needs instruction and output", "write `instruction: …` and `output: …`")
    return raw


def _names(given: Any, label: str) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ConfigError(label, f"{given!r} is no list of names", "write [title, body]")
    return tuple(given)


def columns_read(source: Source, root: Path, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Columns that the source's template reads: by a name of `map`, by their own, through `row`, or all of them through `fields`."""
    from jinja2 import nodes

    written = load(source, root)
    given = list(dict.fromkeys(key for row in rows for key in row))
    found = {columns[name] for name in written.asked if name in columns} | (written.asked & set(given))
    for text in written.texts:
        tree = _environment().parse(text)
        names = [node.name for node in tree.find_all(nodes.Name)]
        inside = [node for node in tree.find_all((nodes.Getattr, nodes.Getitem)) if isinstance(node.node, nodes.Name) and node.node.name == "row"]
        named = {node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None) for node in inside}
        if "fields" in names or None in named or names.count("row") > len(inside):  # `row[letter]`: any of them
            return given
        found |= {name for name in given if name in named}
        if "get" in named:
            found |= {node.value for node in tree.find_all(nodes.Const) if node.value in given}
    return [name for name in given if name in found]


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        """No attributes of Python objects, no changes, and no products that fill the memory."""

        intercepted_binops = frozenset(("*", "**", "%"))

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            numbers = isinstance(left, int | float) and isinstance(right, int | float)
            if not numbers or operator == "**" or max(abs(left), abs(right)) > 1e12:
                raise SecurityError(f"the operator {operator} is for plain numbers")
            return super().call_binop(context, operator, left, right)

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    for name in ("center", "format", "indent", "urlize", "xmlattr", "pprint"):
        environment.filters.pop(name, None)  # widths given in a template fill the memory
    return environment


def _compile(environment: Any, text: str, label: str) -> tuple[Any, set[str]]:
    from jinja2 import TemplateError, meta

    try:
        return environment.from_string(text), set(meta.find_undeclared_variables(environment.parse(text))) - {
            "range",
            "dict",
            "lipsum",
            "cycler",
            "joiner",
            "namespace",
        }
    except (TemplateError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise ConfigError(f"{label} is no template" + (f" (line {line})" if line else ""), str(error) or "nested too deep", "correct it") from None


class Writer:
    """Writes the texts of one source's rows. Raises ConfigError when a name in the template is no column."""

    def __init__(self, source: Source, written: Written, columns: dict[str, str], head: Sequence[dict[str, Any]]) -> None:
        self._written, self._columns, self._source = written, columns, source
        self.parallel = written.parallel
        given = dict.fromkeys(key for row in head for key in row)
        taken = sorted({*takes(written), *mapping.fields("records")})  # one map may serve several templates
        for name in source.map:
            if name not in taken and not name.startswith(mapping.EXTRA):
                raise ConfigError(
                    f"source {source.name}: the template has no field {name!r}", "its column would stand in the question",
                    f"it takes {', '.join(taken)}; leave {name!r} out, or name it in a template of your own",
                )  # fmt: skip
        missing = [name for name in written.required if name not in columns]
        if missing:
            shown = ", ".join(f"{name}: …" for name in missing)
            raise ConfigError(
                f"source {source.name}: the template needs {' and '.join(missing)}", f"columns are {', '.join(given)}", f"write map: {{{shown}}}"
            )
        known = {*given, *columns, *written.optional, *_OWN, *(_LANGUAGES if written.parallel else ())}
        if unknown := sorted(written.asked - known):
            raise ConfigError(
                f"source {source.name}: the template names {', '.join(unknown)}", f"columns are {', '.join(given)}", "correct the template or `map`"
            )
        used = {columns[name] for name in columns if name in written.asked or name in _ASIDE or name.startswith(mapping.EXTRA)}
        self._apart = used | (written.asked & set(given))

    def __call__(self, row: dict[str, Any], *, backward: bool = False) -> tuple[str, str, str]:
        """(system, instruction, output). backward: parallel text from target to source. Raises InputError for a row the template cannot take."""
        names: dict[str, Any] = {key: mapping.plain(value).strip() if not isinstance(value, dict | list) else value for key, value in row.items()}
        names = {**dict.fromkeys(self._written.optional, ""), **names}
        names |= {name: mapping.text(row, column).strip() for name, column in self._columns.items()}
        names["row"] = row
        names["fields"] = [(key, told) for key, value in row.items() if key not in self._apart and (told := mapping.plain(value).strip())]
        for name in self._written.required:
            if not names.get(name):
                raise InputError(f"no {name}")
        if self.parallel:
            settings = (self._source.language, self._source.target_language)
            found = [detect(names[side], "") if language == "auto" else language for side, language in zip(_SIDES, settings, strict=True)]
            names |= dict(zip(_LANGUAGES, found, strict=True))
        if backward:
            names |= {one: names[other] for pair in (_SIDES, _LANGUAGES) for one, other in (pair, pair[::-1])}
        system = self._text(self._written.system, names) if self._written.system else ""
        return system, self._text(self._written.instruction, names), self._text(self._written.output, names)

    def _text(self, template: Template, names: dict[str, Any]) -> str:
        from jinja2 import TemplateError

        parts: list[str] = []
        length = 0
        try:
            for part in islice(template.generate(names), _LONGEST):
                parts.append(part)
                length += len(part)
                if length > _LONGEST:
                    raise InputError(f"the template gives more than {_LONGEST} characters")
        except TemplateError as error:
            raise InputError(f"the template fails: {error}") from None
        except (TypeError, ValueError, ArithmeticError, RecursionError, AttributeError, LookupError) as error:
            raise InputError(f"the template fails: {type(error).__name__}") from None
        return "".join(parts).strip()
