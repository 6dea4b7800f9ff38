"""The whole room on small companies: what comes out, that it adds up, and every bad input of a user."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kefu import data
from kefu.artifacts import fingerprint_files
from kefu.conversation import Conversation
from kefu.data.near import Known
from kefu.errors import ConfigError, GateError, InputError, KefuError, StorageError
from kefu.project import Loaded, load

from .desk import ZH, dialogue, jsonl, rows_of, table

Make = Callable[..., Loaded]
FAQ = {"name": "faq", "shape": "faq", "path": "faq.csv"}


def talks(count: int = 12) -> list[dict[str, Any]]:
    topics = [
        "开发票要什么资料",
        "怎么导出报表",
        "成员上限能加吗",
        "网页打开很慢",
        "合同能寄纸质的吗",
        "想换管理员",
        "移动端看不到文件夹",
        "打印机连不上",
        "怎么看操作记录",
        "能不能按季度付",
        "找不到回收站",
        "共享链接打不开",
    ]
    return [
        dialogue(
            i,
            ("customer", f"{topics[i % 12]}，第{i}次问"),
            ("staff", f"您好，关于{topics[i % 12]}，请看帮助中心"),
            ("customer", "好的谢谢"),
            category="咨询",
        )
        for i in range(count)
    ]


def messages_db(path: Path) -> None:
    """One row per message, stored in random order, times in two formats, senders by name."""
    rows = []
    for i in range(6):
        name = ["陈静", "赵雷", "周琳", "吴磊", "郑爽", "Tom"][i]
        said = [
            (name, f"你好，想问{'甲乙丙丁戊己'[i]}类业务"),
            (name, f"{'子丑寅卯辰巳'[i]}套餐能退吗"),
            (f"客服小{'李赵'[i % 2]}", f"{'甲乙丙丁戊己'[i]}类可以退，三天到账"),
            (name, "好的"),
        ]
        rows += [
            (f"H{i}", who, text, f"2026年3月{i + 1}日 10:0{k}:00" if i % 2 else f"2026-03-0{i + 1} 10:0{k}:00") for k, (who, text) in enumerate(said)
        ]
    rows.append(("H9", "系统", "客户：分期怎么办\n客服：在账单页面申请，最长24期。\n客户：利息多少\n客服：每期0.6%。", "2026-03-10 11:00:00"))
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE 聊天明细 (流水 INTEGER PRIMARY KEY, 会话编号 TEXT, 发送人 TEXT, 消息内容 TEXT, 发送时间 TEXT)")
        connection.execute("CREATE TABLE 客户表 (客户号 TEXT, 姓名 TEXT)")
        connection.executemany("INSERT INTO 聊天明细 (会话编号, 发送人, 消息内容, 发送时间) VALUES (?, ?, ?, ?)", rows[::2] + rows[1::2])
    connection.close()


def company(folder: Path, encoding: str = "gb18030") -> None:
    (folder / "faq.csv").write_bytes(table(ZH, encoding))
    lines: list[Any] = [*talks(), '{"ticket_id": "T99", "messages": [', "=== export paused ==="]
    (folder / "logs.jsonl").write_text(jsonl(lines), "utf-8")
    messages_db(folder / "chat.db")


SOURCES = [FAQ, {"name": "logs", "shape": "dialogues", "path": "logs.jsonl"}, {"name": "chat", "shape": "messages", "path": "chat.db"}]


@pytest.mark.pictures
def test_a_company_nobody_has_seen_by_configuration_alone(tmp_path: Path, project: Make, out: Path) -> None:
    company(tmp_path)
    seen: list[float] = []
    facts = data.build(project(*SOURCES), out, lambda stage, share: seen.append(share))
    assert seen == sorted(seen) and seen[-1] == 1.0
    ledger = json.loads((out / "ledger.json").read_text("utf-8"))
    assert ledger["balanced"] is True
    assert ledger["sources"]["faq"]["files"]["faq.csv"] == {"format": "csv", "encoding": "gb18030", "delimiter": ",", "header": "line 1"}
    assert ledger["sources"]["logs"]["broken"] == 2
    assert ledger["sources"]["chat"]["files"]["chat.db"]["table"] == "聊天明细"
    assert facts["rows"] == 3 + 14 + 25 and facts["broken"] == 2
    assert facts["kinds"] == {"faq": 9, "dialogue": 19}
    found = {row["id"]: row for row in rows_of(out / "conversations.jsonl")}
    assert [t["role"] for t in found["chat:H0"]["turns"]] == ["customer", "agent", "customer"]
    assert found["chat:H0"]["turns"][0]["text"] == "你好，想问甲类业务，子套餐能退吗"
    assert [t["role"] for t in found["chat:H9"]["turns"]] == ["customer", "agent", "customer", "agent"]
    assert {row["id"]: row["answer"] for row in rows_of(out / "faq.jsonl")} == {row[0]: row[4] for row in ZH[1:]}
    card = (out / "card.md").read_text("utf-8")
    assert "gb18030" in card and "标准问题 (guessed)" in card


def test_every_file_is_consistent_with_every_other(tmp_path: Path, project: Make, out: Path) -> None:
    company(tmp_path)
    data.build(project(*SOURCES), out)
    conversations = rows_of(out / "conversations.jsonl")
    assert [Conversation.from_dict(row).as_dict() | {"split": row["split"]} for row in conversations] == conversations
    assert len({row["id"] for row in conversations}) == len(conversations)
    faq = {row["id"]: row for row in rows_of(out / "faq.jsonl")}
    assert all(row["questions"] for row in faq.values())
    train_questions = {text for row in faq.values() for text in row["questions"]}
    for name in ("validation", "test"):
        for row in rows_of(out / f"questions.{name}.jsonl"):
            assert row["text"] not in train_questions
            assert faq[row["answer_id"]]["answer"] == row["answer"]
    for name in ("train", "validation", "test"):
        ids = [row["id"] for row in conversations if row["split"] == name]
        messages = rows_of(out / f"messages.{name}.jsonl")
        assert [row["id"] for row in messages] == ids
        for row in messages:
            roles = [message["role"] for message in row["messages"]]
            assert roles[-1] == "assistant" and "user" in roles
            assert all(a != b for a, b in pairwise(roles))
        answers = sum(
            m["role"] == "assistant" and i and row["messages"][i - 1]["role"] == "user" for row in messages for i, m in enumerate(row["messages"])
        )
        instructions = rows_of(out / f"instruction.{name}.jsonl")
        assert len(instructions) == answers
        assert all(set(row) == {"instruction", "input", "output"} and row["output"] for row in instructions)


@pytest.mark.pictures
def test_two_builds_are_equal_byte_for_byte(tmp_path: Path, project: Make) -> None:
    company(tmp_path)
    loaded = project(*SOURCES)
    prints = []
    for name in ("one", "two"):
        data.build(loaded, tmp_path / name)
        prints.append(fingerprint_files([p for p in (tmp_path / name).rglob("*") if p.is_file()], tmp_path / name))
    assert prints[0] == prints[1]
    assert len(prints[0]) >= 22


def test_the_encoding_of_the_export_changes_nothing(tmp_path: Path, project: Make) -> None:
    prints = []
    for encoding in ("utf-8", "gb18030"):
        company(tmp_path, encoding)
        data.build(project(*SOURCES), tmp_path / encoding)
        prints.append([(tmp_path / encoding / name).read_bytes() for name in ("conversations.jsonl", "faq.jsonl", "messages.train.jsonl")])
    assert prints[0] == prints[1]


CANARIES = [
    "13812345678",
    "138 1234 5678",
    "11010519491231002X",
    "6222021234567890128",
    "zhang.san@mail.example.cn",
    "京A12345",
    "王小明",
    "中关村大街27号",
    "Laura Rossi",
    "4454794511390933",
]


@pytest.mark.pictures
def test_no_personal_data_in_any_file(tmp_path: Path, project: Make, out: Path) -> None:
    """Canaries in every place a row has: text, ids, customer, category, broken lines, dropped and duplicate rows."""
    said = f"我叫王小明，电话{CANARIES[0]}，<b>身份证</b>{CANARIES[2]}，住在北京市海淀区{CANARIES[7]}"
    rows: list[Any] = [
        dialogue(
            1,
            ("customer", said),
            ("staff", f"好的王小明先生，卡号{CANARIES[3]}已登记"),
            ("customer", f"打{CANARIES[1]}"),
            customer_id=CANARIES[0],
            category=f"车牌{CANARIES[5]}",
        ),
        dialogue(2, ("customer", said), ("staff", f"好的王小明先生，卡号{CANARIES[3]}已登记"), ("customer", f"打{CANARIES[1]}")),
        dialogue(3, ("customer", f"没人理我，{said}")),
        dialogue(4, ("customer", f"my name is Laura Rossi, card {CANARIES[9]}"), ("staff", "thank you, noted")),
        dialogue(5, ("nobody", f"邮箱{CANARIES[4]}"), ("customer", f"邮箱{CANARIES[4]}"), ("staff", f"已发到{CANARIES[4]}，车{CANARIES[5]}")),
        f'{{"ticket_id": "T9", "messages": [{{"text": "{said}"',
        dialogue(6, *[("customer" if i % 2 == 0 else "staff", f"第{i}句，{said}") for i in range(50)]),
    ]
    rows[0]["ticket_id"] = CANARIES[0]
    (tmp_path / "logs.jsonl").write_text(jsonl([*rows, *talks()]), "utf-8")
    (tmp_path / "faq.csv").write_bytes(
        table([*ZH, ["Z4", "联系", "王小明的电话", "", f"王小明先生：{CANARIES[0]}"], ["Z5", "联系", f"打{CANARIES[0]}", "", ""]])
    )
    facts = data.build(project(FAQ, SOURCES[1] | {"roles": {"customer": "customer", "staff": "agent"}}), out)
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.suffix != ".png":
            text = path.read_text("utf-8")
            # a bare name with no word around it is the one thing rules cannot see (王小明的电话)
            leaked = [canary for canary in CANARIES if canary in text.replace("王小明的电话", "")]
            assert not leaked, f"{path.name}: {leaked}"
    assert facts["masked"]["cn_mobile"] >= 10
    assert rows_of(out / "changed.jsonl")


def test_contradictions_are_reported(tmp_path: Path, project: Make, out: Path) -> None:
    rows = [
        [*ZH[0], "更新时间"],
        *([*row, "2026-01-01"] for row in ZH[1:]),
        ["Z9", "套餐", "团队版怎么收费？", "团队版老价格", "团队版每位成员每月25元。", "2024-06-01"],
    ]
    (tmp_path / "faq.csv").write_bytes(table(rows))
    facts = data.build(project(FAQ), out)
    assert facts["contradictions"] == {"same question, different answers": 1}
    report = rows_of(out / "contradictions.jsonl")[0]
    assert report["chosen"] == {"where": "faq.csv#2", "answer": "团队版每位成员每月29元。", "updated": "2026-01-01T00:00:00"}
    assert report["others"][0]["where"] == "faq.csv#5"
    assert (report["answers"], report["rows"], report["sources"], report["possible"]) == (2, 2, ["faq"], False)
    assert facts["conflicting_rows"] == 1 and not any("contradict" in reason for reason in facts["dropped_reasons"])
    assert [(row["where"], row["answer"]) for row in rows_of(out / "conflicting.jsonl")] == [("faq.csv#5", "团队版每位成员每月25元。")]
    assert "1 FAQ rows with another answer than the one in use were set apart" in (out / "card.md").read_text("utf-8")
    assert "25元" not in (out / "faq.jsonl").read_text("utf-8")
    assert 'flags": ["contradiction"]' in (out / "faq.jsonl").read_text("utf-8")


def test_a_customer_and_a_ticket_stay_on_one_side_whatever_the_export(tmp_path: Path, project: Make, out: Path) -> None:
    words = ["发票", "合同", "密码", "物流", "退款", "会员", "地址", "尺码", "保修", "充值", "积分", "安装"]

    def talk(i: int, part: str, **more: Any) -> dict[str, Any]:
        asked = f"{words[i % 12]}的{words[(i * 5 + 3) % 12]}第{i}回{part}怎么处理"
        turns = [{"from": "customer", "text": asked}, {"from": "agent", "text": f"关于{asked}，请到{words[(i * 7 + 1) % 12]}页面办理。"}]
        return {"messages": turns, **more}

    (tmp_path / "a.jsonl").write_text(jsonl([talk(i, "甲", ticket=f"A{i}", customer=f"K{i}") for i in range(40)]), "utf-8")
    (tmp_path / "b.jsonl").write_text(jsonl([talk(i, "乙", ticket=f"B{i}", customer=f"K{i}") for i in range(40)]), "utf-8")
    (tmp_path / "c.jsonl").write_text(jsonl([talk(i + 50 * n, "丙丁"[n], ticket=f"T{i}") for i in range(40) for n in (0, 1)]), "utf-8")
    sources = [
        {"name": name, "shape": "dialogues", "path": f"{name}.jsonl", "map": {"id": "ticket", "turns": "messages", "role": "from", "text": "text"}}
        for name in "abc"
    ]
    for source in sources[:2]:
        source["map"]["customer"] = "customer"
    data.build(project(*sources, split={"validation": 0.2, "test": 0.2}), out)
    sides: dict[str, set[str]] = {}
    for row in rows_of(out / "conversations.jsonl"):
        sides.setdefault(row["group"], set()).add(row["split"])
    assert {"customer:K1", "c/ticket:T1"} <= sides.keys()
    assert all(len(split) == 1 for split in sides.values())
    assert {name for split in sides.values() for name in split} == {"train", "validation", "test"}


def test_a_placeholder_that_customers_would_read_is_told(tmp_path: Path, project: Make, out: Path) -> None:
    rows = [*ZH, ["Z8", "售后", "急事找谁？", "", "急事请找值班经理，手机13987654321。"]]
    (tmp_path / "faq.csv").write_bytes(table(rows))
    facts = data.build(project(FAQ), out)
    assert "1 approved answers (Z8)" in facts["placeholders_in_answers"]
    assert facts["placeholders_in_answers"] in facts["notes"]
    kept = data.build(project({**FAQ, "mask_pii": False}), out.with_name("kept"))
    assert kept["placeholders_in_answers"] == ""


def test_held_out_questions_are_unlike_all_in_training(root: Path, out: Path) -> None:
    """On the demo company: no near-duplicate question, no customer, no ticket on both sides."""
    facts = data.build(load(root / "examples" / "cloudmax"), out)
    conversations = rows_of(out / "conversations.jsonl")
    digits = str.maketrans("123456789", "000000000")
    train = [row["turns"][0]["text"].translate(digits) for row in conversations if row["kind"] == "faq" and row["split"] == "train"]
    held = [row["turns"][0]["text"].translate(digits) for row in conversations if row["kind"] == "faq" and row["split"] != "train"]
    assert len(held) >= 100
    known = Known(train, 0.85)
    assert not [text for text in held if list(known.alike(text))]
    sides: dict[str, set[str]] = {}
    for row in conversations:
        if customer := row["context"]["customer"].get("id"):
            sides.setdefault(f"{row['id'].split(':')[0]}/{customer}", set()).add(row["split"])
    assert sides and all(len(side) == 1 for side in sides.values())
    assert facts["faq"]["entries"] >= 130 and facts["contradictions"]["same question, different answers"] == 4
    assert {"cn_resident_id", "bank_card", "cn_mobile", "email", "cn_plate", "person_name", "address"} <= set(facts["masked"])
    assert facts["dropped_reasons"]["broken JSON"] == 3 and facts["dropped_reasons"]["off-topic"] >= 3
    assert facts["labels"]["dialogue"]["bad"] >= 14


def test_a_source_can_be_looked_at_before_any_build(tmp_path: Path, project: Make) -> None:
    company(tmp_path)
    loaded = project(*SOURCES)
    for _ in range(2):
        shown = data.preview(loaded, "chat", 2)
        assert [conversation.id for conversation in shown] == ["chat:H0", "chat:H1"]
    assert [t.role for t in data.preview(loaded, "logs", 1)[0].turns] == ["customer", "agent", "customer"]
    with pytest.raises(ConfigError, match=r"no source .tickets.: data\.sources has faq, logs, chat"):
        data.preview(loaded, "tickets", 1)
    assert not (tmp_path / "build").exists()


# -- bad input: one clear line, nothing half-written ------------------------------------------------------------


def fails(make: Callable[[], Loaded], out: Path, error: type[KefuError], match: str) -> None:
    with pytest.raises(error, match=match) as caught:
        data.build(make(), out)
    assert "\n" not in caught.value.line()
    assert not (out / "ledger.json").exists()


def test_a_missing_file(project: Make, out: Path) -> None:
    fails(lambda: project(FAQ), out, InputError, r"no file matches 'faq\.csv'")
    assert not out.exists()


def test_a_wrong_encoding(tmp_path: Path, project: Make, out: Path) -> None:
    company(tmp_path)
    fails(lambda: project(FAQ | {"encoding": "utf-8"}), out, InputError, r"faq\.csv is not utf-8.*reads as gb18030")


def test_missing_columns(tmp_path: Path, project: Make, out: Path) -> None:
    company(tmp_path)
    fails(
        lambda: project(FAQ | {"map": {"question": "问法", "answer": "答案"}}),
        out,
        InputError,
        r"no column '问法' \(mapped to question\).*'标准问题', '相似问法'.*did you mean",
    )


def test_a_broken_line_stops_when_told_so(tmp_path: Path, project: Make, out: Path) -> None:
    company(tmp_path)
    fails(lambda: project(SOURCES[1] | {"on_broken": "fail"}), out, InputError, r"logs\.jsonl#13: broken JSON.*on_broken: skip")


def test_mostly_broken_is_a_wrong_format(tmp_path: Path, project: Make, out: Path) -> None:
    (tmp_path / "logs.jsonl").write_text("no json\n" * 20 + jsonl(talks(3)), "utf-8")
    fails(lambda: project(SOURCES[1]), out, InputError, r"source logs: 20 of 23 rows are broken: broken JSON: 20")


@pytest.mark.parametrize("text", ["", "编号,问题,答案\n"])
def test_empty_data(tmp_path: Path, project: Make, out: Path, text: str) -> None:
    (tmp_path / "faq.csv").write_text(text, "utf-8")
    fails(lambda: project(FAQ), out, InputError, r"(faq\.csv|source faq) is empty")


def test_nothing_left(tmp_path: Path, project: Make, out: Path) -> None:
    (tmp_path / "faq.csv").write_text("问题,答案\n怎么退,\n,好的\n", "utf-8")
    fails(lambda: project(FAQ), out, InputError, r"source faq gives no conversation: 2 rows read, no answer: 1; no question: 1")
    (tmp_path / "faq.csv").write_text("问题,答案\n测试,测试\n", "utf-8")
    fails(lambda: project(FAQ), out, InputError, r"nothing is left after cleaning: answer repeats the question: 1")


def test_one_row_is_enough(tmp_path: Path, project: Make, out: Path) -> None:
    (tmp_path / "faq.csv").write_text("问题,答案\n怎么退款,请申请退款\n", "utf-8")
    facts = data.build(project(FAQ), out)
    assert facts["splits"] == {"train": 1, "validation": 0, "test": 0}
    assert rows_of(out / "faq.jsonl")[0]["questions"] == ["怎么退款"]
    assert rows_of(out / "questions.test.jsonl") == []


def test_a_line_of_100_mb(tmp_path: Path, project: Make, out: Path) -> None:
    with open(tmp_path / "logs.jsonl", "w", encoding="utf-8") as handle:
        handle.write(jsonl(talks(3)))
        handle.write('{"ticket_id": "big", "messages": "')
        for _ in range(100):
            handle.write("x" * (1 << 20))
        handle.write('"}\n')
    facts = data.build(project(SOURCES[1]), out)
    assert facts["dropped_reasons"]["line longer than max_line_mb (16 MB)"] == 1
    assert max(len(row["text"]) for row in rows_of(out / "excluded.jsonl")) <= 300
    fails(lambda: project(SOURCES[1] | {"on_broken": "fail"}), tmp_path / "other", InputError, r"logs\.jsonl#4: line longer than max_line_mb")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["excluded.jsonl", "conversations.jsonl", "messages.train.jsonl"])
def test_no_disk_space(tmp_path: Path, project: Make, out: Path, name: str) -> None:
    company(tmp_path)
    out.mkdir()
    os.symlink("/dev/full", out / name)
    fails(lambda: project(*SOURCES), out, StorageError, "No space left on device.*free disk space")


def test_a_folder_that_may_not_be_written(tmp_path: Path, project: Make) -> None:
    company(tmp_path)
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises((StorageError, NotADirectoryError, FileExistsError)):
        data.build(project(*SOURCES), tmp_path / "file")


def test_the_same_export_twice(tmp_path: Path, project: Make, out: Path) -> None:
    (tmp_path / "logs.jsonl").write_text(jsonl(talks() * 3), "utf-8")
    fails(lambda: project(SOURCES[1]), out, GateError, r"exact duplicates would drop 24 of 36.*max_drop_share")


def test_two_sources_of_one_name_and_no_place(tmp_path: Path, project: Make, out: Path) -> None:
    company(tmp_path)
    fails(lambda: project(FAQ, FAQ), out, ConfigError, "the name 'faq' stands twice")
    fails(lambda: project({"name": "x", "shape": "faq"}), out, ConfigError, "neither path nor url")


def test_where_that_selects_nothing(tmp_path: Path, project: Make, out: Path) -> None:
    company(tmp_path)
    fails(lambda: project(FAQ | {"where": {"分类": "没有"}}), out, InputError, r"gives no conversation: 3 rows read, not selected by `where`: 3")


def test_selected_rows_and_turns_are_counted(tmp_path: Path, project: Make, out: Path) -> None:
    rows = talks()
    for i, row in enumerate(rows):
        row["status"] = "done" if i % 2 else "open"
        row["messages"].insert(1, {"from": "staff", "text": "内部备注", "kind": "note"})
    (tmp_path / "logs.jsonl").write_text(jsonl(rows), "utf-8")
    facts = data.build(project(SOURCES[1] | {"where": {"status": "done"}, "turn_where": {"kind": ""}}), out)
    assert facts["dropped_reasons"] == {"not selected by `where`": 6} and facts["conversations"] == 6
    assert "内部备注" not in (out / "conversations.jsonl").read_text("utf-8")
    assert sum(row["reason"] == "not selected by `turn_where`" for row in rows_of(out / "excluded.jsonl")) == 6
