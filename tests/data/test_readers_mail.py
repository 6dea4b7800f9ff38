"""Mailboxes: conversations from headers, the company from addresses, words from any encoding, and nothing lost or leaked."""

from __future__ import annotations

import gzip
import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from kefu import data
from kefu.conversation import Conversation
from kefu.data import mapping, readers
from kefu.data.check import check_source
from kefu.data.guess import append, propose
from kefu.errors import InputError
from kefu.project import Loaded, load

from .mails import DESK, TALKS, mails, mbox

EXPECTED = [[("customer" if customer else "agent", text) for customer, text in said] for *_, said in TALKS]


def project(folder: Path, path: str, **source: Any) -> Loaded:
    block = {"name": "mail", "shape": "messages", "path": path, "roles": {"@yunmax.cn": "agent", "*": "customer"}, **source}
    (folder / "kefu.yaml").write_text(json.dumps({"name": "t", "data": {"sources": [block], "clean": {"mask_pii": False}}}), "utf-8")
    return load(folder)


def said(talks: list[Any]) -> list[list[tuple[str, str]]]:
    """Turns without the subject above the first."""
    assert all(isinstance(one, Conversation) for one in talks)
    return [[(turn.role, turn.text.split("\n", 1)[-1] if not n else turn.text) for n, turn in enumerate(one.turns)] for one in talks]


def rows(loaded: Loaded) -> tuple[list[readers.Row], list[readers.Broken], dict[str, Any]]:
    reading = readers.open_source(loaded.settings.data.sources[0], loaded, lambda tables: next(iter(tables)))
    found = list(reading.rows())
    return [one for one in found if isinstance(one, readers.Row)], [one for one in found if isinstance(one, readers.Broken)], reading.facts


def eml(folder: Path, given: list[EmailMessage]) -> Path:
    folder.mkdir(parents=True)
    for n, one in enumerate(reversed(given)):
        (folder / f"{n:03} Anna Müller 13800138000.eml").write_bytes(one.as_bytes())
    return folder


@pytest.mark.parametrize("kind", ["mbox", "gz", "bare", "eml", "maildir", "html", "no refs", "gb18030", "big5"])
def test_a_desks_mail_becomes_its_conversations(tmp_path: Path, kind: str) -> None:
    given = mails(refs=kind != "no refs", html=kind == "html", charset=kind if kind in ("gb18030",) else "utf-8")
    if kind == "big5":
        talks = [("lin@hinet.example", "林小姐", "發票問題", [(True, "請問發票什麼時候會寄出？"), (False, "您好，發票會在三天內寄出。")])]
        given = mails(talks, charset="big5")
    path = tmp_path / {"mbox": "box.mbox", "bare": "Inbox", "gz": "box.mbox.gz"}.get(kind, "mail")
    if kind in ("mbox", "bare", "gz", "no refs", "gb18030", "big5", "html"):
        made = mbox(tmp_path / "made", given)
        path = path if kind in ("mbox", "bare", "gz") else tmp_path / "box.mbox"
        path.write_bytes(gzip.compress(made.read_bytes()) if kind == "gz" else made.read_bytes())
        made.unlink()
    elif kind == "eml":
        eml(path, given)
    else:
        for name in ("cur", "new", "tmp"):
            (path / name).mkdir(parents=True)
        for n, one in enumerate(given):
            (path / ("cur" if n % 2 else "new") / f"12046801{n}.M1P2.host{':2,S' if n % 2 else ''}").write_bytes(one.as_bytes())
        (path / "tmp" / "half").write_bytes(b"Subject: x")
    best = propose(path)[0]
    assert best.block["roles"] == {"@yunmax.cn": "agent", "*": "customer"} and best.confidence > (0.6 if kind != "big5" else 0.5), best.yaml()
    assert any("'@yunmax.cn' takes part in 100%" in one for one in best.reasons)
    append(best, tmp_path / "shop")
    loaded = load(tmp_path / "shop")
    check_source(loaded.settings.data.sources[0], loaded)
    wanted = EXPECTED if kind != "big5" else [[("customer", "請問發票什麼時候會寄出？"), ("agent", "您好，發票會在三天內寄出。")]]
    seen = data.preview(loaded, loaded.settings.data.sources[0].name, 9, mask=False)
    assert sorted(said(seen)) == sorted(wanted)
    first = min(seen, key=lambda one: one.turns[0].at).turns[0]
    assert first.text.startswith(TALKS[0][2] if kind != "big5" else "發票問題") and first.at == "2026-03-02T09:00:00"


