"""`kefu data import`: files of every format and shape are recognised, doubts are told, and the block works as it is pasted."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, cast

import polars
import pytest
import yaml

from kefu import data
from kefu.data import readers
from kefu.data.guess import append, propose
from kefu.errors import ConfigError, InputError, KefuError
from kefu.project import Loaded, load
from kefu.project.schema import Source

from .desk import jsonl, table
from .test_data_fuzz import one_line, workbook

TOPICS = ["退款", "发票", "物流", "优惠券", "会员", "换货", "登录", "地址", "合同", "打印机"]
FAQ = [
    {"编号": f"F{i}", "问题": f"{t}怎么办理？", "答案": f"请在「我的订单」里点{t}，客服会在{i + 1}天内处理好并通知您。", "分类": "售后"}
    for i, t in enumerate(TOPICS)
]
CHAT = [("user", "怎么退款？"), ("assistant", "订单页点退款，三天到账。"), ("user", "谢谢")]


def chats(count: int = 6) -> list[list[tuple[str, str]]]:
    return [[(role, f"{text}{i}") for role, text in CHAT] for i in range(count)]


SAMPLES: dict[str, list[dict[str, Any]]] = {
    "faq": FAQ,
    "openai": [{"messages": [{"role": role, "content": text} for role, text in talk]} for talk in chats()],
    "sharegpt": [
        {"conversations": [{"from": {"user": "human"}.get(role, "gpt"), "value": text} for role, text in talk], "system": "你是客服"}
        for talk in chats()
    ],
    "dialogues": [
        {"会话ID": i, "聊天记录": [{"发送者": "买家" if role == "user" else "客服小王", "内容": text} for role, text in talk]}
        for i, talk in enumerate(chats())
    ],
    "alternating": [{"id": i, "log": [{"text": text, "seconds": n} for n, (_, text) in enumerate(talk)]} for i, talk in enumerate(chats())],
    "messages": [
        {"工单号": f"T{i}", "发送人": "客户" if role == "user" else "客服", "内容": text, "时间": f"2026-03-01 10:0{n}:00"}
        for i, talk in enumerate(chats())
        for n, (role, text) in enumerate(talk)
    ],
    "alpaca": [{"instruction": f"把第{i}句翻译成英文", "input": f"你好{t}", "output": f"Hello {i}, about this"} for i, t in enumerate(TOPICS)],
    "preference": [{"prompt": f"{t}怎么办？", "chosen": f"请在订单页申请{t}。", "rejected": "不知道"} for t in TOPICS],
    "classification": [
        {"utterance": f"i want to ask about {i} {t} please", "intent": ["refund", "invoice"][i % 2]} for i, t in enumerate(TOPICS * 3)
    ],
    "tags": [{"tokens": ["我", "在", "北京", t], "ner_tags": ["O", "O", "B-LOC", "O"]} for t in TOPICS],
    "qa": [
        {"context": f"{t}要三天，费用九元。", "question": f"{t}要多久？", "answers": {"text": ["三天"], "answer_start": [len(t) + 1]}} for t in TOPICS
    ],
    "parallel": [{"src": f"Where is my {i} order now?", "tgt": f"我的{t}订单现在到哪里了？"} for i, t in enumerate(TOPICS)],
    "records": [
        {"贷款金额": 1000 * i, "逾期次数": i % 3, "月收入": 5000 + i, "信用评分": 600 + i, "风险等级": "低" if i % 2 else "高"} for i in range(30)
    ],
}


def flat(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """As a table: nested cells are JSON texts, as exports write them."""
    cells = [[json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for v in row.values()] for row in rows]
    return [list(rows[0]), *cells]


def written(folder: Path, rows: list[dict[str, Any]], format: str) -> Path:
    path = folder / f"x.{format}"
    if format == "jsonl":
        path.write_text(jsonl(rows), "utf-8")
    elif format == "json":
        path.write_text(json.dumps({"version": "1", "data": rows}, ensure_ascii=False), "utf-8")
    elif format == "csv":
        path.write_bytes(table(flat(rows), "gb18030", ";"))
    elif format == "tsv":
        path.write_bytes(table(flat(rows), "utf-16", "\t"))
    elif format == "parquet":
        polars.DataFrame(rows).write_parquet(path)
    elif format == "xlsx":
        workbook(path, [[str(cell).replace("<", "&lt;") for cell in row] for row in flat(rows)])
    else:
        with sqlite3.connect(path) as connection:
            named = ", ".join(f'"{name}"' for name in rows[0])
            connection.execute(f"CREATE TABLE said ({named})")
            connection.executemany(f"INSERT INTO said VALUES ({', '.join('?' * len(rows[0]))})", flat(rows)[1:])
            connection.execute("CREATE TABLE staff (no INTEGER, nick TEXT)")
        connection.close()
    return path


@pytest.mark.parametrize("format", ["jsonl", "json", "csv", "tsv", "parquet", "xlsx", "db"])
@pytest.mark.parametrize("shape", SAMPLES)
def test_every_shape_in_every_format(tmp_path: Path, shape: str, format: str) -> None:
    """Recognised, and the pasted block builds: what was said of the sample is what the build does."""
    path = written(tmp_path, SAMPLES[shape], format)
    best = propose(path)[0]
    assert best.block["shape"] == shape, best.yaml()
    assert best.confidence >= 0.5 and best.formed
    found = yaml.safe_load(best.yaml())
    assert found == [best.block]
    (tmp_path / "kefu.yaml").write_text(yaml.safe_dump({"name": "t", "data": {"sources": found}}, allow_unicode=True), "utf-8")
    assert data.preview(load(tmp_path), found[0]["name"], 2)


def test_what_was_found_out_is_in_the_block(tmp_path: Path) -> None:
    block = propose(written(tmp_path, FAQ, "csv"))[0].block
    assert (block["format"], block["encoding"], block["delimiter"]) == ("csv", "gb18030", ";")
    assert block["map"] == {"question": "问题", "answer": "答案", "id": "编号", "category": "分类"}
    database = propose(written(tmp_path, SAMPLES["messages"], "db"))[0].block
    assert database["query"] == 'SELECT "工单号", "发送人", "内容", "时间" FROM "said"'
    assert database["map"] == {"conversation": "工单号", "role": "发送人", "text": "内容", "time": "时间"}


def test_unusual_speakers_get_roles(tmp_path: Path) -> None:
    rows = [
        {"id": i, "turns": [{"speaker": "USER", "utterance": f"Is my order {i} late?"}, {"speaker": "SYSTEM", "utterance": f"Yes, {i} days."}]}
        for i in range(5)
    ]
    block = propose(written(tmp_path, rows, "jsonl"))[0].block
    assert block["roles"] == {"USER": "customer", "SYSTEM": "agent"}


def test_columns_and_keys_that_nobody_knows_are_told_by_what_they_hold(tmp_path: Path) -> None:
    rooms = [
        {
            "lfd": n,
            "raum": f"R{i:02}",
            "art": "guest" if role == "user" else "desk",
            "gesagt": f"{text}，麻烦您了",
            "tm": f"2026-03-01 10:{i:02}:{n:02}",
        }
        for i, talk in enumerate(chats(20))
        for n, (role, text) in enumerate(talk)
    ]
    (tmp_path / "rooms.jsonl").write_text(jsonl(rooms), "utf-8")
    found = propose(tmp_path / "rooms.jsonl")[0]
    assert (found.block["shape"], found.confidence > 0.6) == ("messages", True)
    assert found.block["map"] == {"conversation": "raum", "role": "art", "text": "gesagt", "time": "tm"}
    talks = [
        {
            "sessionNo": f"S{i}",
            "talk": [{"spk": "宠主" if role == "user" else "前台接待", "words": text, "ms": i * 1000 + n} for n, (role, text) in enumerate(talk)],
        }
        for i, talk in enumerate(chats(20))
    ]
    (tmp_path / "talks.jsonl").write_text(jsonl(talks), "utf-8")
    found = propose(tmp_path / "talks.jsonl")[0]
    assert found.block["shape"] == "dialogues"
    assert {"role": "spk", "text": "words", "at": "ms"}.items() <= found.block["map"].items()
    assert found.block["roles"] == {"宠主": "customer", "前台接待": "agent"}


def test_several_labels_in_one_cell(tmp_path: Path) -> None:
    rows = [{"text": f"please {i} do it now", "label": ["a", "b", "a<div>b", "b<div>a"][i % 4]} for i in range(24)]
    assert propose(written(tmp_path, rows, "csv"))[0].block["label_separator"] == "<div>"


def test_conll_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("王 B-PER\n明 I-PER\n来 O\n\n你 O\n好 O\n\n" * 5, "utf-8")
    best = propose(path)[0]
    assert best.block["shape"] == "tags" and best.block["format"] == "conll" and best.block["map"] == {"tokens": "1", "tags": "2"}


def test_doubts_are_told(tmp_path: Path) -> None:
    rows = [{"question": f"{t}怎么办？", "answer": ["是", "否"][i % 2]} for i, t in enumerate(TOPICS * 3)]
    best, *others = propose(written(tmp_path, rows, "csv"))
    assert best.confidence < 0.75 and others
    assert best.against or others[0].against


@pytest.mark.parametrize("above", [[["标准问答库（2026年修订）"]], [["标准问答库（2026年修订）"], []], [[], ["FAQ"], [], ["2026"], []]])
def test_a_title_and_empty_rows_above_the_header_of_a_workbook(tmp_path: Path, above: list[list[str]]) -> None:
    """The header is found below them, and rows are numbered as the spreadsheet numbers them, empty ones between them too."""
    rows = flat(FAQ)
    workbook(tmp_path / "x.xlsx", [*above, *rows[:3], [], *rows[3:]])
    best = propose(tmp_path / "x.xlsx")[0]
    assert best.block["map"] == {"question": "问题", "answer": "答案", "id": "编号", "category": "分类"}
    assert best.rows == best.formed == len(FAQ) and best.confidence > 0.8
    source = Source.model_validate({"name": "x", "shape": "faq", "path": "x.xlsx"})
    read = [row.where for row in readers.open_source(source, Loaded(cast(Any, None), tmp_path), lambda tables: "").rows()]
    numbers = [len(above) + n for n in (2, 3, *range(5, len(FAQ) + 3))]
    assert read == [f"x.xlsx#{n}" for n in numbers]


def test_a_table_without_a_header_is_told(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("怎么退款？,请在订单页申请。\n怎么开票？,在发票页填写。\n运费多少？,满99元包邮。\n", "utf-8")
    told = propose(tmp_path / "h.csv")[0]
    assert any("header line" in one for one in told.against) and told.confidence < 0.5


def test_a_folder_is_its_main_kind_of_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "raw" / name).mkdir(parents=True)
        written(tmp_path / "raw" / name, FAQ, "jsonl")
    (tmp_path / "raw" / "LICENSE.txt").write_text("do as you like", "utf-8")
    best = propose(tmp_path / "raw")[0]
    assert best.block["shape"] == "faq" and best.block["path"].endswith("raw/**/*.jsonl")


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 64, b"just some prose\n\nand more\n"])
def test_what_is_no_export_is_one_line_or_a_poor_guess(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    try:
        assert propose(tmp_path / "x")[0].confidence < 0.3
    except KefuError as error:
        one_line(error)


PROJECT = """# my shop
name: shop
data:
  sources:
    # the first one
    - name: x
      shape: faq
      path: own.csv     # stays

    # what comes next belongs to the split
  split: {validation: 0.1, test: 0.1}   # as it was
