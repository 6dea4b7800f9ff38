"""Which column is which: values by dotted path, columns and senders guessed by what companies call them."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from kefu.data import signals
from kefu.data.readers.conll import TAG
from kefu.errors import ConfigError, InputError
from kefu.project.schema import Source


@lru_cache(maxsize=1)
def _known() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("columns.yaml").read_text("utf-8")
    return dict(yaml.load(text, Loader=yaml.BaseLoader))  # BaseLoader: a column may be called `no`


def fields(shape: str) -> list[str]:
    """Fields that `map` may name for a shape."""
    return list(_known()["fields"][shape])


def required(shape: str) -> list[str]:
    return list(_known()["required"][shape])


def value(row: Any, path: str) -> Any:
    """The value at a dotted path: `Scenario.Domains.0`. A key that contains the dots itself wins. None when absent.

    `问法*` is a list: what stands in the columns whose names begin so (of a table whose other wordings have a column each).
    """
    if isinstance(row, dict) and path in row:
        return row[path]
    if path.endswith("*") and len(path) > 1 and isinstance(row, dict):
        begun = [item for key, item in row.items() if key.startswith(path[:-1])]
        return [item for item in begun if item not in (None, "")] if begun else None
    for part in path.split("."):
        if isinstance(row, dict):
            row = row.get(part)
        elif isinstance(row, list) and part.lstrip("-").isdigit() and -len(row) <= int(part) < len(row):
            row = row[int(part)]
        else:
            return None
    return row


def text(row: Any, path: str | None) -> str:
    """The value as text: numbers without a spurious `.0`, null and NaN as nothing, lists joined."""
    found = value(row, path) if path else None
    return plain(found)


def pair(row: Any, columns: Mapping[str, str]) -> str:
    """What names the conversation of a message: its column, else who wrote and who was written to, whichever way round."""
    if name := text(row, columns.get("conversation")).strip():
        return name
    if "recipient" not in columns:
        return ""
    to = value(row, columns["recipient"])
    if isinstance(to, str) and to.lstrip()[:1] == "[":
        try:
            to = json.loads(to)
        except (ValueError, RecursionError):
            to = [to]
    people = {plain(one).strip() for one in (to if isinstance(to, list) else [to])} | {text(row, columns.get("role")).strip()}
    return " & ".join(sorted(people - {""})) if len(people - {""}) > 1 else ""


def words(row: Any, path: str | None) -> str:
    """What somebody said: as `text`, but a customer may answer `None` or `NA`."""
    found = value(row, path) if path else None
    if isinstance(found, str) and found.strip().casefold() not in _NO_TEXT:
        return found
    return plain(found)


def plain(found: Any) -> str:
    if found is None or found != found:
        return ""
    if isinstance(found, str):
        return "" if len(found) < 100 and found.strip().casefold() in _NOTHING else found
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    if isinstance(found, list):
        return "|".join(plain(item) for item in found)
    if isinstance(found, dict):
        return json.dumps(found, ensure_ascii=False, sort_keys=True)
    return str(found)


_NO_TEXT = {"null", "nan", "\\n", "undefined"}
_NOTHING = {"null", "none", "nan", "n/a", "na", "nil", "\\n", "#n/a", "undefined"}


EVERYONE = "*"  # in `roles`: whoever is not named


@lru_cache(maxsize=4096)
def name_key(name: str) -> str:
    """A column name or a sender as it is compared: folded, single blanks."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip())
    return re.sub(r"[\s_\-./:：()（）]+", " ", name).strip().casefold()


_DEEPEST = 4  # objects inside each other; an answer of an interface wraps its turns in two or three