def test_no_name_or_address_leaves_through_ids_places_or_facts(tmp_path: Path) -> None:
    eml(tmp_path / "in", mails())
    loaded = project(tmp_path, "in")
    good, _, facts = rows(loaded)
    told = json.dumps([facts, [row.where for row in good], [row.values["conversation"] for row in good]], ensure_ascii=False)
    made = "".join(json.dumps(one.as_dict(), ensure_ascii=False) for one in data.preview(loaded, "mail", 9, mask=True))
    for leak in ("Müller", "anna", "wang_xiaoming", "王小明", "13800138000", "@gmx", "Stone"):
        assert leak not in told and leak not in made.replace("Dear Anna", ""), leak


def test_the_build_adds_up_and_agrees_with_the_look(tmp_path: Path) -> None:
    talks = []
    for i in range(24):
        said_ = [(True, f"Where is parcel number {i * 37} of mine?"), (False, f"Parcel {i * 37} is at the depot in street {i}.")]
        talks.append((f"c{i}@mail{i}.example", f"C {i}", f"Topic {i} of mine", said_))
    given = mails(talks)
    away = EmailMessage()
    away["From"], away["To"], away["Subject"], away["Auto-Submitted"] = "c1@mail1.example", DESK, "Automatic reply: Topic 1 of mine", "auto-replied"
    away["In-Reply-To"], away["Message-ID"] = given[1]["Message-ID"], "<away@mail1.example>"
    away.set_content("I am away until Monday.")
    mbox(tmp_path / "box.mbox", [*given, away, given[0]])
    loaded = project(tmp_path, "box.mbox")
    check_source(loaded.settings.data.sources[0], loaded)
    data.build(loaded, tmp_path / "out")
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert ledger["balanced"]
    steps = {one["step"]: one for one in ledger["steps"]}
    assert steps["read mail"]["in"] == len(given) + 2 and steps["read mail"]["dropped"] == {"the same mail again (its Message-ID was read before)": 1}
    assert steps["turns of mail"]["dropped"] == {"automatic reply": 1}
    assert ledger["sources"]["mail"]["files"]["box.mbox"]["automatic_replies"] == 1


CHARSETS = [
    ("gb2312", "订单什么时候发货，能快一点吗"),
    ("iso-2022-jp", "注文はいつ届きますか"),
    ("big5", "請問什麼時候出貨"),
    ("iso-8859-1", "Où est ma commande"),
    ("utf-16", "Wo ist mein Paket?"),
    ("hz", "订单什么时候发货"),
    ("koi8-r", "Где мой заказ"),
    ("no-such-charset", "订单什么时候发货，能快一点吗"),
]


@pytest.mark.parametrize(("charset", "text"), CHARSETS, ids=lambda one: one if one.isascii() else "")
@pytest.mark.parametrize("transfer", ["base64", "quoted-printable", "8bit"])
def test_encodings_and_encoded_words(tmp_path: Path, charset: str, text: str, transfer: str) -> None:
    import base64
    import quopri

    bytes_ = text.encode("gb18030" if charset.startswith("no-") else charset)
    if transfer == "8bit" and charset == "utf-16":
        pytest.skip("UTF-16 cannot stand in a mail as it is")
    body = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring, "8bit": bytes}[transfer](bytes_)
    word = base64.b64encode(bytes_).decode()
    head = (
        f"From: =?{charset}?B?{word}?= <a@x.example>\r\nTo: {DESK}\r\nSubject: =?{charset}?B?{word}?=\r\n =?utf-8?Q?=E2=82=AC?=\r\n"
        f"Date: Mon, 2 Mar 2026 17:00:00 +0800\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\n"
        f"Content-Transfer-Encoding: {transfer}\r\n\r\n"
    )
    (tmp_path / "a.eml").write_bytes(head.encode() + body)
    good, broken, _ = rows(project(tmp_path, "a.eml"))
    assert not broken
    assert good[0].values["subject"] == f"{text}€"
    assert good[0].values["text"] == f"{text}€\n{text}"
    assert good[0].values["time"] == "2026-03-02T09:00:00Z" and good[0].values["sender"] == "a@x.example"


