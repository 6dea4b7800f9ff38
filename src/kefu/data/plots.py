"""Pictures of a dataset, drawn from its profile. PNG and SVG, right for Chinese, told apart without colours.

An SVG keeps its text as text, so any viewer with a Chinese font shows it. A PNG is drawn with a Chinese font of this machine or of an
installed font package (zhplot comes with kefu[data]); where there is none, the Chinese labels become C1, C2 … and the picture says so.
Colours are those of Okabe and Ito (2008), which people with any colour vision tell apart; hatching and labels say the same again.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kefu.artifacts import read_jsonl
from kefu.conversation import Conversation
from kefu.data.fonts import chinese_font
from kefu.data.profile import KINDS, NO_CATEGORY, Profile, profile
from kefu.data.sketch import Quantiles
from kefu.errors import InputError, MissingExtra

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#999999"
_COLOURS = {"good": BLUE, "fair": ORANGE, "bad": RED}
_NAMES = {"faq": "FAQ pairs", "dialogue": "dialogues"}
_TOP = 20
_BINS = 30
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Draw = Callable[[Any, Any, "Labels"], None]


def visualise(dataset: Any, out: Path) -> dict[str, Any]:
    """Draw the plots of a dataset: a Profile, anything that iterates over Conversation, or the path of a conversations.jsonl.

    Returns `{"plots": [file names], "chinese_font": name or "none"}`. Raises MissingExtra without matplotlib, InputError.
    """
    gathered = as_profile(dataset)
    font = _ready()
    out.mkdir(parents=True, exist_ok=True)
    names = []
    for name, draw in usable(gathered).items():
        # With a Chinese font one drawing serves both formats; without, the PNG gets labels of its own.
        for suffixes in (("png", "svg"),) if font else (("png",), ("svg",)):
            for suffix, data in picture(name, draw, gathered, suffixes, font).items():
                (out / f"{name}.{suffix}").write_bytes(data)
        names += [f"{name}.png", f"{name}.svg"]
    left_out = {} if "categories" in usable(gathered) else {"plots_left_out": "categories, because no conversation has one"}
    return {"plots": names, "chinese_font": font.name if font else "none", **left_out}


def as_profile(dataset: Any) -> Profile:
    """The profile of whatever holds conversations; a file is read row by row."""
    if isinstance(dataset, Profile):
        return dataset
    if isinstance(dataset, str | Path):
        if not Path(dataset).is_file():
            raise InputError(f"no conversations at {dataset}", "the file does not exist", "run `kefu data build` first")
        return profile(Conversation.from_dict(row) for row in read_jsonl(Path(dataset)))
    return profile(dataset.conversations if hasattr(dataset, "conversations") else dataset)


def usable(gathered: Profile) -> dict[str, Draw]:
    """The plots that this profile has data for."""
    found = dict(_ALWAYS)
    if not set(gathered.categories.counts) - {NO_CATEGORY}:
        del found["categories"]
    if gathered.tokens["faq"].count or gathered.tokens["dialogue"].count:
        found["tokens"] = _tokens
    if len(gathered.languages.counts) > 1:
        found["languages"] = _languages
    if gathered.months.total:
        found["months"] = _months
    if gathered.hours:
        found["hours"] = _hours
    return found


def _ready() -> Path | None:
    try:
        import matplotlib
    except ImportError:
        raise MissingExtra("plots (matplotlib)", "data") from None
    matplotlib.use("Agg", force=False)
    return chinese_font()


def svg(name: str, draw: Draw, subject: Any) -> str:
    """The drawing as an <svg> element to stand inside a page; its text is text."""
    text = picture(name, draw, subject, ("svg",), _ready())["svg"].decode("utf-8")
    return text[text.index("<svg") :]


def picture(name: str, draw: Draw, subject: Any, suffixes: tuple[str, ...], font: Path | None) -> dict[str, bytes]:
    from matplotlib import font_manager, rc_context
    from matplotlib.figure import Figure

    settings: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 10, "axes.unicode_minus": False}
    settings |= {"axes.spines.top": False, "axes.spines.right": False, "hatch.color": "white"}
    if font:
        font_manager.fontManager.addfont(str(font))
        settings["font.family"] = [font_manager.FontProperties(fname=str(font)).get_name(), "DejaVu Sans"]
    elif "svg" in suffixes:
        settings["font.family"] = ["sans-serif"]
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it reports every weight that a Chinese font lacks
    labels = Labels(plain="png" in suffixes and font is None)
    drawn = {}
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        warnings.filterwarnings("ignore", message=".*[Ff]ont family.*")
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        draw(figure.subplots(), subject, labels)
        if labels.replaced:
            figure.supxlabel(f"No Chinese font on this machine: {labels.legend()} … see the .svg or stats.json", fontsize=7, color="#666666")
        for suffix in suffixes:
            metadata = {"Date": None, "Creator": "kefu"} if suffix == "svg" else {"Software": "kefu"}
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix, dpi=110, metadata=metadata)
            drawn[suffix] = buffer.getvalue()
    return drawn


class Labels:
    """Texts on a plot; with `plain`, those that the font cannot show become C1, C2 …"""

    def __init__(self, plain: bool) -> None:
        self._plain = plain
        self.replaced: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        text = text.replace("$", r"\$")  # matplotlib reads $…$ as a formula
        if self._plain and any(ord(char) > 0x2E80 for char in text):
            return self.replaced.setdefault(text, f"C{len(self.replaced) + 1}")
        return text if len(text) <= 24 else text[:23] + "…"

    def legend(self) -> str:
        names = list(self.replaced.values())
        return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _spread(axes: Any, measured: dict[str, Quantiles], title: str, unit: str) -> None:
    """Two histograms up to the 99.5th percentile, so that one giant does not flatten the rest; what lies beyond is told."""
    given = [(kind, measured[kind]) for kind in KINDS if measured[kind].count]
    top = max((sketch.quantile(0.995) for _, sketch in given), default=1.0) * 1.02 + 1
    edges = [i - 0.5 for i in range(int(top) + 2)] if top < 2 * _BINS else [top * i / _BINS for i in range(_BINS + 1)]
    for (kind, sketch), colour, hatch in zip(
        given, (BLUE, ORANGE) if len(given) > 1 or not given or given[0][0] == "faq" else (ORANGE,), ("", "//"), strict=False
    ):
        values = sketch.histogram([*edges, float("inf")])[:-1]
        axes.stairs(
            values,
            edges,
            fill=True,
            alpha=0.7,
            color=colour,
            hatch=hatch,
            label=f"{_NAMES[kind]} (n={sketch.count:,}, median {sketch.quantile(0.5):.0f})",
        )
        axes.axvline(sketch.quantile(0.5), color=colour, linewidth=1.2, linestyle="--" if hatch else "-")
    beyond = {kind: sketch.most for kind, sketch in given if sketch.most > top}
    note = "; longest: " + ", ".join(f"{_NAMES[kind]} {most:,.0f}" for kind, most in beyond.items()) if beyond else ""
    axes.set(title=f"{title}{note}", xlabel=unit, ylabel="conversations")
    if given:
        axes.legend(frameon=False)


def _lengths(axes: Any, gathered: Profile, labels: Labels) -> None:
    _spread(axes, gathered.characters, "Length of conversations", "characters")


def _turns(axes: Any, gathered: Profile, labels: Labels) -> None:
    _spread(axes, {**gathered.turns, "faq": Quantiles()}, "Turns of dialogues", "turns")


def _tokens(axes: Any, gathered: Profile, labels: Labels) -> None:
    _spread(axes, gathered.tokens, "Tokens of the texts, chat template not counted", "tokens")


def _quality(axes: Any, gathered: Profile, labels: Labels) -> None:
    known = {name for kind in KINDS for name in gathered.labels[kind]}
    names = sorted(known, key=lambda n: (list(_COLOURS).index(n) if n in _COLOURS else 99, n))
    bottoms = [0] * len(names)
    for kind, hatch in (("faq", ""), ("dialogue", "//")):
        values = [gathered.labels[kind][name] for name in names]
        if any(values):
            colours = [_COLOURS.get(n, GREY) for n in names]
            label = f"{_NAMES[kind]} (n={sum(values):,})"
            axes.bar([labels(n) for n in names], values, bottom=bottoms, hatch=hatch, edgecolor="white", color=colours, label=label)
            bottoms = [a + b for a, b in zip(bottoms, values, strict=True)]
    for i, total in enumerate(bottoms):
        axes.text(i, total, f"{total:,}", ha="center", va="bottom")
    axes.set(title="Quality (label of the dataset class)", ylabel="conversations")
    if names:
        axes.legend(frameon=False)


def _interventions(axes: Any, gathered: Profile, labels: Labels) -> None:
    places = gathered.interventions
    total = gathered.never + sum(places.values())
    if places:
        span = list(range(max(places) + 1))
        axes.bar(span, [places[i] for i in span], color=RED)
    title = f"Where a person should take over (never: {gathered.never:,} of {total:,} dialogues)"
    axes.set(title=title, xlabel="index of the turn", ylabel="dialogues")


def _bars(axes: Any, counts: Iterable[tuple[str, int]], title: str, labels: Labels, unit: str = "conversations") -> None:
    rows = list(counts)[::-1]
    names = [labels(name) for name, _ in rows]
    axes.barh(range(len(rows)), [n for _, n in rows], color=BLUE)
    axes.set_yticks(range(len(rows)), names)
    for i, (_, n) in enumerate(rows):
        axes.text(n, i, f" {n:,}", va="center")
    axes.set(title=title, xlabel=unit)


def _categories(axes: Any, gathered: Profile, labels: Labels) -> None:
    count = len(gathered.categories.counts)
    more = f", {_TOP} biggest of {count:,}" if count > _TOP else ""
    _bars(axes, gathered.categories.most(_TOP), f"Categories{more}", labels)


def _languages(axes: Any, gathered: Profile, labels: Labels) -> None:
    _bars(axes, gathered.languages.most(_TOP), "Languages", labels)


def _months(axes: Any, gathered: Profile, labels: Labels) -> None:
    rows = sorted(gathered.months.counts.items())[-36:]
    axes.bar([name for name, _ in rows], [n for _, n in rows], color=BLUE)
    axes.tick_params(axis="x", rotation=60 if len(rows) > 8 else 0)
    axes.set(title="Conversations by month" + (" (last 36)" if len(gathered.months.counts) > 36 else ""), ylabel="conversations")


def _hours(axes: Any, gathered: Profile, labels: Labels) -> None:
    table = [[gathered.hours[day, hour] for hour in range(24)] for day in range(7)]
    image = axes.imshow(table, cmap="cividis", aspect="auto")
    axes.set_yticks(range(7), _DAYS)
    axes.set_xticks(range(0, 24, 2))
    axes.set(title="When customers write (as the export has its times)", xlabel="hour of the day")
    axes.figure.colorbar(image, ax=axes, label="conversations")


def waterfall(axes: Any, ledger: dict[str, Any], labels: Labels) -> None:
    """From the rows read to the conversations kept: what each step takes away or adds. Steps that change nothing are left out."""
    levels: list[tuple[str, int, int]] = []
    read = sum(step["in"] for step in ledger["steps"] if step["unit"] == "rows" and step["step"].startswith("read "))
    level = read
    levels.append(("rows read", 0, read))
    for step in ledger["steps"]:
        if step["unit"] not in ("rows", "conversations"):
            continue
        after = level + step["kept"] - step["in"]
        if after != level:
            levels.append((step["step"], level, after))
            level = after
    levels.append(("conversations kept", 0, level))
    for i, (_name, before, after) in enumerate(levels):
        whole = i in (0, len(levels) - 1)
        colour = BLUE if whole else GREEN if after > before else RED
        axes.barh(i, after - before, left=before, color=colour, hatch="" if whole else "//", edgecolor="white")
        axes.text(max(before, after), i, f" {after:,}" if whole else f" {after - before:+,}", va="center")
    axes.set_yticks(range(len(levels)), [labels(name) for name, _, _ in levels])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(title="What became of the rows", xlabel="rows, then conversations")


_ALWAYS: dict[str, Draw] = {"lengths": _lengths, "turns": _turns, "quality": _quality, "interventions": _interventions, "categories": _categories}
