"""One mail: its headers as plain values, and the words its writer wrote. Whatever the sender's software did wrong, nothing here raises."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from kefu.data.readers.encoding import LEGACY
from kefu.data.readers.mail.html import words_of
from kefu.data.readers.plausible import score

AUTOMATIC = "automatic reply"
_MOST_PARTS = 200  # of one mail; what nests deeper or wider is made to exhaust somebody
_HEAD = 256 << 10
_ID = re.compile(r"<([^<>\s]{1,500})>")
_REPLY = re.compile(
    r"^\s*(?:(?:re|fw|fwd|aw|wg|sv|vs|antw|rif|tr|ref|回复|答复|回覆|答覆|转发|轉寄|轉發)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]\s*|\[[^\[\]]{1,20}\]\s*(?=re\s*:))+",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"^\s*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response|responder)|out[- ]of[- ](?:the[- ])?office|abwesenheits|automatische antwort|"
    r"réponse automatique|respuesta automática|自动回复|自動回覆|自动答复|自動回復|外出自动|休假自动)",
    re.IGNORECASE,
)
_CHARSETS = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030", "gb_2312-80": "gb18030", "chinese": "gb18030",
             "big5": "big5hkscs", "x-x-big5": "big5hkscs", "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "us-ascii": "ascii",
             "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "shift_jis": "cp932", "utf8": "utf-8", "unicode-1-1-utf-7": "utf-7"}  # fmt: skip


@dataclass(slots=True)
class Headers:
    """refs: ids of this conversation that the mail names, its parents first; `thread`: what some servers call the conversation."""

    id: str = ""
    refs: list[str] = field(default_factory=list)
    thread: str = ""
    subject: str = ""
    replies: bool = False
    senders: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    at: str = ""
    seconds: float = 0.0
    automatic: bool = False

    @property
    def topic(self) -> str:
        return re.sub(r"\s+", " ", _REPLY.sub("", self.subject)).strip().casefold()


@dataclass(slots=True)
class Mail:
    headers: Headers
    text: str = ""
    attachments: int = 0
    html: bool = False
    damaged: bool = False


def head(data: bytes) -> Headers:
    """The headers alone, for the first reading."""
    end = re.search(rb"\r?\n\r?\n", data[:_HEAD])
    try:
        return _headers(message_from_bytes(data[: end.end() if end else _HEAD]))
    except (ValueError, IndexError, TypeError, KeyError, RecursionError, MessageError):
        return Headers()


def parse(data: bytes) -> Mail | str:
    """The mail, or why it cannot be read."""
    if not data.strip():
        return "an empty mail"
    try:
        message = message_from_bytes(data)
        headers = _headers(message)
        if not (headers.senders or headers.id or headers.subject or headers.at):
            return "no headers of a mail"
        mail = Mail(headers)
        _read_parts(message, mail)
    except (ValueError, IndexError, TypeError, KeyError, AttributeError, RecursionError, MessageError) as error:
        return "a mail nested too deep" if isinstance(error, RecursionError) else f"a damaged mail ({type(error).__name__})"
    return mail if mail.text or mail.attachments or mail.headers.subject else "a mail without words"


def _headers(message: Message) -> Headers:
    raw = {name.casefold(): value for name, value in reversed(list(message.raw_items()))}

    def text(name: str) -> str:
        return decoded(raw.get(name, ""))

    found = Headers(subject=re.sub(r"\s+", " ", text("subject")).strip(), senders=_addresses([text("from") or text("sender")]))
    found.replies = bool(_REPLY.match(found.subject))
    found.recipients = _addresses(
        [decoded(value) for name, value in message.raw_items() if name.casefold() in ("to", "cc", "delivered-to", "x-original-to")]
    )
    own = _ID.search(str(raw.get("message-id", "")))
    found.id = own[1] if own else str(raw.get("message-id", "")).strip()[:500]
    given = [*_ID.findall(str(raw.get("references", ""))), *_ID.findall(str(raw.get("in-reply-to", "")))]
    found.refs = list(dict.fromkeys(one for one in given if one != found.id))[-50:]
    if thread := text("x-gm-thrid").strip():
        found.thread = f"gm:{thread}"
    elif index := _outlook(text("thread-index")):
        found.thread = f"ol:{index}"
    try:
        when = parsedate_to_datetime(text("date"))
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        found.at, found.seconds = when.strftime("%Y-%m-%dT%H:%M:%SZ"), when.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        pass
    found.automatic = _automatic(raw, found, message)
    return found


def _automatic(raw: dict[str, str], found: Headers, message: Message) -> bool:
    """An answer that no person wrote. `auto-generated` is none: help desks send their agents' words so."""
    submitted = str(raw.get("auto-submitted", "")).strip().casefold()
    told = submitted.startswith("auto-replied") or str(raw.get("precedence", "")).strip().casefold() == "auto_reply"
    told |= any(name in raw for name in ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-auto-reply", "x-autoresponder"))
    bounced = message.get_content_type() == "multipart/report" or (found.senders or [""])[0].split("@")[0] in ("mailer-daemon", "postmaster")
    return told or bounced or bool(_AWAY.match(found.subject))


def _outlook(index: str) -> str:
    """The first 22 bytes of Outlook's Thread-Index are the same in a conversation."""
    try:
        return base64.b64decode(index, validate=False)[:22].hex() if len(index) >= 28 else ""
    except ValueError:
        return ""


def _addresses(values: list[str]) -> list[str]:
    found = [address.strip().casefold() for _, address in getaddresses([one for one in values if one]) if "@" in address]
    return list(dict.fromkeys(found))


def decoded(value: object) -> str:
    """A header as text: encoded words in any character set, and bytes that should have been encoded."""
    text = str(value)
    try:
        pieces = decode_header(text)
    except (ValueError, IndexError, MessageError):
        pieces = [(text, None)]
    said = ""
    for piece, charset in pieces:
        data = piece.encode("ascii", "surrogateescape") if isinstance(piece, str) and not charset else piece
        said += decode(data, charset or "")[0] if isinstance(data, bytes) else data
    return said.replace("\r", "").replace("\n", " ").replace("\x00", "")


def decode(data: bytes, charset: str) -> tuple[str, bool]:
    """(text, whether something could not be read). A charset that does not fit the bytes is found out from them."""
    name = charset.strip().strip("\"'").casefold()
    for one in (_CHARSETS.get(name, name), "utf-8"):
        try:
            return data.decode(one), False
        except (LookupError, ValueError):
            continue
    scores = {one: score(data, one) for one in LEGACY}
    best = max(scores, key=lambda one: scores[one])
    if scores[best] >= 0.35:
        return data.decode(best, "replace"), False
    return data.decode("utf-8" if name not in ("gb2312", "gbk", "gb18030") else "gb18030", "replace"), True


def _read_parts(message: Message, mail: Mail) -> None:
    plain: list[str] = []
    marked: list[str] = []
    for part in _leaves(message):
        kind, where = part.get_content_type(), part.get_content_disposition()
        if where == "attachment" or not kind.startswith("text/") or kind == "text/calendar" or (where == "inline" and part.get_filename()):
            mail.attachments += 1
            continue
        data = part.get_payload(decode=True)
        text, damaged = decode(data if isinstance(data, bytes) else b"", part.get_content_charset("") or "")
        mail.damaged |= damaged
        (marked if kind == "text/html" else plain).append(text.replace("\r\n", "\n").replace("\x00", ""))
    said = "\n".join(one.strip() for one in plain if one.strip())
    mail.html = not said and bool(marked)
    mail.text = said or "\n".join(words_of(one) for one in marked).strip()


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold something; a mail that hangs on this one is an attachment, as is what stands beyond the limit."""
    waiting = [message]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting = [*inner, *waiting]
        elif not (part.get_content_maintype() == "multipart" and not str(inner).strip()):
            yield part
