"""Where each messenger's JSON has its channels, writers, times and words. `marks`: keys that only its export has together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kefu.data.readers.mail.html import words_of
from kefu.data.readers.messenger import slack
from kefu.data.readers.messenger.message import Message
from kefu.data.readers.rows import Broken

Messages = Iterator[Message | Broken]


@dataclass(frozen=True)
class Tool:
    name: str
    marks: tuple[frozenset[str], ...]
    messages: Callable[[Any], Messages]


def _objects(value: Any, kind: str) -> Iterator[dict[str, Any] | Broken]:
    for one in value if isinstance(value, list) else []:
        yield one if isinstance(one, dict) else Broken("", f"no message of {kind}", str(one)[:500])


def _in(node: Any, *path: str) -> Any:
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _object(item: Any) -> dict[str, Any]:
    return item if isinstance(item, dict) else {}


def _list(item: Any) -> list[Any]:
    return item if isinstance(item, list) else []


def _text(item: Any) -> str:
    return "" if item is None else str(item)


def _telegram(value: Any) -> Messages:
    """Telegram Desktop: one chat, or all of them below `chats.list`."""
    for chat in _objects(_in(value, "chats", "list") or [value], "Telegram"):
        if isinstance(chat, Broken):
            yield chat
            continue
        for one in _objects(chat.get("messages"), "Telegram"):
            if isinstance(one, Broken):
                yield one
                continue
            parts = _list(one.get("text")) or [one.get("text")]
            kinds = [part.get("type") if isinstance(part, dict) else "" for part in parts]
            said = [_text(part.get("text") if isinstance(part, dict) else part) for part in parts]
            kept = [text for text, kind in zip(said, kinds, strict=True) if kind not in ("mention", "mention_name")]
            sender = _text(one.get("from") or one.get("from_id"))
            bot = chat.get("type") == "bot_chat" and sender == chat.get("name")
            yield Message(
                f"telegram {chat.get('id', chat.get('name'))}",
                _text(one.get("date_unixtime") or one.get("date")),
                sender,
                "".join(kept),
                "",
                bot,
                one.get("type") != "message",
                int(any(key in one for key in ("photo", "file", "media_type", "location_information", "contact_information"))),
                len(said) - len(kept),
            )


def _discord(value: Any) -> Messages:
    """DiscordChatExporter: a document a channel; a thread is a channel of its own."""
    channel = _in(value, "channel") or {}
    thread = "thread" if "thread" in _text(_in(channel, "type")).casefold() else ""
    for one in _objects(_in(value, "messages"), "Discord"):
        if isinstance(one, Broken):
            yield one
            continue
        author = _object(one.get("author"))
        name = _text(author.get("nickname") or author.get("name") or author.get("id"))
        said = one.get("type") in ("Default", "Reply", "ChatInputCommand", "ContextMenuCommand", 0, 19, None)
        files = len(_list(one.get("attachments"))) + len(_list(one.get("stickers")))
        yield Message(
            f"discord {_in(channel, 'id')}",
            _text(one.get("timestamp")),
            name,
            _text(one.get("content")),
            thread,
            bool(author.get("isBot")),
            not said,
            files,
        )


def _teams(value: Any) -> Messages:
    """Messages as Microsoft Graph gives them, in one or several answers (`value`)."""
    pages = value if isinstance(value, list) and value and all(isinstance(_in(one, "value"), list) for one in value) else [value]
    for page in pages:
        for one in _objects(page if isinstance(page, list) else _in(page, "value") or _in(page, "messages"), "Teams"):
            if isinstance(one, Broken):
                yield one
                continue
            user, application = _in(one, "from", "user"), _in(one, "from", "application")
            name = _text(_in(user or application, "displayName") or _in(user or application, "id"))
            content = _text(_in(one, "body", "content"))
            text = words_of(content) if _in(one, "body", "contentType") == "html" else content
            place = _in(one, "channelIdentity", "channelId")
            thread = _text(one.get("replyToId") or one.get("id")) if place else ""
            yield Message(
                f"teams {place or one.get('chatId')}", _text(one.get("createdDateTime")), name, "" if one.get("deletedDateTime") else text, thread,
                user is None and application is not None, one.get("messageType") not in ("message", None), len(_list(one.get("attachments"))),
            )  # fmt: skip


def _skype(value: Any) -> Messages:
    """The export of one's own data from Teams or Skype: conversations with a MessageList, the newest first."""
    for talk in _objects(_in(value, "conversations"), "Teams"):
        if isinstance(talk, Broken):
            yield talk
            continue
        for one in _objects(talk.get("MessageList"), "Teams"):
            if isinstance(one, Broken):
                yield one
                continue
            kind = _text(one.get("messagetype"))
            name = _text(one.get("displayName") or _text(one.get("from")).removeprefix("8:"))
            files = int("UriObject" in kind or "Media" in kind)
            text = "" if files else words_of(_text(one.get("content"))) if kind.startswith("RichText") else _text(one.get("content"))
            system = not kind.startswith(("Text", "RichText"))
            yield Message(f"teams {talk.get('id')}", _text(one.get("originalarrivaltime")), name, text, "", False, system, files)


