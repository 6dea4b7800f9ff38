"""A support desk's mail, written by the standard library as clients write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from pathlib import Path

DESK = "service@yunmax.cn"
TALKS = [
    ("anna.mueller@gmx.de", "Anna Müller", "Wrong invoice", [
        (True, "Hello, my invoice 2024-17 shows the old address. Can you correct it?"),
        (False, "Dear Anna, we have corrected the invoice; you find the new one under Billing."),
        (True, "Perfect, I can see the new one now."),
        (False, "You are welcome."),
    ]),
    ("wang_xiaoming@163.com", "王小明", "订单一直没有发货", [
        (True, "你好，我上周下的订单到现在都没有发货，麻烦看一下。"),
        (False, "您好，仓库今天下午发出，单号稍后发到您的手机。"),
        (True, "好的，那发票可以一起开吗？"),
        (False, "可以的，发票会随包裹一起寄出。"),
    ]),
    ("bob@acme.example", "Bob Stone", "App crashes on start", [
        (True, "The app closes right after the logo since the update."),
        (False, "Please install version 4.2 and restart the phone; that release repairs the crash."),
    ]),
]  # fmt: skip


def mails(talks=TALKS, desk: str = DESK, *, refs: bool = True, charset: str = "utf-8", html: bool = False) -> list[EmailMessage]:
    """All mails in order of time, conversations mixed as they come in."""
    found = []
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    for i, (address, name, subject, said) in enumerate(talks):
        before: list[str] = []
        quoted = ""
        for n, (customer, text) in enumerate(said):
            one = EmailMessage()
            one["From"] = formataddr((name, address) if customer else ("云脉客服", desk))
            one["To"] = desk if customer else formataddr((name, address))
            one["Subject"] = ("Re: " if n % 2 else "回复：Re: ") + subject if n else subject
            when = start + timedelta(hours=5 * n, minutes=7 * i)
            one["Date"] = format_datetime(when)
            one["Message-ID"] = f"<{name.split()[0].encode().hex()}.{n}@{address.split('@')[1]}>"
            if before and refs:
                one["In-Reply-To"] = before[-1]
                one["References"] = " ".join(before[-2:])
            body = f"{text}\n\n" + (f"On Mon, 2 Mar 2026 at 09:00, {name} wrote:\n{quoted}" if quoted else "")
            if html:
                one.set_content(
                    f"<html><head><style>p {{}}</style></head><body><p>{text}</p><blockquote>{quoted}</blockquote></body></html>", subtype="html"
                )
            else:
                one.set_content(body, charset=charset)
            quoted = f"> {text}\n"
            before.append(one["Message-ID"])
            found.append((when, one))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def mbox(path: Path, given: list[EmailMessage]) -> Path:
    import mailbox

    box = mailbox.mbox(path)
    for one in given:
        box.add(one)
    box.close()
    return path
