"""Mail as rows of messages: .mbox (also Google Takeout, Thunderbird), .eml, Maildir. A row a mail, its conversation found from the headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from kefu.data.readers.mail.box import Raw, is_maildir_file, looks, messages
from kefu.data.readers.mail.grouping import Grouping
from kefu.data.readers.mail.message import AUTOMATIC, Mail, head, parse
from kefu.data.readers.rows import Broken, Row

__all__ = ["AUTOMATIC", "COLUMNS", "census", "is_maildir_file", "looks", "read"]

COLUMNS = ["conversation", "time", "sender", "text", "subject", "attachments"]
_CENSUS = 5000
_AGAIN = "the same mail again (its Message-ID was read before)"


def read(files: Sequence[Path], name: str, limit_mb: float, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Rows with COLUMNS. The files are read twice: headers first, so that a reply finds its conversation wherever it stands.

    sender: the address, or `automatic reply`; text: text/plain, else HTML as text, under the subject where a conversation begins;
    a mail beyond limit_mb is read up to there. Files are called by their place, since people name .eml files after customers.
    """
    facts |= {"format": "mail", "files": len(files), "columns": COLUMNS}
    grouping = Grouping()
    for _, raw in _numbered(files, limit_mb):
        grouping.add(head(raw.data))
    grouping.settle()
    counts: Counter[str] = Counter()
    for number, raw in _numbered(files, limit_mb):
        where = f"{name}#{number + 1}"
        if grouping.again(number):
            yield Broken(where, _AGAIN)
            continue
        mail = parse(raw.data)
        if isinstance(mail, str):
            yield Broken(where, mail, raw.data[:200].decode("latin-1"))
            continue
        counts.update({"mails": 1, "attachments": mail.attachments, "cut_mails": raw.cut, "automatic_replies": mail.headers.automatic})
        counts.update({"html_only": mail.html, "damaged_texts": mail.damaged})
        yield Row(where, _values(mail, grouping.name(number), begins=grouping.begins(number)))
        facts |= {key: n for key, n in counts.items() if n}


def _values(mail: Mail, conversation: str, *, begins: bool) -> dict[str, Any]:
    text, subject = mail.text.strip(), mail.headers.subject
    if begins and subject and not mail.headers.automatic and subject.casefold() not in text.casefold():
        text = f"{subject}\n{text}" if text else subject
    return {
        "conversation": conversation,
        "time": mail.headers.at,
        "sender": AUTOMATIC if mail.headers.automatic else (mail.headers.senders or [""])[0],
        "text": text or ("[file]" if mail.attachments else ""),  # cleaning counts it as a picture or file
        "subject": subject,
        "attachments": mail.attachments,
    }


def census(files: Sequence[Path], limit_mb: float) -> tuple[Counter[str], Counter[str]]:
    """(mails written to each address, mails written by each) of the first mails: who is the company. For a proposal, never to be kept."""
    received, wrote = Counter[str](), Counter[str]()
    for _, raw in islice(_numbered(files, limit_mb), _CENSUS):
        headers = head(raw.data)
        if not headers.automatic:
            wrote.update(headers.senders[:1])
            received.update(headers.recipients)
    return received, wrote


def _numbered(files: Sequence[Path], limit_mb: float) -> Iterator[tuple[int, Raw]]:
    number = 0
    for path in files:
        for raw in messages(path, limit_mb):
            yield number, raw
            number += 1
