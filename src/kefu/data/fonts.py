"""A font that has Chinese characters, or the knowledge that this machine has none."""

from __future__ import annotations

import os
import warnings
from functools import lru_cache
from importlib import metadata
from pathlib import Path

_LIKED = (
    "notosanscjk",
    "notosanssc",
    "sourcehansans",
    "pingfang",
    "msyh",
    "yahei",
    "wqy",
    "wenquanyi",
    "simhei",
    "simsun",
    "droidsansfallback",
    "arialuni",
    "unifont",
    "notoserifcjk",
)
_PROBE = "客服账户退款订"


@lru_cache(maxsize=1)
def chinese_font() -> Path | None:
    """The font file named by KEFU_FONT, else the best one found on this machine or in an installed font package."""
    given = os.environ.get("KEFU_FONT")
    if given and Path(given).is_file() and _has_chinese(Path(given)):
        return Path(given)
    from matplotlib import font_manager

    files = {Path(name) for name in font_manager.findSystemFonts()} | set(_packaged())
    names = sorted(files, key=lambda file: (_liking(file), "bold" in file.name.lower(), str(file)))
    return next((file for file in names if _liking(file) < len(_LIKED) and _has_chinese(file)), None) or next(
        (f for f in names if _has_chinese(f)), None
    )


def _liking(file: Path) -> int:
    name = file.name.lower().replace("-", "").replace("_", "").replace(" ", "")
    return next((i for i, liked in enumerate(_LIKED) if liked in name), len(_LIKED))


def _packaged() -> list[Path]:
    """Fonts that Python packages bring along."""
    found = []
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower()
        if "cjk" in name or "font" in name or name == "zhplot":  # zhplot: Noto Sans SC (OFL 1.1), 6 MB; only its file is used
            found += [
                Path(str(distribution.locate_file(file))) for file in distribution.files or [] if file.suffix.lower() in (".ttf", ".otf", ".ttc")
            ]
    return [file for file in found if file.is_file()]


def _has_chinese(file: Path) -> bool:
    from matplotlib.ft2font import FT2Font

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            known = FT2Font(str(file)).get_charmap()
    except (OSError, RuntimeError):
        return False
    return all(ord(char) in known for char in _PROBE)
