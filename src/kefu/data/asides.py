"""What colleagues write to each other in a ticket: told by the columns of a message, whoever is said to have sent it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from kefu.data import mapping

#: True of what the customer sees too.
OPEN_TO_ALL = {"public", "is public", "jsd public", "visible", "is visible", "公开", "是否公开", "客户可见", "是否客户可见"}
#: True of what only the desk sees.
AMONG_STAFF = {
    "private", "is private", "internal", "is internal", "is note", "isnote", "is internal note", "hidden",
    "内部", "是否内部", "内部备注", "是否内部备注", "是否备注", "仅内部可见",
}  # fmt: skip
#: What sort of message it is.
KINDS = {
    "part type", "type", "kind", "message type", "msg type", "msgtype", "event type", "event", "subtype", "sub type", "action", "comment type",
    "note type", "reply type", "visibility", "类型", "消息类型", "回复类型", "记录类型", "评论类型", "备注类型", "操作类型", "可见性", "可见范围",
}  # fmt: skip
_YES, _NO = {"true", "1", "yes", "y", "是", "t"}, {"false", "0", "no", "n", "否", "f"}
_SEEN = {"visibility", "可见性", "可见范围", "comment type", "note type", "评论类型", "备注类型"}  # where `internal` can mean nothing else


@lru_cache(maxsize=4096)
def _column(key: str) -> str:
    name = mapping.name_key(key.rsplit(".", 1)[-1])
    if name in OPEN_TO_ALL:
        return "open"
    return "staff" if name in AMONG_STAFF else "seen" if name in _SEEN else "kind" if name in KINDS else ""


def is_aside(message: Mapping[str, Any], settled: Collection[str] = ()) -> bool:
    """Does a column say that the message is a note among colleagues? settled: columns about which kefu.yaml says what to keep."""
    for key, item in message.items():
        if not (sort := _column(key)) or key in settled or item is None or isinstance(item, list | dict):
            continue
        told = mapping.plain(item).strip()
        if sort == "open":
            found = told.casefold() in _NO
        elif sort == "staff":
            found = told.casefold() in _YES
        else:
            found = bool(told) and len(told) <= 40 and mapping.is_note(told, bare=sort == "seen")
        if found:
            return True
    return False
