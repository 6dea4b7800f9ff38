"""stats.json and card.md: what the data are, in numbers and on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from kefu.data.entries import Entry
from kefu.data.tally import Tally
from kefu.data.writers import SPLITS
from kefu.statistics import nearest_rank

_MOST_SHOWN = 30  # categories


def statistics(tally: Tally, entries: list[Entry]) -> dict[str, Any]:
    """Counts by split, kind, language, category, label; lengths in words and Han characters."""
    splits = {}
    for name in SPLITS:
        ours = {key: n for key, n in tally.splits.items() if key[0] == name}
        splits[name] = {"conversations": sum(ours.values()), **_sums(ours, 1), "languages": _sums(ours, 2)}
    intervened = sorted((at, n) for at, n in tally.interventions.items() if at is not None)
    return {
        "conversations": sum(tally.splits.values()),
        "kinds": _sums(tally.splits, 1),
        "languages": _sums(tally.splits, 2),
        "categories": _counts(tally.categories),
        "labels": {kind: _counts({label: n for (its, label), n in tally.labels.items() if its == kind}) for kind in ("faq", "dialogue")},
        "splits": splits,
        "strata": {kind: parts_of(_parts(tally, kind)) for kind in sorted({kind for kind, _, _ in tally.parts})},
        "faq": {
            "entries": len(entries),
            "questions": sum(len(e.rows) for e in entries),
            "entries_with_one_question": sum(len(e.rows) == 1 for e in entries),
        },
        "dialogues": {
            "turns": quantiles(tally.turns),
            "intervention": sum(n for _, n in intervened),
            "intervention_at": {str(at): n for at, n in intervened},
        },
        "length_units": {kind: quantiles(tally.lengths.get(kind, ())) for kind in ("faq", "dialogue")},
        "flags": dict(sorted(tally.flags.items())),
    }


def quantiles(values: Iterable[int]) -> dict[str, float]:
    """n, min, p50, p90, p99, max; empty for no values."""
    ordered = sorted(values)
    if not ordered:
        return {}
    pick = {f"p{p}": nearest_rank(ordered, p) for p in (50, 90, 99)}
    return {"n": len(ordered), "min": ordered[0], **pick, "max": ordered[-1]}


def _parts(tally: Tally, kind: str) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for (its, category, name), n in tally.parts.items():
        if its == kind:
            found.setdefault(category, Counter())[name] += n
    return found


def parts_of(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """`{category: {split: n}}`, the largest first."""
    order = sorted(counts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    return {category or "(none)": {name: n.get(name, 0) for name in SPLITS} for category, n in order}


def _sums(counts: Mapping[tuple[str, str, str], int], field: int) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for key, n in counts.items():
        summed[key[field]] += n
    return _counts(summed)


def _counts(counts: Mapping[Any, int]) -> dict[str, int]:
    named: Counter[str] = Counter()
    for name, n in counts.items():
        named[str(name or "(none)")] += n
    return dict(sorted(named.items(), key=lambda item: (-item[1], item[0])))


def card(name: str, stats: dict[str, Any], ledger: dict[str, Any]) -> str:
    """A page in Markdown for people."""
    lines = [f"# Data of {name}", ""]
    kinds = ", ".join(f"{n} {kind}" for kind, n in stats["kinds"].items())
    languages = ", ".join(f"{language} {n}" for language, n in stats["languages"].items())
    faq = stats["faq"]
    lines += [
        f"{stats['conversations']} conversations ({kinds}; {languages}), FAQ: {faq['entries']} entries, {faq['questions']} questions.",
        "",
    ]
    licence = stats.get("licence") or "not stated: set data.licence in kefu.yaml before the data leave the company"
    lines += [
        "## Licence",
        "",
        licence,
        "",
        "## Sources",
        "",
        "| source | files | encoding | rows | broken | conversations | columns |",
        "|---|---|---|---|---|---|---|",
    ]
    for source, facts in ledger["sources"].items():
        files = facts.get("files") or {"(database)": {}}
        encodings = ", ".join(dict.fromkeys(str(f.get("encoding") or f.get("format", "")) for f in files.values()))
        columns = ", ".join(f"{field} = {column}" + (" (guessed)" if field in facts["guessed"] else "") for field, column in facts["map"].items())
        cells = [source, ", ".join(files), encodings, facts["rows"], facts["broken"], facts["conversations"], _cell(columns)]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    lines += ["", "## Ledger", "", "Every step: in + added = kept + merged + set apart + dropped. The sums were checked.", ""]
    lines += ["| step | unit | in | added | kept | merged | changed | set apart | dropped |", "|---|---|---|---|---|---|---|---|---|"]
    for step in ledger["steps"]:
        dropped = "; ".join(f"{reason}: {n}" for reason, n in step["dropped"].items()) or "0"
        apart = "; ".join(f"{reason}: {n}" for reason, n in step.get("apart", {}).items()) or "0"
        numbers = [step[key] for key in ("step", "unit", "in", "added", "kept", "merged", "changed")]
        lines.append(f"| {' | '.join(str(number) for number in numbers)} | {_cell(apart)} | {_cell(dropped)} |")
    lines += ["", "## Splits", "", f"| split | conversations | {' | '.join(stats['kinds'])} |", "|---" * (2 + len(stats["kinds"])) + "|"]
    for split, n in stats["splits"].items():
        lines.append(f"| {' | '.join(str(cell) for cell in (split, n['conversations'], *(n.get(kind, 0) for kind in stats['kinds'])))} |")
    lines += [line for fault in stats.get("split_faults", ()) for line in ("", fault)]
    strata = stats.get("strata", {}) | {kind: facts["strata"] for kind, facts in stats.get("examples", {}).items()}
    lines += [line for kind, parts in strata.items() for line in _strata(kind, parts)]
    lines += ["", *_personal(stats), *_labels(stats), *_made(stats)]
    lines += _contradictions(stats)
    if stats.get("people"):
        lines += ["## People's labels", "", *(f"- {what}: {n}" for what, n in stats["people"].items()), ""]
    lines += ["## Notes", "", *(f"- {note}" for note in stats["notes"] or ["none"]), ""]
    return "\n".join(lines)


def _strata(kind: str, parts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """How a category (of labelled rows: the label) is spread over the parts, and which are too small for that."""
    if set(parts) <= {"(none)"}:
        return []
    lines = ["", f"### {kind}, by {'label' if kind == 'classification' else 'category'}", "", "| | train | validation | test |", "|---|---|---|---|"]
    lines += [f"| {_cell(name)} | {' | '.join(str(n[part]) for part in SPLITS)} |" for name, n in list(parts.items())[:_MOST_SHOWN]]
    if len(parts) > _MOST_SHOWN:
        lines += ["", f"{len(parts) - _MOST_SHOWN} more stand in stats.json under strata."]
    wanted = [part for part in SPLITS if any(n[part] for n in parts.values())]
    short = [f"{_cell(name)} ({sum(n.values())})" for name, n in parts.items() if not all(n[part] for part in wanted)]
    if short:
        shown = ", ".join(short[:_MOST_SHOWN]) + (f" and {len(short) - _MOST_SHOWN} more" if len(short) > _MOST_SHOWN else "")
        lines += ["", f"Too small, or too much of one piece (customer, ticket, near-duplicates), to be in every part: {shown}."]
    return lines


def _contradictions(stats: dict[str, Any]) -> list[str]:
    if not stats["contradictions"]:
        return []
    kinds = ", ".join(f"{n} × {kind}" for kind, n in stats["contradictions"].items())
    possible = stats.get("contradictions_possible", 0)
    lines = ["## Contradictions", "", f"{kinds}. See contradictions.jsonl: the company should decide."]
    lines += [f"{possible} of them are possible ones: look whether the questions are the same."] if possible else []
    if apart := stats.get("conflicting_rows", 0):
        lines += [
            "",
            f"{apart} FAQ rows with another answer than the one in use were set apart, none dropped: they stand whole in conflicting.jsonl.",
        ]
    return [*lines, ""]


def _personal(stats: dict[str, Any]) -> list[str]:
    found = ", ".join(f"{type}: {n}" for type, n in stats["masked"].items()) or "none found"
    how = "Found by rules and check sums and replaced by placeholders such as [手机号_1], the same person the same placeholder in one conversation."
    if not stats.get("masking", True):
        found, how = "not masked", "data.clean.mask_pii is off: this dataset holds personal data in clear."
    elif "tokens" in stats.get("examples", {}):
        how += (
            " In tagged rows invented data of the same type and number of tokens stand in their place, so that a tagger still sees names as "
            "names; the vault cannot bring those back, and mask_pii: false for the source keeps the real ones."
        )
    limit = "Rules miss what has no form: names without context, nicknames, free descriptions of a person."
    return ["## Personal data masked", "", found, "", f"{how} {limit}", ""]


def _labels(stats: dict[str, Any]) -> list[str]:
    """Who labelled what, the rule in its own words, and how far the labellers agree."""
    labelled = stats.get("labelled") or {}
    lines = ["## Labels", "", "By " + ", ".join(f"{name}: {n}" for name, n in labelled.get("by", {}).items()) + ".", ""]
    for title, key in (("quality", "agreement"), ("take-over turn", "agreement_takeover")):
        for row in labelled.get(key) or []:
            interval = f" [{row['low']}, {row['high']}]" if row["low"] is not None else ""
            kappa = "not defined (one label only)" if row["kappa"] is None else f"{row['kappa']}{interval}"
            lines.append(f"- {title}: {row['between'][0]} and {row['between'][1]}: kappa {kappa}, equal {row['agreement']} (n={row['n']})")
    if rule := stats.get("rule"):
        lines += ["", "```", rule, "```"]
    return [*lines, ""]


def _made(stats: dict[str, Any]) -> list[str]:
    """What was made from other rows, never in validation or test."""
    made = stats.get("augmented")
    if not made:
        return []
    methods = ", ".join(f"{method} {n}" for method, n in made["by_method"].items()) or "none"
    kinds = ", ".join(f"{kind} {n}" for kind, n in made["preference_kinds"].items()) or "none"
    lines = [
        "## Made from other rows (training side only, checked)",
        "",
        f"Questions: {methods}. Wrong answers for preference training: {kinds}.",
        "",
    ]
    lines += [f"- {method} thrown away: " + ", ".join(f"{reason} {n}" for reason, n in counts.items()) for method, counts in made["rejected"].items()]
    if made["bill"]:
        lines.append("- language model: " + ", ".join(f"{key} {value}" for key, value in made["bill"].items()))
    return [*lines, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
