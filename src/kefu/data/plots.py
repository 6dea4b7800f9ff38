"""Pictures of a dataset: lengths, quality, where a person takes over, categories. PNG and SVG, right for Chinese.

An SVG keeps its text as text, so any viewer with a Chinese font shows it. A PNG is drawn with a Chinese font of this machine;
where there is none, the Chinese labels become C1, C2 … and the picture says so, rather than show boxes.
"""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kefu.data.fonts import chinese_font
from kefu.data.tally import Tally
from kefu.errors import MissingExtra

_INK, _SOFT = "#1f4e79", "#c55a11"
_COLOURS = {"good": "#2e7d32", "fair": "#f9a825", "bad": "#c62828"}
_TOP = 20


def visualise(dataset: Any, out: Path) -> dict[str, Any]:
    """Draw the plots of a dataset (anything that iterates over Conversation, the path of a
    conversations.jsonl, or a tally of conversations).

    Returns `{"plots": [file names], "chinese_font": name or "none"}`. Raises MissingExtra without matplotlib.
    """
    tally = _tally(dataset)
    try:
        import matplotlib
    except ImportError:
        raise MissingExtra("plots (matplotlib)", "data") from None
    matplotlib.use("Agg", force=False)
    out.mkdir(parents=True, exist_ok=True)
    font = chinese_font()
    names = []
    for name, draw in _PLOTS.items():
        # With a Chinese font one drawing serves both formats; without, the PNG gets labels of its own.
        for suffixes in (("png", "svg"),) if font else (("png",), ("svg",)):
            _save(out / name, suffixes, draw, tally, font)
        names += [f"{name}.png", f"{name}.svg"]
    return {"plots": names, "chinese_font": font.name if font else "none"}


def _tally(dataset: Any) -> Tally:
    if isinstance(dataset, str | Path):
        from kefu.data.dataset import SupportDataset

        dataset = SupportDataset.from_file(dataset)
    return dataset if isinstance(dataset, Tally) else Tally.of(getattr(dataset, "conversations", dataset))


def _save(path: Path, suffixes: tuple[str, ...], draw: Draw, tally: Tally, font: Path | None) -> None:
    from matplotlib import font_manager, rc_context
    from matplotlib.figure import Figure

    settings: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": path.name, "font.size": 10, "axes.unicode_minus": False}
    settings |= {"axes.spines.top": False, "axes.spines.right": False}
    if font:
        font_manager.fontManager.addfont(str(font))
        settings["font.family"] = [font_manager.FontProperties(fname=str(font)).get_name(), "DejaVu Sans"]
    elif "svg" in suffixes:
        settings["font.family"] = ["sans-serif"]
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it reports every weight that a Chinese font lacks
    labels = Labels(plain="png" in suffixes and font is None)
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        warnings.filterwarnings("ignore", message=".*[Ff]ont family.*")
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        draw(figure.subplots(), tally, labels)
        if labels.replaced:
            figure.supxlabel(f"No Chinese font on this machine: {labels.legend()} … see the .svg or stats.json", fontsize=7, color="#666666")
        for suffix in suffixes:
            metadata = {"Date": None, "Creator": "kefu"} if suffix == "svg" else {"Software": "kefu"}
            figure.savefig(path.with_suffix(f".{suffix}"), dpi=110, metadata=metadata)


Draw = Callable[[Any, Tally, "Labels"], None]


class Labels:
    """Texts on a plot; with `plain`, those that the font cannot show become C1, C2 …"""

    def __init__(self, plain: bool) -> None:
        self._plain = plain
        self.replaced: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        if self._plain and any(ord(char) > 0x2E80 for char in text):
            return self.replaced.setdefault(text, f"C{len(self.replaced) + 1}")
        return text if len(text) <= 24 else text[:23] + "…"

    def legend(self) -> str:
        names = list(self.replaced.values())
        return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _lengths(axes: Any, tally: Tally, labels: Labels) -> None:
    dialogues, pairs = tally.lengths.get("dialogue", ()), tally.lengths.get("faq", ())
    given = [
        (values, name, colour)
        for values, name, colour in ((pairs, f"FAQ pairs (n={len(pairs)})", _INK), (dialogues, f"dialogues (n={len(dialogues)})", _SOFT))
        if values
    ]
    top = max((max(values) for values, _, _ in given), default=1)
    bins = [top * i / 30 for i in range(31)]
    for values, name, colour in given:
        axes.hist(values, bins=bins, alpha=0.75, label=name, color=colour)
    axes.set(title="Length of conversations", xlabel="words and Chinese characters", ylabel="conversations")
    if given:
        axes.legend(frameon=False)


def _quality(axes: Any, tally: Tally, labels: Labels) -> None:
    names = sorted({label or "none" for _, label in tally.labels}, key=lambda n: (list(_COLOURS).index(n) if n in _COLOURS else 99, n))
    bottoms = [0] * len(names)
    for kind, hatch in (("faq", ""), ("dialogue", "//")):
        counts: Counter[str] = Counter()
        for (its, label), n in tally.labels.items():
            counts[label or "none"] += n if its == kind else 0
        values = [counts[name] for name in names]
        if any(values):
            axes.bar(
                [labels(n) for n in names],
                values,
                bottom=bottoms,
                hatch=hatch,
                edgecolor="white",
                color=[_COLOURS.get(n, _INK) for n in names],
                label=f"{kind} (n={sum(values)})",
            )
            bottoms = [a + b for a, b in zip(bottoms, values, strict=True)]
    for i, total in enumerate(bottoms):
        axes.text(i, total, str(total), ha="center", va="bottom")
    axes.set(title="Quality (label of the dataset class)", ylabel="conversations")
    if names:
        axes.legend(frameon=False)


def _interventions(axes: Any, tally: Tally, labels: Labels) -> None:
    places = {at: n for at, n in tally.interventions.items() if at is not None}
    if places:
        span = list(range(max(places) + 1))
        axes.bar(span, [places.get(i, 0) for i in span], color=_SOFT)
    title = f"Where a person should take over (never: {tally.interventions[None]} of {tally.count('dialogue')} dialogues)"
    axes.set(title=title, xlabel="index of the turn", ylabel="dialogues")


def _categories(axes: Any, tally: Tally, labels: Labels) -> None:
    counts: Counter[str] = Counter()
    for name, n in tally.categories.items():
        counts[name or "(none)"] += n
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_TOP][::-1]
    axes.barh([f"{labels(name)}" for name, _ in top], [n for _, n in top], color=_INK)
    for i, (_, n) in enumerate(top):
        axes.text(n, i, f" {n}", va="center")
    more = f", {_TOP} biggest of {len(counts)}" if len(counts) > _TOP else ""
    axes.set(title=f"Categories{more}", xlabel="conversations")


_PLOTS: dict[str, Draw] = {
    "lengths": _lengths,
    "quality": _quality,
    "interventions": _interventions,
    "categories": _categories,
}


def quantiles(values: Iterable[int]) -> dict[str, float]:
    """n, min, p50, p90, p99, max; empty for no values."""
    ordered = sorted(values)
    if not ordered:
        return {}
    pick = {f"p{p}": ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] for p in (50, 90, 99)}
    return {"n": len(ordered), "min": ordered[0], **pick, "max": ordered[-1]}