"""


def project_file(folder: Path, text: str = PROJECT) -> Path:
    (folder / "shop").mkdir()
    (folder / "shop" / "own.csv").write_text("question,answer\n怎么退款？,三天到账\n", "utf-8")
    (folder / "shop" / "kefu.yaml").write_text(text, "utf-8")
    return folder / "shop"


def test_a_source_is_appended_and_the_rest_untouched(tmp_path: Path) -> None:
    shop = project_file(tmp_path, PROJECT)
    (shop / "raw").mkdir()
    best = propose(written(shop / "raw", SAMPLES["openai"], "jsonl"))[0]
    block = append(best, shop)
    text = (shop / "kefu.yaml").read_text("utf-8")
    assert block["name"] == "x_2" and block["path"] == "raw/x.jsonl"
    assert [line for line in text.splitlines() if line in PROJECT.splitlines()] == PROJECT.splitlines()
    loaded = load(shop)
    assert [source.name for source in loaded.settings.data.sources] == ["x", "x_2"]
    assert data.preview(loaded, "x_2", 1)
    append(best, shop)
    assert [source.name for source in load(shop).settings.data.sources] == ["x", "x_2", "x_3"]


@pytest.mark.parametrize("text", ["name: shop\ndata: {sources: [{name: x, shape: faq, path: own.csv}]}\n"])
def test_a_project_that_cannot_be_added_to_stays_as_it_is(tmp_path: Path, text: str) -> None:
    shop = project_file(tmp_path, text)
    with pytest.raises((InputError, ConfigError), match="paste the block yourself"):
        append(propose(written(tmp_path, FAQ, "jsonl"))[0], shop)
    assert (shop / "kefu.yaml").read_text("utf-8") == text
    assert sorted(path.name for path in shop.iterdir()) == ["kefu.yaml", "own.csv"]


@pytest.mark.parametrize("contradictory", [False, True])
def test_texts_that_come_again_are_texts_as_far_as_their_labels_agree(tmp_path: Path, contradictory: bool) -> None:
    texts = [
        "包裹到现在还没有送到，请帮我查一下",
        "退款什么时候能到我的账户上",
        "The app closes right after the logo",
        "Please send me the invoice again",
    ]
    rows = [
        [i, texts[i % 4], ["物流", "退款", "bug", "invoice"][(i + (i // 4 if contradictory else 0)) % 4], f"2026-01-{1 + i % 28:02}"]
        for i in range(80)
    ]
    (tmp_path / "t.csv").write_bytes(table([["id", "text", "label", "date"], *rows]))
    best = next(one for one in propose(tmp_path / "t.csv") if one.block["shape"] == "classification")
    assert best.block["map"]["label"] == "label"
    assert best.confidence < 0.6 if contradictory else best.confidence > 0.8, best.yaml()
    assert any("4 different texts in 80 rows" in one for one in best.against)


def test_the_body_of_a_mail_is_the_text_not_its_subject(tmp_path: Path) -> None:
    rows = [[f"Problem {i}", f"The delivery {i} came late and nobody answered the telephone for days.", ["late", "lost"][i % 2]] for i in range(40)]
    (tmp_path / "t.csv").write_bytes(table([["subject", "body", "queue"], *rows]))
    best = propose(tmp_path / "t.csv")[0]
    assert best.block["map"] == {"text": "body", "label": "queue"} and best.confidence > 0.5
