"""Heads on an encoder or decoder: text to label, number, tags, span. Training and `kefu predict` run the same code.

Each head reads named fields of a row (`read`, raising BadRow), and answers many at once (`predict`).
"""

from __future__ import annotations

from kefu.train.heads.task import TASK_FILE, BadRow, Task

__all__ = ["TASK_FILE", "BadRow", "Task"]
