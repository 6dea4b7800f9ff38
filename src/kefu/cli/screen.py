"""A console on which texts of others are texts: whatever is shown, a customer's words or a provider's error, it commands no terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from kefu.pages.written import terminal


class Screen(Console):
    """rich's console; control characters in what it shows are left out, its own colours and movements stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(terminal(segment.text), segment.style)
