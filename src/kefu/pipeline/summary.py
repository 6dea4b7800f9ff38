"""One line of what a stage came to, for the terminal and the report."""

from __future__ import annotations

from typing import Any


def summarise(stage: str, facts: dict[str, Any]) -> str:
    """The line for a stage's facts; facts that are not there are left out."""
    if facts.get("summary"):
        return str(facts["summary"])
    maker = _LINES.get(stage)
    try:
        return maker(facts) if maker else ", ".join(f"{key} {value}" for key, value in facts.items() if isinstance(value, int | float | str))
    except (KeyError, TypeError):  # facts of an artefact made by an older version
        return ""


def figure(number: dict[str, Any]) -> str:
    if number.get("value") is None:
        return "–"
    return f"{number['value']:.2f}" + (f" [{number['low']:.2f}, {number['high']:.2f}]" if number.get("low") is not None else "")


def _data(facts: dict[str, Any]) -> str:
    gone = [_most(facts["dropped_reasons"])] if facts["dropped_reasons"] else []
    if turns := facts.get("turns_left_out"):
        gone.append(f"{sum(turns.values())} turns, by reason in card.md")
    masked = sum(facts["masked"].values())
    dropped = f"dropped: {'; '.join(gone)}" if gone else "nothing dropped"
    kept = [f"{n} {kind} rows" for kind, n in facts.get("examples", {}).items()]
    kept = [f"{facts['conversations']} conversations", *kept] if facts["conversations"] or not kept else kept
    conflicts = facts.get("conflicting_rows", 0)
    apart = f"; {conflicts} in conflict set apart (conflicting.jsonl)" if conflicts else ""
    line = f"{facts['rows']} rows read, {', '.join(kept)} kept ({dropped}{apart}); {masked} personal data masked; ledger balanced"
    return "; ".join([line, *facts.get("split_faults", ())])


def _most(reasons: dict[str, int]) -> str:
    """The commonest reasons; how many things went for the others."""
    shown, others = list(reasons.items())[:3], sum(list(reasons.values())[3:])
    return ", ".join([*(f"{reason} {count}" for reason, count in shown), *([f"other reasons {others}"] if others else [])])


def _knowledge(facts: dict[str, Any]) -> str:
    held = facts["served"]["questions"] - facts["questions"] if "served" in facts else 0
    apart = f" (and {held} kept apart for the evaluation, then served)" if held else ""
    return f"{facts['entries']} answers, {facts['questions']} questions{apart}, {facts['passages']} passages of manuals{_encoder(facts)}"


def _encoder(facts: dict[str, Any]) -> str:
    """Which languages the encoder is heard in, and which not."""
    if "encoder" not in facts:
        return ""
    told = facts["encoder"]
    deaf = [f"not {name} (knows {share:.2f} of it)" for name, share in told["found"].items() if name not in told["used"]]
    return f"; meaning by {told['name']} for {', '.join([*told['used'], *deaf])}"


def _train(facts: dict[str, Any]) -> str:
    loss = f", validation loss {facts['validation_loss']:.2f}" if facts.get("validation_loss") else ""
    return f"{facts['base']}, {facts['parameters'] / 1e6:.1f} M parameters, {facts['steps']} steps{loss}"


def _export(facts: dict[str, Any]) -> str:
    sizes = facts["bytes"]
    ratio = sizes["openvino_model.bin"] / sizes["weights_fp32"]
    return f"{facts['precision']}, {facts['gates']} gates passed, weights {ratio:.3f} of fp32"


def _eval(facts: dict[str, Any]) -> str:
    parts = [f"scenarios {figure(facts['score'])}"]
    for key, words in (
        ("questions.right", "questions right"),
        ("questions.right_or_offered", "right or offered"),
        ("questions.turned_away", "out of scope turned away"),
        ("held_out.right", "held-out right"),
    ):
        if key in facts:
            parts.append(f"{words} {figure(facts[key])}")
    return ", ".join(parts[:4])


def _registry(facts: dict[str, Any]) -> str:
    refused = f", not released: {'; '.join(facts['reasons'])}" if facts.get("reasons") else ""
    awaits = ", in production once the smoke test has passed" if facts["stage"] == "candidate" and not refused else f" ({facts['stage']})"
    return f"{facts['model']} registered{awaits}{refused}"


def _check(facts: dict[str, Any]) -> str:
    return f"no faults, {facts['sources']} sources"


_LINES = {"check": _check, "data": _data, "knowledge": _knowledge, "train": _train, "export": _export, "eval": _eval, "registry": _registry}