def columns_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Top-level columns, and dotted ones for plain values and lists of objects in objects below them, in order of appearance."""
    found: dict[str, None] = {}
    for row in rows:
        for key, item in row.items():
            found[key] = None
            if isinstance(item, dict):
                found.update(dict.fromkeys(_inside(item, key, _DEEPEST)))
    return list(found)


def _inside(node: dict[str, Any], path: str, deep: int) -> Iterator[str]:
    for key, item in node.items():
        if isinstance(item, dict):
            if deep > 1:
                yield from _inside(item, f"{path}.{key}", deep - 1)
        elif not isinstance(item, list) or (item and all(isinstance(one, dict) for one in item[:20])):
            yield f"{path}.{key}"


def objects_in(cell: Any) -> list[dict[str, Any]]:
    """The objects of a list of turns, which may stand as JSON text or inside an object."""
    if isinstance(cell, str) and cell.lstrip()[:1] in ("[", "{"):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return []
    if isinstance(cell, dict):
        cell = next((item for item in cell.values() if isinstance(item, list)), [])
    return [item for item in cell if isinstance(item, dict)] if isinstance(cell, list) else []


def resolve(source: Source, rows: Sequence[dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """`{field: column}` for a source and the fields that were guessed. Raises ConfigError, InputError.

    With no `map` every field is guessed; with one, only required fields that it leaves out.
    """
    columns = columns_of(rows)
    known = fields(source.shape)
    for field in source.map:
        if field not in known and not field.startswith(EXTRA) and source.shape != "records":  # a template has names of its own
            near = difflib.get_close_matches(field, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(f"source {source.name}: map has no field {field!r}", f"{hint}fields of shape {source.shape}", ", ".join(known))
    turn_fields = TURN_FIELDS if source.shape in TURNS_IN_A_CELL else ()
    for field, column in source.map.items():
        if field not in turn_fields and not any(value(row, column) is not None for row in rows) and column not in columns:
            raise InputError(
                f"source {source.name} has no column {column!r} (mapped to {field})",
                f"it has {_shown(columns)}",
                _nearest(column, columns) or "correct `map`",
            )
    mapping = dict(source.map)
    wanted = [field for field in (known if not source.map else required(source.shape)) if field not in mapping and field not in turn_fields]
    if "recipient" in source.map:
        wanted = [field for field in wanted if field != "conversation"]
    if source.shape == "records" and not str(source.template).startswith("parallel"):
        wanted = [field for field in wanted if field not in ("source", "target")]  # a column `source` of another table is where it comes from
    guessed = guess(source.shape, columns, rows, taken=mapping.values(), wanted=wanted)
    mapping.update(guessed)
    missing = [field for field in required(source.shape) if field not in mapping and not (field == "conversation" and "recipient" in mapping)]
    if missing:
        wanted_text = " and ".join(missing)
        example = ", ".join(f"{field}: …" for field in missing)
        raise InputError(f"source {source.name}: no column looks like {wanted_text}", f"it has {_shown(columns)}", f"write map: {{{example}}}")
    if turn_fields and source.shape != "openai":
        _check_turns(source, rows, mapping["turns"])
    return mapping, sorted(guessed)


def _check_turns(source: Source, rows: Sequence[dict[str, Any]], turns: str) -> None:
    """Raises InputError for a key of the turns that `map` names and that no turn of the first rows has."""
    items = [item for row in rows for item in objects_in(value(row, turns))]
    for field in TURN_FIELDS:
        path = source.map.get(field)
        if path and items and not any(value(item, path) is not None for item in items):
            keys = columns_of(items)
            raise InputError(
                f"source {source.name}: no turn in {turns!r} has {path!r} (mapped to {field})",
                f"its turns have {_shown(keys)}",
                _nearest(path, keys) or f"correct `map`: {{{field}: …}}",
            )


#: `map` may also name facts to carry along: `customer.tier: 会员等级`, `meta.channel: channel`.
EXTRA = ("customer.", "meta.")
#: Of a turn inside a cell: they are keys of its objects, not columns.
TURN_FIELDS = ("role", "text", "at")
TURNS_IN_A_CELL = ("dialogues", "alternating", "sharegpt", "openai")
#: Fields whose cells may be lists or objects.
_NESTED = {
    "similar",
    "tokens",
    "tags",
    "label",
    "answers",
    "answer_start",
    "paragraphs",
    "qas",
    "prompt",
    "chosen",
    "rejected",
    "history",
    "tools",
    "system",
}


def guess(
    shape: str, columns: Sequence[str], rows: Sequence[dict[str, Any]], taken: Iterable[str] = (), wanted: Sequence[str] | None = None
) -> dict[str, str]:
    """The likeliest column of each wanted field; a column serves one field. Fields that nothing fits are absent."""
    names = _known()["fields"][shape]
    free = [column for column in columns if column not in set(taken)]
    found: dict[str, str] = {}
    candidates = []
    for position, field in enumerate(names):
        if wanted is not None and field not in wanted:
            continue
        for column in free:
            rank = _column_rank(shape, field, column)
            if rank is None:
                continue
            values = [value(row, column) for row in rows]
            if field == "role" and shape == "messages":  # a column of known roles beats one of personal names, whatever the two are called
                rank = rank % _INSIDE - 500 if _only_roles(values) else rank + (0 if _known_share(values) >= 0.5 else 500)
            if _fits(shape, field, values):
                candidates.append((rank >= _INSIDE, field not in required(shape), rank, position, field, column))
    for *_, field, column in sorted(candidates):
        if field not in found and column not in found.values():
            found[field] = column
    if shape == "faq" and (table := _tickets(free, rows)) is not None:
        asked = {field: column for field, column in table.items() if wanted is None or field in wanted}
        found = {field: column for field, column in found.items() if field not in ("question", "answer") and column not in asked.values()} | asked
        return found
    if shape == "faq" and (wanted is None or "similar" in wanted) and (begin := _numbered(free, found)):
        found["similar"] = begin
    for field in required(shape):
        if field == "conversation" and "recipient" in found:
            continue  # two people make it, whoever of them writes
        if field not in found and (wanted is None or field in wanted):
            left = [column for column in free if column not in found.values()]
            if column := _by_content(field, {column: [value(row, column) for row in rows] for column in left}):
                found[field] = column
    return found


def _tickets(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, str] | None:
    from kefu.data import tickets

    filled = [column for column in columns if any(value(row, column) not in (None, "") for row in rows)]
    flat = [column for column in filled if not any(isinstance(value(row, column), list | dict) for row in rows)]
    return tickets.arrange(flat)


_NUMBERED = re.compile(r"(?P<stem>.*\D)\d{1,2}")


def _numbered(columns: Sequence[str], found: Mapping[str, str]) -> str:
    """`相似问*` where the other wordings stand in columns of their own (`相似问1`, `相似问2`); empty where they do not."""
    stems: dict[str, list[str]] = {}
    for column in columns:
        if match := _NUMBERED.fullmatch(column):
            stems.setdefault(match["stem"], []).append(column)
    taken = {column for field, column in found.items() if field not in ("similar", "question")}
    for stem, group in stems.items():
        named = any(_rank(name_key(stem.strip(" _-")), _known()["fields"]["faq"][field]) is not None for field in ("similar", "question"))
        if len(group) > 1 and named and not any(column in taken for column in columns if column.startswith(stem)):
            return f"{stem}*"
    return ""


@lru_cache(maxsize=4096)
def _column_rank(shape: str, field: str, column: str) -> float | None:
    names = _known()["fields"][shape][field]
    rank = _rank(name_key(column), names)
    if rank is None and shape == "preference" and field in ("chosen", "rejected"):
        rank = _rank(_ANSWER.sub("", name_key(column)).strip(), names)
    if rank is None and "." in column:
        rank = _rank(name_key(column.rsplit(".", 1)[1]), names)
        rank = None if rank is None else rank + 0.5
    return rank


_ANSWER = re.compile(  # the word for an answer in the name of a better or a worse one
    r"的?(回答|回复|答案|答复|应答|话术|输出|文本|内容)|\b(answer|response|reply|completion|output|text)s?\b"
)


def name_fit(shape: str, field: str, column: str) -> float:
    """How well a column's name fits a field: 1 for the likeliest name, 0.4 when only its content spoke for it."""
    names = _known()["fields"][shape][field]
    rank = _rank(name_key(column), names)
    if rank is None and "." not in column:
        rank = _column_rank(shape, field, column)
    if rank is None:
        inner = _rank(name_key(column.rsplit(".", 1)[-1]), names)
        return 0.4 if inner is None else 0.85 if inner < _INSIDE else 0.6
    if rank >= _INSIDE:
        return 0.85
    common = 0.7 * sum("*" not in name for name in names)  # behind them stand names that mean many things
    return 1.0 if rank < common else 0.8


