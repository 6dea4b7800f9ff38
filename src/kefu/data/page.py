"""The statistics of a dataset as one self-contained page: pictures, ledger, numbers, samples. Opens without a network."""

from __future__ import annotations

from importlib import resources
from typing import Any

from kefu.data import plots
from kefu.data.profile import KINDS, Profile

_TILES = 6  # languages with a tile of their own


def page(name: str, gathered: Profile, ledger: dict[str, Any], stats: dict[str, Any], tokenizer: str = "") -> str:
    """The HTML text. Personal data in samples is masked; every text is escaped. Raises MissingExtra without matplotlib."""
    import jinja2

    template = resources.files("kefu.data").joinpath("page.html.jinja").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    pictures = [("ledger", plots.svg("ledger", plots.waterfall, ledger))]
    pictures += [(key, plots.svg(key, draw, gathered)) for key, draw in plots.usable(gathered).items()]
    measured = [("characters", gathered.characters), ("turns", gathered.turns), (f"tokens ({tokenizer})", gathered.tokens)]
    table = [(what, kind, sketches[kind].summary()) for what, sketches in measured for kind in KINDS if sketches[kind].count]
    dropped = [
        (step["step"], reason, n) for step in ledger["steps"] for reason, n in sorted(step["dropped"].items(), key=lambda item: -item[1])
    ]  # fmt: skip
    return environment.from_string(template).render(
        name=name, profile=gathered, pictures=pictures, table=table, dropped=dropped, stats=stats, samples=gathered.shown_samples(),
        languages=gathered.languages.most(_TILES),
        languages_more=max(0, len(stats.get("languages", ())) - _TILES),
        splits=sorted(gathered.splits.items()), steps=ledger["steps"], balanced=ledger["balanced"],
    )  # fmt: skip
