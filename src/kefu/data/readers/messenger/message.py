"""What every messenger's message has in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Message:
    """thread: what the tool calls the conversation; empty where a channel just goes on. files: pictures, sounds and the like, not read."""

    channel: str
    at: str
    sender: str
    text: str
    thread: str = ""
    bot: bool = False
    system: bool = False
    files: int = 0
    mentions: int = 0