def _by_content(field: str, columns: dict[str, list[Any]]) -> str:
    """The column whose content can only be the field, whatever it is called; empty when none is clear."""
    scores = {}
    for column, values in columns.items():
        given = [item for item in values if item not in (None, "")]
        texts = [item for item in given if isinstance(item, str)]
        if not given:
            continue
        mean = sum(len(text) for text in texts) / len(given)
        distinct = len({plain(item) for item in given}) / len(given)
        if field == "turns":
            scores[column] = sum(isinstance(item, list) and any(isinstance(part, dict | str) for part in item) for item in given) / len(given) - 0.5
        elif field == "tags":
            flat = [str(tag) for item in given if isinstance(item, list) for tag in item]
            scores[column] = sum(bool(TAG.match(tag)) for tag in flat) / len(flat) - 0.9 if flat else -1.0
        elif field == "tokens":
            flat = [str(tag) for item in given if isinstance(item, list) for tag in item]
            told = [tag for tag in flat if not re.fullmatch(r"[\d_-]+", tag)]
            scores[column] = len(set(told)) / len(flat) if flat and len(told) > len(flat) / 2 else -1.0
        elif field == "role":
            scores[column] = (_known_share(given) - 0.6) if len({plain(item) for item in given}) <= 20 else -1.0
        elif field == "question" and texts:
            scores[column] = sum(signals.is_question(text) for text in texts) / len(given) - 0.3 if mean >= 4 else -1.0
        elif field in ("answer", "text"):
            scores[column] = (
                mean * min(1.0, distinct * 2) - 6 if len(texts) == len(given) and any(re.search(r"[^\W\d_]{2}", text) for text in texts) else -1.0
            )
        elif field == "conversation":
            keys = sum(_KEY.fullmatch(plain(item)) is not None for item in given) / len(given)
            repeats = 0 < distinct <= 0.7 and len(given) == len(values) and mean <= 40
            scores[column] = distinct if repeats and keys > 0.95 and _known_share(given) < 0.5 else -1.0
    best = max(scores, key=lambda column: scores[column], default="")
    return best if best and scores[best] > 0 else ""


