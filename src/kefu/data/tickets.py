"""Tables of tickets, one a row: what the customer wrote stands under a subject, and is the question; only a reply is an answer."""

from __future__ import annotations

from collections.abc import Sequence

from kefu.data.mapping import name_key

_SUBJECT = {"subject", "title", "summary", "case subject", "ticket subject", "ticket name", "主题", "标题", "工单标题", "工单主题"}
_WRITTEN = (
    "description", "ticket description", "case description", "description text", "body", "message", "first message", "initial message", "details",
    "问题描述", "描述", "工单描述", "工单内容", "问题内容", "问题详情", "详情", "正文",
)  # fmt: skip
_REPLIES = (
    "agent reply", "agent response", "public reply", "last reply", "latest reply", "reply", "response", "resolution", "resolution notes", "solution",
    "first reply", "public comment", "public comments", "last comment", "latest comment", "comments", "case comments", "comment",
    "客服回复", "回复内容", "回复", "处理结果", "解决方案", "处理意见", "处理备注", "跟进记录",
)  # fmt: skip
#: Columns that only tickets have. Two of them tell.
_MARKS = {
    "status", "priority", "origin", "requester", "requester id", "assignee", "assignee id", "agent", "group", "case number", "casenumber",
    "ticket id", "ticketid", "ticket number", "case id", "contact email", "contactemail", "reporter", "issue key", "resolved time",
    "closed time", "created time",
    "closed date", "ticket owner", "case owner", "hs ticket id",
    "工单号", "工单编号", "工单状态", "优先级", "受理人", "处理人", "提交人", "状态",
}  # fmt: skip


def arrange(columns: Sequence[str]) -> dict[str, str] | None:
    """{question, details, answer} of a table of tickets, as far as they have columns. None: it is no such table."""
    keys = {name_key(column): column for column in reversed(columns)}
    subject = next((keys[one] for one in keys if one in _SUBJECT), "")
    written = next((keys[one] for one in _WRITTEN if one in keys), "")
    if not written or len(_MARKS & keys.keys()) < 2 - bool(subject):
        return None
    reply = next((keys[one] for one in _REPLIES if one in keys), "")
    found = {"question": subject, "details": written} if subject else {"question": written}
    return {**found, "answer": reply} if reply else found