def _lark(value: Any) -> Messages:
    """飞书: messages as its interface lists them, one answer, several, or the items alone."""
    for one in _objects(_items(value), "飞书"):
        if isinstance(one, Broken):
            yield one
            continue
        kind = _text(one.get("msg_type") or one.get("message_type"))
        raw = _in(one, "body", "content") or one.get("content")
        called = [_text(_in(who, "key")) for who in _list(one.get("mentions"))]
        text = _lark_text(raw, kind)
        for key in called:
            text = text.replace(f"{key} ", "").replace(key, "") if key else text
        sender = _object(one.get("sender"))
        name = _text(sender.get("name") or sender.get("sender_name") or sender.get("id") or _in(sender, "sender_id", "open_id"))
        yield Message(
            f"lark {one.get('chat_id')}", _text(one.get("create_time")), name, "" if one.get("deleted") else text,
            _text(one.get("thread_id") or one.get("root_id") or ""), sender.get("sender_type") in ("app", "bot"), kind == "system",
            int(not text and kind not in ("text", "post", "system")), len(called),
        )  # fmt: skip


def _items(value: Any) -> Any:
    if isinstance(value, list):
        return [item for page in value for item in (_in(page, "data", "items") or [page])]
    return _in(value, "data", "items") or _in(value, "items") or _in(value, "messages") or [value]


def _lark_text(raw: Any, kind: str) -> str:
    try:
        content = json.loads(raw) if isinstance(raw, str) else raw
    except (ValueError, RecursionError):
        return _text(raw)
    if not isinstance(content, dict):
        return _text(content)
    if kind == "post":
        content = next((inner for inner in content.values() if isinstance(inner, dict) and "content" in inner), content)
        lines = _list(content.get("content"))
        told = ["".join(_text(_in(part, "text")) for part in line if _in(part, "tag") != "at") for line in lines if isinstance(line, list)]
        return "\n".join(part for part in (_text(content.get("title")), *told) if part)
    return _text(content.get("text") or content.get("template"))


def _dingtalk(value: Any) -> Messages:
    """钉钉: messages as its robots and its archive give them."""
    given = value if isinstance(value, list) else _in(value, "messages") or _in(value, "data") or _in(value, "result") or [value]
    for one in _objects(given, "钉钉"):
        if isinstance(one, Broken):
            yield one
            continue
        kind = _text(one.get("msgtype") or one.get("msgType"))
        body = _object(one.get(kind)) or _object(one.get("content"))
        rich = _list(body.get("richText"))
        text = _text(body.get("content") or body.get("text") or "".join(_text(_in(part, "text")) for part in rich)) or (
            _text(one.get("content")) if isinstance(one.get("content"), str) else ""
        )
        name = _text(one.get("senderNick") or one.get("senderName") or one.get("senderStaffId") or one.get("senderId"))
        at = _text(one.get("createAt") or one.get("createTime") or one.get("sendTime"))
        yield Message(f"ding {one.get('conversationId')}", at, name, text.strip(), "", False, False, int(not text and kind != "text"))


def _slack_day(value: Any) -> Messages:
    for one in _objects(value, "Slack"):
        if isinstance(one, Broken) or "ts" not in one:
            yield one if isinstance(one, Broken) else Broken("", "no message of Slack", str(one)[:500])
        else:
            yield slack.message("slack", one, {})


def _keys(*names: str) -> frozenset[str]:
    return frozenset(names)


TOOLS = (
    Tool("discord", (_keys("guild", "channel", "messages", "author"),), _discord),
    Tool(
        "telegram",
        (_keys("messages", "date_unixtime", "from_id"), _keys("messages", "from_id", "text", "date"), _keys("chats", "list", "from_id")),
        _telegram,
    ),
    Tool("teams", (_keys("createdDateTime", "messageType", "contentType", "from"),), _teams),
    Tool("teams data", (_keys("conversations", "MessageList"),), _skype),
    Tool("lark", (_keys("message_id", "chat_id", "msg_type", "create_time"), _keys("message_id", "chat_id", "message_type", "create_time")), _lark),
    Tool("dingtalk", (_keys("conversationId", "senderNick", "createAt"), _keys("conversationId", "senderNick", "msgtype")), _dingtalk),
    Tool(
        "slack",
        (_keys("ts", "user", "type", "text", "blocks"), _keys("ts", "thread_ts", "user", "type", "text"), _keys("client_msg_id", "ts", "user")),
        _slack_day,
    ),
)