_CONSTANT = 3
_KEY = re.compile(r"[^\s，。？！；,?!;]{1,40}")  # what a conversation may be called: one word, number or code


def _known_share(values: Sequence[Any]) -> float:
    given = [item for item in values if item not in (None, "")]
    return sum(bool(role_of(item, {})) for item in given) / len(given) if given else 0.0


def _only_roles(values: Sequence[Any]) -> bool:
    """Are the values a few words for roles and nothing else, at least a customer's and another's? `客服-小王` is a name."""
    given = {name_key(plain(item)) for item in values if item not in (None, "")}
    if not 2 <= len(given) <= 8:
        return False
    exact = _known()["roles"]["exact"]
    told = {word: next((role for role, names in exact.items() if word in names), "") for word in given}
    return all(told.values()) and "customer" in told.values() and len(set(told.values())) > 1


_INSIDE = 1000


def _rank(key: str, names: Sequence[str]) -> float | None:
    """Place of the name in the list: exact first, then inside a longer one."""
    for place, name in enumerate(names):
        if "*" not in name and key == name_key(name):
            return place
    for place, name in enumerate(names):
        if "*" in name and name.strip("*") in key:
            return _INSIDE + place
    return None


def _fits(shape: str, field: str, values: list[Any]) -> bool:
    """Does the content allow the field? Keeps `status` dates, long texts and empty columns from being taken for something."""
    given = [item for item in values if item is not None and item != ""]
    if not given:
        return field not in ("question", "answer", "turns", "text", "role", "conversation", *_NESTED)
    if field == "turns":
        return any(
            isinstance(item, list) or (isinstance(item, str) and ("\n" in item or item.lstrip().startswith("[") or "：" in item or ":" in item))
            for item in given
        )
    if field in ("paragraphs", "qas"):
        return all(isinstance(item, list) for item in given)
    if field in ("tokens", "tags"):
        return all(isinstance(item, list) or (isinstance(item, str) and not item.isdigit()) for item in given)
    if any(isinstance(item, list | dict) for item in given):
        return field in _NESTED
    if field == "history":
        return False
    if field in ("question", "answer", "text"):
        return any(re.search(r"[^\W\d_]", str(item)) for item in given)
    if field in ("category", "language", "outcome", "role"):
        return all(len(str(item)) <= 80 for item in given)
    if field == "conversation":  # one word in every row is a kind of thing (`conversation_part.list`), not the name of one
        return len(given) < _CONSTANT or len({plain(item) for item in given}) > 1 or bool(re.search(r"\d", plain(given[0])))
    if field == "order":
        return all(re.fullmatch(r"\d+(\.0)?", str(item)) for item in given)
    return True