def test_plain_text_is_preferred_and_attachments_are_counted(tmp_path: Path) -> None:
    one = mails()[0]
    one.add_alternative("<p>Hello in <b>HTML</b></p>", subtype="html")
    one.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="invoice.pdf")
    one.add_attachment("a,b\n1,2\n", subtype="csv", filename="table.csv")
    only = EmailMessage()
    only["From"], only["To"], only["Message-ID"] = "b@x.example", DESK, "<only@x>"
    only.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="photo.png")
    mbox(tmp_path / "box.mbox", [one, only])
    good, _, facts = rows(project(tmp_path, "box.mbox"))
    assert "HTML" not in good[0].values["text"] and "1,2" not in good[0].values["text"]
    assert [row.values["attachments"] for row in good] == [2, 1] and good[1].values["text"] == "[file]"
    assert facts["files"]["box.mbox"]["attachments"] == 3


@pytest.mark.parametrize(
    ("header", "value", "automatic"),
    [
        ("Auto-Submitted", "auto-replied", True),
        ("X-Autoreply", "yes", True),
        ("Precedence", "auto_reply", True),
        ("Subject", "自动回复：您的来信", True),
        ("Subject", "Out of Office: back on Monday", True),
        ("From", "MAILER-DAEMON@x.example", True),
        ("Auto-Submitted", "auto-generated", False),
        ("Auto-Submitted", "no", False),
        ("Subject", "Automatic door is broken", False),
        ("Subject", "自动续费怎么关", False),
    ],
)
def test_automatic_replies_are_told_apart(tmp_path: Path, header: str, value: str, automatic: bool) -> None:
    one = EmailMessage()
    for name, given in {"From": "a@x.example", "To": DESK, "Subject": "Hello", "Date": "Mon, 2 Mar 2026 17:00:00 +0800", header: value}.items():
        one[name] = given
    one.set_content("What it says.")
    (tmp_path / "a.eml").write_bytes(one.as_bytes())
    good, _, _ = rows(project(tmp_path, "a.eml"))
    assert (good[0].values["sender"] == "automatic reply") is automatic
    assert mapping.role_of("automatic reply", {"@yunmax.cn": "agent", "*": "customer"}) == "ignore"


def test_a_reply_finds_its_mail_without_references_but_a_later_question_begins_anew(tmp_path: Path) -> None:
    def mail(n: int, subject: str, day: int, sender: str = "a@x.example", to: str = DESK) -> EmailMessage:
        one = EmailMessage()
        one["From"], one["To"], one["Subject"], one["Message-ID"] = sender, to, subject, f"<{n}@h>"
        one["Date"] = f"{day} Mar 2026 10:00:00 +0000"
        one.set_content(f"text {n}")
        return one

    given = [mail(1, "Order", 1), mail(2, "RE: order", 2, DESK, "a@x.example"), mail(3, "Order", 9), mail(4, "回复: Order", 10, DESK, "a@x.example"),
             mail(5, "Re: Order", 3, "other@x.example"), mail(6, "Re: Something else", 2)]  # fmt: skip
    mbox(tmp_path / "box.mbox", given)
    good, _, _ = rows(project(tmp_path, "box.mbox"))
    names = [row.values["conversation"] for row in good]
    assert names[0] == names[1] != names[2] == names[3]
    assert len(set(names)) == 4


def test_a_line_that_begins_with_from_is_a_line(tmp_path: Path) -> None:
    one = mails()[0]
    one.set_content("Hello,\n\nFrom here on nothing works.\n>From the shop at 12:30 I went home.\n")
    (tmp_path / "box.mbox").write_bytes(
        b"From a@x Mon Mar  2 09:00:00 2026\n" + one.as_bytes() + b"\nFrom b@x Mon Mar  2 09:00:00 2026\n" + mails()[1].as_bytes()
    )
    good, broken, _ = rows(project(tmp_path, "box.mbox"))
    assert len(good) == 2 and not broken
    assert "From here on nothing works.\nFrom the shop" in good[0].values["text"]


