"""Every ready shape: from the rows of an export to conversations, or to labelled rows in files of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kefu import data
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded

from .desk import jsonl, rows_of

Make = Callable[..., Loaded]


def built(make: Make, out: Path, rows: list[dict[str, Any]], shape: str, file: str = "x.jsonl", **more: Any) -> dict[str, Any]:
    project = make({"name": "s", "shape": shape, "path": file, **more}, split={"validation": 0, "test": 0})
    (project.root / file).write_text(jsonl(rows) if file.endswith("jsonl") else json.dumps(rows, ensure_ascii=False), "utf-8")
    return data.build(project, out)


def said(out: Path) -> list[list[tuple[str, str]]]:
    return [[(turn["role"], turn["text"]) for turn in row["turns"]] for row in rows_of(out / "conversations.jsonl")]


TALK = [("customer", "我的发票怎么还没到？"), ("agent", "已经寄出，三天内到。"), ("customer", "好的谢谢")]


@pytest.mark.parametrize(
    "cell",
    [
        "用户：我的发票怎么还没到？\n客服：已经寄出，三天内到。\n用户：好的谢谢",
        "我的发票怎么还没到？\n已经寄出，三天内到。\n好的谢谢",
        ["我的发票怎么还没到？", "已经寄出，三天内到。", "好的谢谢"],
        ["用户：我的发票怎么还没到？", "客服：已经寄出，三天内到。", "用户：好的谢谢"],
        '["我的发票怎么还没到？", "已经寄出，三天内到。", "好的谢谢"]',
        [{"text": "我的发票怎么还没到？", "metadata": {}}, {"text": "已经寄出，三天内到。"}, {"text": "好的谢谢"}],
    ],
)
def test_alternating_logs(project: Make, out: Path, cell: Any) -> None:
    built(project, out, [{"log": cell}], "alternating")
    assert said(out) == [TALK]


def test_alternating_logs_may_begin_with_the_agent(project: Make, out: Path) -> None:
    built(project, out, [{"log": ["Hello, how can I help?", "My parcel is lost.", "We send it again."]}], "alternating", first="agent")
    assert [role for role, _ in said(out)[0]] == ["agent", "customer", "agent"]


def test_an_empty_message_is_somebodys_turn_in_an_alternating_log(project: Make, out: Path) -> None:
    built(project, out, [{"log": ["我的发票怎么还没到？", "", "在吗？", "在的，三天内到。"]}], "alternating")
    assert said(out) == [[("customer", "我的发票怎么还没到？，在吗？".replace("？，", "？")), ("agent", "在的，三天内到。")]]
    assert rows_of(out / "excluded.jsonl")[0]["reason"] == "empty turn"


def test_what_stands_between_turns_and_is_none_is_counted(project: Make, out: Path) -> None:
    turns = [{"role": "user", "text": "我的发票怎么还没到？"}, "记得回电话", None, {"role": "agent", "text": "已经寄出，三天内到。"}]
    more = [{"role": "user" if i % 2 else "agent", "text": f"第{i}件也一起寄吗" if i % 2 else f"第{i}件一起寄"} for i in range(1, 5)]
    built(project, out, [{"turns": turns + more, "satisfaction": "王小明 13800138000 不满意"}], "dialogues")
    assert said(out)[0][:2] == TALK[:2]
    assert [(row["reason"], row["text"]) for row in rows_of(out / "excluded.jsonl")] == [("unknown sender", "记得回电话")]
    assert "13800138000" not in (out / "conversations.jsonl").read_text("utf-8")


def test_cells_nested_without_end_are_no_crash(project: Make, out: Path) -> None:
    deep = "[" * 60_000
    rows = [{"turns": deep}, {"turns": [{"role": "user", "text": "我的发票怎么还没到？"}, {"role": "agent", "text": "已经寄出。"}]}]
    assert built(project, out, rows, "dialogues")["dropped_reasons"] == {"turns cannot be read": 1}
    built(project, out, [{"question": "怎么开发票？", "answer": "在订单页开。", "similar": deep}], "faq")
    assert said(out) == [[("customer", "怎么开发票？"), ("agent", "在订单页开。")]]


def test_sharegpt_with_system_tools_and_calls(project: Make, out: Path) -> None:
    turns = [("human", "帮我查一下订单"), ("function_call", '{"name": "order"}'), ("observation", '{"state": "已发货"}'), ("gpt", "您的订单已发货。")]
    row = {"conversations": [{"from": a, "value": b} for a, b in turns], "system": "你是客服。", "tools": '[{"name": "order"}]'}
    facts = built(project, out, [row], "sharegpt")
    roles = [role for role, _ in said(out)[0]]
    assert roles == ["system", "customer", "tool", "tool", "agent"]
    assert rows_of(out / "conversations.jsonl")[0]["context"]["tools"] == [{"name": "order"}]
    written = rows_of(out / "messages.train.jsonl")[0]
    assert [message["role"] for message in written["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert written["tools"] == [{"name": "order"}] and written["messages"][2]["tool_calls"][0]["function"]["name"] == "order"
    triple = {"instruction": "帮我查一下订单", "input": "", "output": "您的订单已发货。", "system": "你是客服。"}
    assert rows_of(out / "instruction.train.jsonl") == [triple] and facts["balanced"]


def test_openai_messages_with_parts_and_tool_messages(project: Make, out: Path) -> None:
    parts = [
        {"type": "text", "text": "What is in this picture?"},
        {"type": "image_url", "image_url": {"url": "https://shop.example/a.png"}},
        {"type": "input_audio"},
    ]
    row = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": parts},
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "see", "arguments": "{}"}}]},
            {"role": "tool", "content": [{"type": "text", "text": "a chair"}]},
            {"role": "assistant", "content": "A chair."},
        ]
    }
    facts = built(project, out, [row, {"messages": "nonsense"}], "openai")
    assert said(out) == [
        [
            ("system", "Be brief."),
            ("customer", "What is in this picture?"),
            ("tool", '[{"function": {"name": "see", "arguments": "{}"}}]'),
            ("tool", "a chair"),
            ("agent", "A chair."),
        ]
    ]
    assert rows_of(out / "conversations.jsonl")[0]["context"]["images"] == ["https://shop.example/a.png"]
    assert any("1 pictures, sounds or files" in note for note in facts["notes"])
    assert facts["dropped_reasons"] == {"turns cannot be read": 1}


def test_alpaca_with_input_and_history(project: Make, out: Path) -> None:
    rows = [
        {"instruction": "翻译成英文", "input": "你好", "output": "Hello", "history": []},
        {"instruction": "再短一点", "input": "", "output": "Hi", "history": [["翻译成英文：你好", "Hello there"]]},
        {"instruction": "没有答案", "input": "", "output": ""},
    ]
    facts = built(project, out, rows, "alpaca")
    assert "| train | 2 | 2 |" in (out / "card.md").read_text("utf-8") and "| instruction |" in (out / "card.md").read_text("utf-8")
    assert facts["kinds"] == {"instruction": 2} and facts["dropped_reasons"] == {"no output": 1}
    assert said(out)[0] == [("customer", "翻译成英文\n你好"), ("agent", "Hello")]
    assert [role for role, _ in said(out)[1]] == ["customer", "agent", "customer", "agent"]
    assert rows_of(out / "instruction.train.jsonl")[0] == {"instruction": "翻译成英文\n你好", "input": "", "output": "Hello"}


RISK = [
    {"编号": "A1", "月收入": 8000, "逾期次数": 0, "用途": "装修", "风险等级": "低", "原因": "收入稳定，无逾期"},
    {"编号": "A2", "月收入": 3000, "逾期次数": 4, "用途": "", "风险等级": "高", "原因": ""},
]


def test_records_by_a_ready_template(project: Make, out: Path) -> None:
    built(project, out, RISK, "records", template="risk-zh")
    first, second = said(out)
    assert first[0][1].endswith("月收入：8000\n逾期次数：0\n用途：装修") and "编号" not in first[0][1] and "风险等级：低" not in first[0][1]
    assert first[1][1] == "风险等级：低。依据：收入稳定，无逾期" and second[1][1] == "风险等级：高。"
    assert "用途" not in second[0][1]


@pytest.mark.parametrize("name", ["risk-zh", "risk-en", "medical-zh", "medical-en", "contract-zh", "contract-en"])
def test_every_ready_template(project: Make, out: Path, name: str) -> None:
    rows = [{"风险等级": "高", "处理建议": "复查血压，两周后随访。", "条款": "甲方可随时解除合同。", "年龄": 61}]
    built(project, out, rows, "records", template=name, map={"label": "风险等级", "answer": "处理建议", "clause": "条款"})
    ((asked, told),) = ([text for _, text in turns] for turns in said(out))
    assert "年龄" in asked and "61" in asked
    assert ("高" in told) and (name.startswith("risk") or "复查血压" in told) and ("{{" not in asked + told)


def test_alike_records_are_all_kept_and_spread_over_the_splits(project: Make, out: Path) -> None:
    rows = [{"income": 1000 + i, "home": "own", "purpose": "car", "risk": "low" if i % 3 else "high"} for i in range(60)]
    loaded = project({"name": "s", "shape": "records", "path": "x.jsonl", "template": "risk-en", "map": {"label": "risk"}})
    (loaded.root / "x.jsonl").write_text(jsonl(rows), "utf-8")
    facts = data.build(loaded, out)
    assert facts["conversations"] == 60 and facts["splits"] == {"train": 48, "validation": 6, "test": 6}


def test_a_history_in_a_cell_is_read_or_the_row_is_listed(project: Make, out: Path) -> None:
    asked = {"instruction": "再短一点", "output": "好的"}
    rows = [{**asked, "history": '[["翻译成英文", "Hello there"]]'}, {**asked, "history": [["没有答案"]]}, {**asked, "history": ""}]
    facts = built(project, out, rows, "alpaca", map={"instruction": "instruction", "output": "output", "history": "history"}, max_drop_share=1)
    assert said(out)[0][:2] == [("customer", "翻译成英文"), ("agent", "Hello there")]
    assert facts["dropped_reasons"] == {"history cannot be read": 1}


def test_an_optional_name_of_a_template_is_a_column_where_there_is_one(project: Make, out: Path, tmp_path: Path) -> None:
    text = "required: [title]\noptional: [remark]\ninstruction: '{{ title }}：{{ remark }}'\noutput: '{{ verdict }}'\n"
    (tmp_path / "own.yaml").write_text(text, "utf-8")
    built(project, out, [{"title": "合同审查", "remark": "加急", "verdict": "通过"}], "records", template="own.yaml", map={"title": "title"})
    assert said(out)[0][0] == ("customer", "合同审查：加急")
    (tmp_path / "own.yaml").write_text(text.replace("[remark]", "remark"), "utf-8")
    with pytest.raises(ConfigError, match=r"optional: 'remark' is no list of names"):
        built(project, out, [{"title": "合同审查", "verdict": "通过"}], "records", template="own.yaml")


@pytest.mark.parametrize(
    ("template", "match"),
    [
        ("risk-fr", r"no ready template and no readable file.*risk-zh"),
        ("", "template is missing.*risk-zh"),
        ({"instruction": "{{ 收入 }}", "output": "x"}, r"template names 收入: columns are 编号, 月收入"),
        ({"instruction": "{{ 月收入 ", "output": "x"}, r"template.instruction is no template \(line 1\)"),
    ],
)
def test_templates_that_cannot_be_used(project: Make, out: Path, template: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        built(project, out, RISK, "records", template=template)


@pytest.mark.parametrize(
    "text",
    [
        "{{ row.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 10 ** 100000000 }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}xxxxxxxxxx{% endfor %}{% endfor %}",
        "{{ row.update({'a': 1}) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ row['nothing'] }}",
    ],
)
def test_templates_that_attack_cost_their_rows_only(project: Make, out: Path, text: str) -> None:
    with pytest.raises(InputError, match="source s gives no conversation: 2 rows read, the template"):
        built(project, out, RISK, "records", template={"instruction": text, "output": "{{ 风险等级 }}"})


PARALLEL = [
    {"英文": "Please confirm the delivery address.", "中文": "请确认收货地址。", "来源": "合同"},
    {"英文": "The warranty lasts two years.", "中文": "保修期为两年。", "来源": ""},
]


@pytest.mark.parametrize(
    ("template", "direction", "asked"),
    [
        ("parallel-zh", "forward", ["英文翻译成中文", "confirm the delivery", "请确认收货地址。"]),
        ("parallel-zh", "backward", ["中文翻译成英文", "请确认收货地址", "Please confirm the delivery address."]),
        ("parallel-en", "forward", ["this English into Chinese", "confirm the delivery", "请确认收货地址。"]),
        ("parallel-en", "backward", ["this Chinese into English", "请确认收货地址", "Please confirm the delivery address."]),
    ],
)
def test_parallel_text_as_instructions(project: Make, out: Path, template: str, direction: str, asked: list[str]) -> None:
    facts = built(project, out, PARALLEL, "records", template=template, direction=direction)
    assert facts["kinds"] == {"instruction": 2} and facts["balanced"]
    first = said(out)[0]
    assert asked[0] in first[0][1] and asked[1] in first[0][1] and first[1][1] == asked[2]
    assert "来源" not in first[0][1] and rows_of(out / "instruction.train.jsonl")[0]["output"] == asked[2]


def test_both_directions_of_parallel_text_stay_on_one_side(project: Make, out: Path) -> None:
    def words(i: int, base: int) -> str:
        return "".join(chr(base + (i * 131 + k * 37) % 900) for k in range(12))

    rows = [{"src": words(i, 0x4E00), "tgt": words(i, 0xAC00)} for i in range(60)]
    rows += [{"src": words(i, 0x4E00), "tgt": words(i + 100, 0xAC00)} for i in range(10)]  # another translation of the same text
    rows += [{"src": words(i + 200, 0x4E00), "tgt": words(i, 0xAC00) + "."} for i in range(10, 20)]  # nearly the same translation of another
    loaded = project(
        {
            "name": "s", "shape": "records", "path": "x.jsonl", "template": "parallel-en", "direction": "both", "language": "zh",
            "target_language": "ko", "map": {"source": "src", "target": "tgt"},
        }
    )  # fmt: skip
    (loaded.root / "x.jsonl").write_text(jsonl(rows), "utf-8")
    facts = data.build(loaded, out)
    assert facts["conversations"] == 160 and facts["splits"]["test"] and facts["splits"]["validation"]
    where: dict[str, set[str]] = {}
    for row in rows_of(out / "conversations.jsonl"):
        asked, told = (turn["text"] for turn in row["turns"])
        for text in (asked.rsplit("\n", 1)[-1], told.rstrip(".")):
            where.setdefault(text.rstrip("."), set()).add(row["split"])
    assert len(where) >= 140 and all(len(sides) == 1 for sides in where.values())


def test_parallel_text_in_bad_form(project: Make, out: Path) -> None:
    facts = built(project, out, [*PARALLEL, {"英文": "alone", "中文": ""}], "records", template="parallel-zh", direction="both")
    assert facts["conversations"] == 4 and facts["dropped_reasons"] == {"no target": 2}
    with pytest.raises(ConfigError, match=r"direction both: only a template that requires source and target has two directions"):
        built(project, out, RISK, "records", template="risk-zh", direction="both")
    with pytest.raises(ConfigError, match=r"the template needs source and target"):
        built(project, out, RISK, "records", template="parallel-zh")


PROMPT, GOOD, BAD = "怎么退款？", "在订单页点退款，三天到账。", "不知道。"
USER, CHOSEN, REJECTED = ({"role": "user", "content": PROMPT}, {"role": "assistant", "content": GOOD}, {"role": "assistant", "content": BAD})


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": PROMPT, "chosen": GOOD, "rejected": BAD},
        {"prompt": [USER], "chosen": [CHOSEN], "rejected": [REJECTED]},
        {"chosen": [USER, CHOSEN], "rejected": [USER, REJECTED]},
        {"prompt": PROMPT, "chosen": [USER, CHOSEN], "rejected": [USER, REJECTED]},
        {"conversations": [{"from": "human", "value": PROMPT}], "chosen": {"from": "gpt", "value": GOOD}, "rejected": {"from": "gpt", "value": BAD}},
        {"chosen": f"\n\nHuman: {PROMPT}\n\nAssistant: {GOOD}", "rejected": f"\n\nHuman: {PROMPT}\n\nAssistant: {BAD}"},
        {"prompt": f"\n\nHuman: {PROMPT}\n\nAssistant:", "chosen": GOOD, "rejected": BAD},
    ],
)
def test_preference_pairs_in_every_form(project: Make, out: Path, row: dict[str, Any]) -> None:
    facts = built(project, out, [row], "preference")
    assert facts["examples"] == {"preference": 1} and facts["conversations"] == 0 and facts["balanced"]
    made = rows_of(out / "preference.train.jsonl")[0]
    assert (made["prompt"], made["chosen"], made["rejected"]) == ([USER], [CHOSEN], [REJECTED])


def test_preference_transcripts_share_their_beginning(project: Make, out: Path) -> None:
    talk = "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: My order is late"
    rows = [
        {"chosen": f"{talk}\n\nAssistant: I am sorry, let me look.", "rejected": f"{talk}\n\nAssistant: So what."},
        {"chosen": f"{talk}\n\nAssistant: Same.", "rejected": f"{talk}\n\nAssistant: Same."},
        {"chosen": "", "rejected": "x"},
    ]
    facts = built(project, out, rows, "preference")
    made = rows_of(out / "preference.train.jsonl")[0]
    assert [message["content"] for message in made["prompt"]] == ["Hi", "Hello!", "My order is late"]
    assert facts["dropped_reasons"] == {"chosen and rejected are the same": 1, "no prompt": 1}


def test_classification_with_one_label(project: Make, out: Path) -> None:
    rows = [{"text": f"第{i}号订单到哪了", "label": i % 2} for i in range(4)] + [{"text": "第1号订单到哪了", "label": 0}, {"text": "？", "label": ""}]
    facts = built(project, out, rows, "classification", labels=["物流", "退款"])
    made = rows_of(out / "classification.train.jsonl")
    assert [row["label"] for row in made] == ["物流", "退款", "物流", "退款", "物流"]
    assert facts["contradictions"] == {"same text, different labels": 1}
    assert [row["flags"] for row in made if row["text"] == "第1号订单到哪了"] == [["conflicting_label"]] * 2
    assert facts["dropped_reasons"] == {"no label": 1}


def test_classification_with_several_labels(project: Make, out: Path) -> None:
    built(project, out, [{"text": "cancel and refund", "intents": ["cancel", "refund"]}, {"text": "hm", "intents": []}], "classification")
    assert [row["labels"] for row in rows_of(out / "classification.train.jsonl")] == [["cancel", "refund"], []]


def test_classification_labels_joined_in_one_cell(project: Make, out: Path) -> None:
    built(
        project,
        out,
        [{"text": "cancel, then refund", "label": "cancel<div>refund"}, {"text": "thanks", "label": "thanks"}],
        "classification",
        label_separator="<div>",
    )
    assert [row["labels"] for row in rows_of(out / "classification.train.jsonl")] == [["cancel", "refund"], ["thanks"]]


CONLL = "# text = x\n1\t王小明\tB-PER\n2\t在\tO\n3\t北京\tB-LOC\n4\t工作\tO\n\n1\t你好\tO\n2\t。\tO\n"


def test_tags_of_a_conll_file(project: Make, out: Path) -> None:
    loaded = project({"name": "s", "shape": "tags", "path": "x.txt", "mask_pii": False}, split={"validation": 0, "test": 0})
    (loaded.root / "x.txt").write_text(CONLL, "utf-8")
    facts = data.build(loaded, out)
    made = rows_of(out / "tokens.train.jsonl")
    assert [(row["tokens"], row["tags"]) for row in made] == [
        (["王小明", "在", "北京", "工作"], ["B-PER", "O", "B-LOC", "O"]),
        (["你好", "。"], ["O", "O"]),
    ]
    assert facts["examples"] == {"tokens": 2}


@pytest.mark.parametrize(
    ("tags", "bio"),
    [
        (["B-A", "I-A", "O", "I-B"], ["B-A", "I-A", "O", "B-B"]),
        (["S-A", "B-A", "I-A", "E-A", "S-A"], ["B-A", "B-A", "I-A", "I-A", "B-A"]),
        (["U-A", "B-B", "L-B", "O"], ["B-A", "B-B", "I-B", "O"]),
        (["I-A", "I-A", "B-A", "O"], ["B-A", "I-A", "B-A", "O"]),
        (["name", "name", "O", "city"], ["B-name", "I-name", "O", "B-city"]),
    ],
)
def test_schemes_become_bio(project: Make, out: Path, tags: list[str], bio: list[str]) -> None:
    built(project, out, [{"tokens": [f"w{i}" for i in range(len(tags))], "tags": tags}], "tags")
    assert rows_of(out / "tokens.train.jsonl")[0]["tags"] == bio


def test_masked_tokens_keep_their_tags(project: Make, out: Path) -> None:
    rows = [{"tokens": ["电话", "138", "1234", "5678", "转", "北京"], "tags": ["O", "B-TEL", "I-TEL", "I-TEL", "O", "B-LOC"]}]
    facts = built(project, out, rows, "tags")
    made = rows_of(out / "tokens.train.jsonl")[0]
    assert made["tags"] == rows[0]["tags"] and [made["tokens"][i] for i in (0, 4, 5)] == ["电话", "转", "北京"]
    number = made["tokens"][1:4]
    assert [len(piece) for piece in number] == [3, 4, 4] and number[0][0] == "0" and "".join(number).isdigit()
    assert "13812345678" not in "".join(made["tokens"]) and "invented data" in (out / "card.md").read_text("utf-8")
    assert facts["masked"] == {"cn_mobile": 1}


def test_tags_that_do_not_fit_are_counted(project: Make, out: Path) -> None:
    rows = [{"tokens": ["a", "b"], "tags": ["O"]}, {"tokens": ["a", ""], "tags": ["O", "O"]}, {"tokens": "my name is Li", "tags": "O O O B-N"}]
    facts = built(project, out, rows, "tags", mask_pii=False)
    assert facts["dropped_reasons"] == {"an empty token": 1, "tokens and tags differ in number": 1}
    assert rows_of(out / "tokens.train.jsonl")[0]["tokens"] == ["my", "name", "is", "Li"]


CONTEXT = "退款　规则：<b>年付</b>用户可在７天内退款，联系电话13812345678，退款三天到账。"


@pytest.mark.parametrize("form", ["squad", "cmrc", "flat", "huggingface"])
def test_answers_stay_where_they_stand(project: Make, out: Path, form: str) -> None:
    """Cleaning (width, HTML, blanks) and masking move the text; the offsets move with it."""
    asked = [("几天内可以退款？", "７天内"), ("电话多少？", "13812345678"), ("多久到账？", "三天"), ("谁能退款？", "<b>年付</b>用户")]
    places = [(question, answer, CONTEXT.index(answer)) for question, answer in asked]
    rows: list[Any]
    if form == "squad":
        qas = [{"id": str(n), "question": q, "answers": [{"text": a, "answer_start": s}]} for n, (q, a, s) in enumerate(places)]
        rows = [{"title": "退款", "paragraphs": [{"context": CONTEXT, "qas": qas}]}]
    elif form == "cmrc":
        rows = [
            {
                "context_id": "D1",
                "context_text": CONTEXT,
                "qas": [{"query_id": str(n), "query_text": q, "answers": [a, a]} for n, (q, a, _) in enumerate(places)],
            }
        ]
    elif form == "flat":
        rows = [{"context": CONTEXT, "question": q, "answer": a, "answer_start": s} for q, a, s in places]
    else:
        rows = [{"context": CONTEXT, "question": q, "answers": {"text": [a], "answer_start": [s]}} for q, a, s in places]
    facts = built(project, out, rows, "qa")
    made = rows_of(out / "qa.train.jsonl")
    assert facts["examples"] == {"qa": 4} and facts["balanced"]
    assert [row["answers"]["text"] for row in made] == [["7天内"], ["[手机号_1]"], ["三天"], ["年付用户"]]
    for row in made:
        start, text = row["answers"]["answer_start"][0], row["answers"]["text"][0]
        assert row["context"][start : start + len(text)] == text
        assert "13812345678" not in json.dumps(row, ensure_ascii=False)


def test_questions_without_an_answer(project: Make, out: Path) -> None:
    row = {"paragraphs": [{"context": "Open nine to five.", "qas": [
        {"question": "When?", "id": "1", "is_impossible": False, "answers": [{"text": "nine", "answer_start": 3}]},
        {"question": "Who?", "id": "2", "is_impossible": True, "answers": []},
        {"question": "Why?", "id": "3", "is_impossible": False, "answers": [{"text": "because", "answer_start": 0}]},
    ]}]}  # fmt: skip
    facts = built(project, out, [row], "qa")
    made = {row["question"]: row["answers"] for row in rows_of(out / "qa.train.jsonl")}
    assert made == {"When?": {"text": ["nine"], "answer_start": [5]}, "Who?": {"text": [], "answer_start": []}}
    assert facts["dropped_reasons"] == {"answer is not in the context": 1}


def test_questions_on_one_text_stay_on_one_side(project: Make, out: Path) -> None:
    texts = ["".join(chr(0x4E00 + (i * 97 + j * 13) % 5000) for j in range(30)) for i in range(30)]
    rows = [{"context": text, "question": question, "answer": text[3:6]} for text in texts for question in ("多少钱？", "要几天？", "找谁办？")]
    loaded = project({"name": "s", "shape": "qa", "path": "x.jsonl"})
    (loaded.root / "x.jsonl").write_text(jsonl(rows), "utf-8")
    data.build(loaded, out)
    assert sum(1 for split in ("train", "validation", "test") for _ in rows_of(out / f"qa.{split}.jsonl")) == 90
    sides = [{row["context"] for row in rows_of(out / f"qa.{split}.jsonl")} for split in ("train", "validation", "test")]
    assert all(sides) and not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_parallel_text(project: Make, out: Path) -> None:
    rows = [
        {"translation": {"en": "Your order has shipped.", "zh": "您的订单已发货。"}},
        {"translation": {"en": "OK", "zh": "OK"}},
        {"translation": {"en": "x", "zh": ""}},
    ]
    facts = built(project, out, rows, "parallel", map={"source": "translation.en", "target": "translation.zh"})
    made = rows_of(out / "parallel.train.jsonl")[0]
    assert (made["source_language"], made["target_language"]) == ("en", "zh") and made["target"] == "您的订单已发货。"
    assert facts["dropped_reasons"] == {"both sides are the same": 1, "no target text": 1}


def test_arrays_and_lists_by_split(project: Make, out: Path) -> None:
    document = {"train": [["my card is lost", "lost"], ["where is my card", "late"]], "val": [["card gone", "lost"]]}
    loaded = project({"name": "s", "shape": "classification", "path": "x.json", "rows_at": "*", "map": {"text": "1", "label": "2"}})
    (loaded.root / "x.json").write_text(json.dumps(document), "utf-8")
    assert data.build(loaded, out)["examples"] == {"classification": 3}


def test_a_folder_of_mixed_files(project: Make, out: Path) -> None:
    loaded = project({"name": "s", "shape": "faq", "path": "raw"})
    for folder in ("raw/a", "raw/b"):
        (loaded.root / folder).mkdir(parents=True)
    (loaded.root / "raw/a/x.csv").write_text("question,answer\n怎么退款？,三天到账\n", "utf-8")
    (loaded.root / "raw/b/x.csv").write_bytes("question;answer\n怎么开票？;在订单页申请\n".encode("gb18030"))
    (loaded.root / "raw/b/y.jsonl").write_text('{"question": "运费多少？", "answer": "满99元包邮"}\n', "utf-8")
    (loaded.root / "raw/README").write_text("not data", "utf-8")
    facts = data.build(loaded, out)
    files = json.loads((out / "ledger.json").read_text("utf-8"))["sources"]["s"]["files"]
    assert facts["conversations"] == 3 and list(files) == ["a/x.csv", "b/x.csv", "b/y.jsonl"]
    assert files["b/x.csv"] == {"format": "csv", "encoding": "gb18030", "delimiter": ";", "header": "line 1"}
    assert any("1 files of unknown format were not read: README" in note for note in facts["notes"])


def test_a_preview_of_every_kind(project: Make) -> None:
    loaded = project({"name": "s", "shape": "qa", "path": "x.jsonl"})
    (loaded.root / "x.jsonl").write_text(jsonl([{"context": "Call 13812345678.", "question": "Number?", "answer": "13812345678"}]), "utf-8")
    (shown,) = data.preview(loaded, "s", 3)
    assert shown.as_dict()["answers"] == {"text": ["[PHONE_1]"], "answer_start": [5]}


def test_the_category_is_that_of_messages_that_stay(project: Make, out: Path) -> None:
    talk = [
        ("系统", "您已接入人工客服", "通知"),
        ("客服", "请对本次服务进行评价", "评价"),
        ("客户", "怎么退水费？", ""),
        ("客户", "上个月多交了", "退费"),
    ]
    other = [("系统", "您已接入人工客服", "通知"), ("客户", "水费怎么查？", ""), ("客服", "在公众号里可以查。", "查询")]
    none = [("系统", "您已接入人工客服", "通知"), ("客户", "什么时候来水？", ""), ("客服", "今晚八点恢复。", "")]
    ends = ("客服", "已经登记，三天内退回。", "退费完成")
    rows = [
        {"会话": f"t{n}", "发送者": who, "内容": text, "分类": category}
        for n, one in enumerate(([*talk, ends], other, none), 1)
        for who, text, category in one
    ]
    built(project, out, rows, "messages", map={"conversation": "会话", "role": "发送者", "text": "内容", "category": "分类"})
    assert [row.get("category", "") for row in rows_of(out / "conversations.jsonl")] == ["退费", "查询", ""]
