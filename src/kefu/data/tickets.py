"""Tables of tickets, one a row: what the customer wrote stands under a subject, and is the question; only a reply is an answer."""

from __future__ import annotations

import re
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


_NOTED = {
    *_REPLIES, "note", "notes", "work note", "work notes", "update", "follow up", "followup", "conversation", "message", "correspondence",
    "跟进", "处理记录", "处理过程", "沟通记录", "回访记录", "备注", "评论", "留言", "批注", "补充说明",
}  # fmt: skip
_COUNTED = re.compile(r"(?P<stem>.*\D|)(?:[ _#.-]*\d{1,3})")
_OPENED_BY = (
    "reporter",
    "requester",
    "creator",
    "customer",
    "customer name",
    "contact",
    "提交人",
    "发起人",
    "客户姓名",
    "客户名称",
    "客户",
    "报告人",
)


def repeated(columns: Sequence[str]) -> dict[str, str] | None:
    """{turns, opening, asker, id} of a table of tickets whose comments have a column each (`Comment`, `Comment#2`, … as Jira writes them;
    `跟进记录1`, `跟进记录2`). None: it is no such table."""
    stems: dict[str, list[str]] = {}
    for column in columns:
        match = _COUNTED.fullmatch(column)
        stem = match["stem"].rstrip(" _#.-") if match else column
        if name_key(stem) in _NOTED:
            stems.setdefault(stem, []).append(column)
    stem = max(stems, key=lambda one: len(stems[one]), default="")
    if len(stems.get(stem, [])) < 2 or any(column.startswith(stem) for column in columns if column not in stems[stem]):
        return None
    keys = {name_key(column): column for column in reversed(columns)}
    opening = next((keys[one] for one in (*_WRITTEN, *sorted(_SUBJECT)) if one in keys and keys[one] not in stems[stem]), "")
    if not opening:
        return None
    asker = next((keys[one] for one in _OPENED_BY if one in keys), "")
    number = next(
        (keys[one] for one in ("issue key", "ticket id", "ticket number", "case number", "casenumber", "id", "工单号", "工单编号") if one in keys), ""
    )
    found = {"turns": f"{stem}*", "opening": opening, "asker": asker, "id": number}
    return {field: column for field, column in found.items() if column}