def table_for(source: Source) -> Callable[[dict[str, list[str]]], str]:
    """Chooses among `{table: columns}` the one a source means: that with the columns which `map` names, else that which fits its shape best."""

    def choose(tables: dict[str, list[str]]) -> str:
        wanted = {column for field, column in source.map.items() if not (field in TURN_FIELDS and source.shape in TURNS_IN_A_CELL)}
        wanted = {column for column in wanted if any(column in columns for columns in tables.values())} | set(source.where)
        fitting = {name: columns for name, columns in tables.items() if wanted <= set(columns)} or tables
        return next(iter(fitting)) if len(fitting) == 1 and wanted else choose_table(source.shape, fitting)

    return choose


def choose_table(shape: str, tables: dict[str, list[str]]) -> str:
    """The table whose columns fit the shape best, or an empty string when none or two do."""
    scores = {}
    for name, columns in tables.items():
        names = _known()["fields"][shape]
        ranks = {field: min((r for c in columns if (r := _rank(name_key(c), names[field])) is not None), default=None) for field in names}
        if all(ranks[field] is not None for field in required(shape)):
            scores[name] = sum(rank is not None for rank in ranks.values())
    best = sorted(scores, key=lambda name: (-scores[name], name))
    return best[0] if best and (len(best) == 1 or scores[best[0]] > scores[best[1]]) else ""


def role_of(sender: Any, own: Mapping[str, str]) -> str:
    """customer, agent, bot, system, tool, ignore, or an empty string for a sender nobody knows.

    own: role by sender; `*` stands for every sender, also one without a name, whom neither the others of `own` nor the usual names
    (客服, user, system) tell; `@shop.cn` for the addresses of a domain and of those below it. Where a domain is given, what stands in
    another address (`support@…`) tells nothing.
    """
    name = plain(sender).strip()
    if "@" in name and (domains := {given.casefold().strip(): role for given, role in own.items() if given.strip().startswith("@")}):
        return _of_address(name.casefold(), domains, own)
    for given, role in own.items():
        if given == name or (given != EVERYONE and name_key(given) == name_key(name)):
            return role
    key = name_key(name)
    known = _known()["roles"]
    for role, names in known["exact"].items():
        if key in names:
            return str(role)
    for role, parts in known["part"]:
        if any(re.search(rf"(?<![a-z]){re.escape(part)}s?(?![a-z])", key) if part.isascii() else part in key for part in parts):
            return str(role)
    if _SEAT.fullmatch(name):
        return "agent"
    return own.get(EVERYONE, "")


def _of_address(address: str, domains: Mapping[str, str], own: Mapping[str, str]) -> str:
    if role := next((role for given, role in own.items() if given.strip().casefold() == address), ""):
        return role
    domain = address.rpartition("@")[2].strip("> ")
    fitting = [given for given in domains if domain == given[1:] or domain.endswith(f".{given[1:]}")]
    return domains[max(fitting, key=len)] if fitting else own.get(EVERYONE, "")


_SEAT = re.compile(r"(?=.*[\u3400-\u9fff])[^\s:：/]{2,30}[:：][^\s:：/]{1,20}")  # a seat of a shop's desk: 旗舰店:小美


def language_of(name: str) -> str:
    """`zh`, `en`, another code as it stands, or nothing for words that name no language we know (then it is found out from the text)."""
    key = name_key(name)
    first = re.split(r"[\s(（\[/]", key)[0]
    for wanted in (key, first):
        for language, names in _known()["languages"].items():
            if wanted in names:
                return str(language)
    return first if re.fullmatch(r"[a-z]{2,3}", first) else ""


def allowed(row: Any, where: dict[str, str | list[str]]) -> bool:
    """True when every named column has one of its values (any item, for a list)."""
    for path, wanted in where.items():
        found = value(row, path)
        given = {plain(item) for item in found} if isinstance(found, list) else {plain(found)}
        if not given & set(wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


def _shown(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(column) for column in columns[:30])
    return shown + (f" and {len(columns) - 30} more" if len(columns) > 30 else "")


def _nearest(column: str, columns: Sequence[str]) -> str:
    near = difflib.get_close_matches(column, columns, 1, 0.6)
    if not near:
        near = [name for name in columns if column in name or name in column][:1]
    return f"did you mean {near[0]!r}?" if near else ""
