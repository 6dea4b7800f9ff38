"""What reading found out by itself, in lines for people: encodings, delimiters, columns guessed and columns not used."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from kefu.data import mapping, readers, records
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded
from kefu.project.schema import Source

_PEEK = 300
_MOST = 20


def look(project: Loaded, source_name: str) -> dict[str, Any]:
    """The facts of a source's first rows, as `ledger.json` has them for a whole source. Raises ConfigError, InputError."""
    known = {source.name: source for source in project.settings.data.sources}
    if source_name not in known:
        raise ConfigError(f"no source {source_name!r}", f"data.sources has {', '.join(known)}", "give one of these names")
    source = known[source_name]
    reading = readers.open_source(source, project, mapping.table_for(source), look=True)
    given = list(islice(reading.rows(), _PEEK))
    rows = [row.values for row in given if isinstance(row, readers.Row)]
    if not rows:
        broken = next((f"{row.where}: {row.reason}" for row in given if isinstance(row, readers.Broken)), "no rows in it")
        raise InputError(f"source {source.name} gives no readable row", broken, "look at the file, its format, delimiter and encoding")
    columns, guessed = mapping.resolve(source, rows)
    facts = {
        "shape": source.shape,
        **reading.facts,
        "columns": mapping.columns_of(rows),
        "map": columns,
        "guessed": guessed,
        "broken": len(given) - len(rows),
    }
    return {**facts, "also_read": also_read(source, project, columns, rows), **_senders(source, project)}


def _senders(source: Source, project: Loaded) -> dict[str, Any]:
    """Who speaks in the first rows and is not known, and how many of their messages are notes among colleagues."""
    if source.shape not in ("messages", *mapping.TURNS_IN_A_CELL):
        return {}
    from kefu.data.look import heads

    former = heads(source, project)
    unknown = former.notes.get("unknown_senders")
    return {
        **({"unknown_senders": {key: item for key, item in unknown.items() if key != "voices"}} if unknown else {}),
        **({"notes_left_out": notes} if (notes := former.turns.dropped[mapping.NOTE]) else {}),
    }


#: Shapes in which a customer may stand in several rows; those of tuning files seldom name one.
_OF_CUSTOMERS = ("dialogues", "messages")


def without_customer(name: str, facts: Mapping[str, Any]) -> str:
    """What to say of a source whose conversations cannot be tied to a customer; empty where they are."""
    if facts.get("shape") not in _OF_CUSTOMERS or {"customer", "asker"} & facts["map"].keys():
        return ""
    return (
        f"{name}: no column names the customer (map: {{customer: …}}), so it is split by conversation only: "
        "those of one customer may stand on both sides"
    )


def also_read(source: Source, project: Loaded, columns: dict[str, str], rows: list[dict[str, Any]]) -> list[str]:
    """Columns that are read though `map` does not name them: by a template, and by `where`."""
    used = [*source.where, *(records.columns_read(source, project.root, columns, rows) if source.shape == "records" else ())]
    return sorted(set(used) - set(columns.values()))


def lines(name: str, facts: dict[str, Any], *, quiet: bool = False) -> list[str]:
    """What was found out about a source. `quiet`: only what is not as everybody would expect it."""
    found = []
    for file, details in facts.get("files", {}).items():
        usual = details.get("encoding", "utf-8") == "utf-8" and details.get("delimiter", ",") in (",", "\t")
        if quiet and usual:
            continue
        parts = [details.get("format", ""), details.get("encoding", "")]
        if "delimiter" in details:
            parts.append(f"cells separated by {_named(details['delimiter'])}")
        parts += [f"table {details['table']}"] if "table" in details else []
        found.append(f"{name}: {file} read as {', '.join(part for part in parts if part)}")
    for file, details in facts.get("files", {}).items():
        if told := details.get("lines_by_encoding"):
            shares = ", ".join(f"{n} {'line' if n == 1 else 'lines'} in {code}" for code, n in told.items())
            found.append(f"{name}: {file} is in two encodings, read line by line: {shares}")
        found += [f"{name}: {file}: {line}" for line in _table(details, quiet)]
    if facts.get("guessed"):
        found.append(f"{name}: columns guessed: " + ", ".join(f"{field} = {facts['map'][field]}" for field in facts["guessed"]))
    if not quiet:
        given = [f"{field} = {column}" for field, column in facts["map"].items() if field not in facts["guessed"]]
        found += [f"{name}: columns as mapped: {', '.join(given)}"] if given else []
    unused = _unused(facts)
    if unused and (facts.get("guessed") or not quiet):
        more = f" and {len(unused) - _MOST} more" if len(unused) > _MOST else ""
        found.append(f"{name}: columns not used: {', '.join(unused[:_MOST])}{more}")
    if above := facts.get("category_of_blank_rows"):
        found.append(f"{name}: rows without a category have {above}")
    if said := without_customer(name, facts):
        found.append(said)
    if count := facts.get("notes_left_out"):
        found.append(f"{name}: {count} internal notes of the first rows are left out")
    if unknown := facts.get("unknown_senders"):
        who = ", ".join(f"{sender!r} ({n})" for sender, n in unknown["who"].items())
        fate = (
            "their turns are left out"
            if unknown["dropped"]
            else "told from the company they keep"
            if not unknown["undecided"]
            else "not all can be told"
        )
        found.append(f"{name}: {unknown['senders']} senders nobody knows in the first rows, {fate}: {who} (`roles` names them)")
    if facts.get("broken"):
        found.append(f"{name}: {facts['broken']} broken rows left out" + (" (excluded.jsonl)" if quiet else " of the first looked at"))
    return found


def _table(details: dict[str, Any], quiet: bool) -> list[str]:
    """Where the header of a table was found, which sheets are read, and what was done to rows that are no rows."""
    said = []
    header, above = details.get("header", ""), details.get("rows_above_header", 0)
    if header and (not quiet or above or "and" in header):
        passed = f" ({above} {'row' if above == 1 else 'rows'} above the header passed over)" if above else ""
        said.append(f"header in {header}{passed}")
    if others := details.get("sheets_left_out"):
        chosen = ", ".join(details["sheets"])
        said.append(f"sheet {chosen} read; not read, being another table: {', '.join(others)} (`sheet:` chooses)")
    if count := details.get("headers_again"):
        said.append(f"the header comes {count} {'time' if count == 1 else 'times'} again between the rows, passed over")
    if count := details.get("cells_filled_from_merged"):
        said.append(f"{count} cells of merged ranges carry the value of the first")
    return said


def _unused(facts: dict[str, Any]) -> list[str]:
    """Columns that nothing is read from; of an object its fields stand for it. What a template or `where` reads is used."""
    used = {*facts["map"].values(), *facts.get("also_read", ())}
    begun = tuple(name[:-1] for name in used if name.endswith("*"))
    left = [
        one
        for one in facts.get("columns", [])
        if one not in used and not one.startswith(begun) and not any(one.startswith(f"{name}.") for name in used)
    ]
    return [one for one in left if not any(name.startswith(f"{one}.") for name in (*used, *left))]


def _named(delimiter: str) -> str:
    return {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", " ": "blanks"}.get(delimiter, repr(delimiter))
