"""The few words that serving itself says to a customer, in Chinese and English."""

from __future__ import annotations

_WORDS = {
    "asked": {
        "zh": "好的，已为您转接人工客服，请稍候。您可以继续留言，同事接入后会看到。",
        "en": "You have been put in the queue for a person. Feel free to write on; they will see it.",
    },
    "waiting": {
        "zh": "人工客服正在赶来，您的留言已经记下，接入后会一并回复。",
        "en": "A person is on the way. Your message has been kept for them.",
    },
    "human": {
        "zh": "人工客服已接入，接下来由同事为您解答。",
        "en": "A person has joined and will answer you from here.",
    },
    "back": {
        "zh": "已回到智能助手，请继续提问。",
        "en": "You are back with the assistant. Please go on.",
    },
}


def say(what: str, language: str) -> str:
    """The words for `asked`, `waiting`, `human` or `back`; Chinese for zh, English for every other language."""
    return _WORDS[what]["zh" if language == "zh" else "en"]
