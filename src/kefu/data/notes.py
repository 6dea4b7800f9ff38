"""What a build has to say in words: what was guessed, left out, or stands where customers would read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kefu.data import findings, mapping
from kefu.data.entries import Entry
from kefu.data.jobs import Cleaned
from kefu.data.ledger import Ledger
from kefu.data.split import Account
from kefu.project.schema import Split

_FAR = 0.5  # of the share asked for; a part below it is worth a word
_PLURAL = {"dialogue": "conversations"}
_MUCH = 0.5  # a step that finds more of no use is worth a word


def struck(found: list[Entry]) -> str:
    """What a company must know before customers read it: approved answers in which a placeholder stands now."""
    names = [entry.id for entry in found if any("pii_in_answer" in row.flags for row in entry.rows)]
    if not names:
        return ""
    shown = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
    return (
        f"customers would read a placeholder such as [姓名_1] in {len(names)} approved answers ({shown}), where personal data stood: reword them, "
        "or set mask_pii: false for that source if it is meant for the public"
    )


def of_tickets(replies: int) -> list[str]:
    if not replies:
        return []
    were = "replies that agents gave often are no entries: values" if replies > 1 else "reply that agents gave often is no entry: values"
    return [f"{replies} {were} of one ticket (a number, a date, a name) stand in them, which other customers must not read"]


def of_split(stats: Mapping[str, Any], examples: Mapping[str, Any], settings: Split, accounts: Mapping[str, Account]) -> list[str]:
    """Held-out parts that are empty or far below the share asked for, each kind of rows with the reason and the way out."""
    talks = {name: n["conversations"] - n.get("faq", 0) for name, n in stats["splits"].items()}
    kinds = {"dialogue": talks, **{kind: facts["splits"] for kind, facts in examples.items()}}
    found = []
    for kind, counts in kinds.items():
        total, account = sum(counts.values()), accounts.get(kind, Account())
        wanted = {name: getattr(settings, name) for name in ("validation", "test") if getattr(settings, name)}
        short = {name: share for name, share in wanted.items() if share * total >= 1 and counts.get(name, 0) < _FAR * share * total}
        if total and short:
            parts = " and ".join(f"{name} has {counts.get(name, 0)} of the {share * total:.0f} asked for" for name, share in short.items())
            found.append(f"{_PLURAL.get(kind, kind + ' rows')}: {parts} ({total} rows): {_why_short(account)}")
        if settings.frequent == "both" and account.frequent:
            found.append(
                f"{_PLURAL.get(kind, kind + ' rows')}: {account.frequent} rows ask one of {account.questions} frequent questions, which may stand on "
                "both sides (data.split.frequent: both): held-out figures are better than for questions never seen"
            )
    return found


def _why_short(account: Account) -> str:
    if account.frequent * 2 > account.things:
        return (
            f"{account.questions} questions, asked again and again, are {account.frequent} of the rows; the same question is kept on one side. "
            "Add rows of other questions, or set data.split.frequent: both and bear in mind that the held-out questions are known then"
        )
    if account.largest * 2 > account.things and account.groups > 1:
        return (
            f"{account.largest} rows are one group (one customer or ticket id, or nearly equal questions) and stand on one side. Look whether `map` "
            "takes a placeholder such as `guest` for a customer's id; leave it out of `map` then"
        )
    frequent = f", and {account.frequent} rows ask a frequent question, which stays in training" if account.frequent else ""
    if account.moved or account.lost:
        frequent += f"; {account.lost} held-out rows went and {account.moved} stayed in training because training asks the same"
    return f"the rows fall into {account.groups} groups that must stay whole, too few or too large for that share{frequent}. Add rows"


def of_build(ledger: Ledger, cleaned: Cleaned, dataset_class: str) -> list[str]:
    notes = []
    for step in ledger.steps:
        if step.name.startswith(("form ", "clean")) and (lost := step.loss(_MUCH)):
            notes.append(f"{step.name}: {lost[0]:,} of {lost[1]:,} {step.unit} were of no use ({lost[2]}); excluded.jsonl lists them")
    for name, facts in ledger.sources.items():
        if facts["guessed"]:
            notes.append(f"{name}: columns guessed: " + ", ".join(f"{field} = {facts['map'][field]}" for field in facts["guessed"]))
        if facts["broken"]:
            notes.append(f"{name}: {facts['broken']} broken rows left out (excluded.jsonl)")
        if "unknown_senders" in facts:
            unknown = facts["unknown_senders"]
            fate = "their turns were dropped" if unknown["dropped"] else "their roles were told from the company they keep"
            if unknown["undecided"] and not unknown["dropped"]:
                fate += f", save for about {unknown['undecided']} turns, which were told by what they say or dropped"
            who = ", ".join(f"{sender!r} {n}" for sender, n in unknown["who"].items())
            notes.append(f"{name}: {unknown['senders']} senders nobody knows ({unknown['turns']} turns: {who}); {fate}. `roles` names them")
        if facts.get("unordered_conversations"):
            notes.append(f"{name}: {facts['unordered_conversations']} conversations could not be ordered and stand as exported")
        turns = next((step for step in ledger.steps if step.name == f"turns of {name}"), None)
        if turns is not None and (asides := turns.dropped[mapping.NOTE]):
            notes.append(f"{name}: {asides} internal notes among colleagues were left out (excluded.jsonl)")
        notes += _of_source(name, facts)
        short = sum(details.get("short_rows", 0) for details in facts.get("files", {}).values())
        if short:
            notes.append(f"{name}: {short} rows had fewer cells than the header and were filled with empty ones")
    if cleaned.kept_contacts:
        notes.append(f"{cleaned.kept_contacts} approved answers name the company's own contact data (hotline, office, mailbox); these were kept")
    notes.append(f"quality and take-over were labelled by {dataset_class}")
    return notes


def _of_source(name: str, facts: dict[str, Any]) -> list[str]:
    notes = [said] if (said := findings.without_customer(name, facts)) else []
    if left := facts.get("files_left_out"):
        notes.append(f"{name}: {len(left)} files of unknown format were not read: {', '.join(left[:5])}")
    for file, details in facts.get("files", {}).items():
        if others := details.get("lists_left_out"):
            notes.append(f"{name}: only the list {details['list']!r} of {file} was read, not {', '.join(others[:5])} (rows_at chooses)")
    if facts.get("parts_left_out"):
        notes.append(
            f"{name}: {facts['parts_left_out']} pictures, sounds or files inside messages were left out; addresses of pictures are in the context"
        )
    if facts.get("scheme", "bio") != "bio":
        joined = "; neighbouring entities of one type cannot be told apart in it" if facts["scheme"] == "io" else ""
        notes.append(f"{name}: tags written as {facts['scheme']} were brought to bio{joined}")
    return notes