def damaged() -> dict[str, bytes]:
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(3000))
    head = b"From: a@x.example\r\nTo: s@y.example\r\nSubject: hi\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n"
    wide = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 5000 + b"--b--"
    return {
        "nested": head + nested + b"Content-Type: text/plain\r\n\r\nx",
        "wide": head + wide,
        "cut": head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello, it stops he',
        "base64": head + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64===\xff",
        "words": head.replace(b"hi", b"=?utf-8?B?a?= =?x?Q?=ZZ?= =?gb2312?B?//8=?=") + b"\r\nhello",
        "headers": b'From: <<>>,,"\r\nTo: undisclosed:;\r\nDate: 99 Foo 9999\r\nSubject: \xff\xfe\r\nReferences: <<<\r\n\r\nhello',
        "type": head + b"Content-Type: ;;;=\r\n\r\nhello",
        "disposition": head + b"Content-Disposition: attachment; filename*=utf-8''%FF%\r\nContent-Type: text/plain; charset*=x'y'z\r\n\r\nhello",
        "nothing": head,
        "zeros": head + b"\r\nhello\x00\x00you",
    }


@pytest.mark.parametrize("name", damaged())
def test_whatever_stands_in_a_mail_the_others_are_read(tmp_path: Path, name: str) -> None:
    """A mail that cannot be read is one counted exclusion; every mail is a row or a broken one."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.eml").write_bytes(damaged()[name])
    (tmp_path / "in" / "b.eml").write_bytes(mails()[0].as_bytes())
    good, broken, _ = rows(project(tmp_path, "in"))
    assert len(good) + len(broken) == 2
    assert any("invoice" in row.values["text"] for row in good)
    assert all("\x00" not in str(row.values) for row in good)


def test_a_mail_beyond_the_limit_is_read_to_the_limit(tmp_path: Path) -> None:
    one = mails()[0]
    one.add_attachment(bytes(300_000), maintype="application", subtype="zip", filename="x.zip")
    (tmp_path / "box.mbox").write_bytes(b"From a@x Mon Mar  2 09:00:00 2026\n" + one.as_bytes() + b"\n")
    good, _, facts = rows(project(tmp_path, "box.mbox", max_line_mb=0.1))
    assert "invoice" in good[0].values["text"] and facts["files"]["box.mbox"]["cut_mails"] == 1


@pytest.mark.parametrize(("sender", "role"), [
    ("a@yunmax.cn", "agent"), ("A@EU.YunMax.CN", "agent"), ("a@notyunmax.cn", "customer"), ("support@else.example", "customer"), ("b@yunmax.cn",
    "bot"),
    ("yunmax.cn@evil.example", "customer"),
])  # fmt: skip
def test_a_domain_in_roles(sender: str, role: str) -> None:
    assert mapping.role_of(sender, {"@yunmax.cn": "agent", "b@yunmax.cn": "bot", "*": "customer"}) == role


def test_a_shop_at_a_public_provider_is_told_by_its_address(tmp_path: Path) -> None:
    mbox(tmp_path / "box.mbox", mails(desk="yunmax_shop@qq.com"))
    best = propose(tmp_path / "box.mbox")[0]
    assert best.block["roles"] == {"yunmax_shop@qq.com": "agent", "*": "customer"}


def test_an_inbox_without_the_sent_mail_is_no_sure_thing(tmp_path: Path) -> None:
    mbox(tmp_path / "box.mbox", [one for one in mails() if "yunmax" not in one["From"]])
    best = propose(tmp_path / "box.mbox")[0]
    assert best.confidence < 0.3 and any("sent mail must be exported too" in one for one in best.against)


def test_outlooks_own_forms_are_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.pst").write_bytes(b"!BDN" + bytes(100))
    with pytest.raises(InputError, match=r"\.mbox"):
        propose(tmp_path / "a.pst")
