"""Labelled rows that are no conversations: preference pairs, classes, tagged tokens, answer spans, parallel text."""

from __future__ import annotations

from kefu.data.tasks.example import KINDS, Example
from kefu.data.tasks.flow import Finished, finish
from kefu.data.tasks.former import SHAPES, ExampleFormer

__all__ = ["KINDS", "SHAPES", "Example", "ExampleFormer", "Finished", "finish"]
