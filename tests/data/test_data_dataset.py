"""The dataset class: labels, take-over, context, a project's own subclass, and the pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kefu.conversation import Context, Conversation, Turn
from kefu.data import SupportDataset, signals, visualise
from kefu.data.dataset import annotate, load_class
from kefu.data.fonts import chinese_font
from kefu.errors import ConfigError, InputError


def talk(*said: str, **fields: object) -> Conversation:
    return Conversation(id="t", turns=[Turn("agent" if text.startswith("+") else "customer", text.lstrip("+")) for text in said], **fields)  # type: ignore[arg-type]


DATASET = SupportDataset([])


@pytest.mark.parametrize(
    ("conversation", "label", "index"),
    [
        (talk("怎么开发票", "+在订单页申请", "谢谢"), "good", None),
        (talk("How do I get an invoice?", "+On the orders page.", "thanks"), "good", None),
        (talk("我要投诉你们", "+抱歉"), "bad", 0),
        (talk("I want to file a complaint", "+sorry"), "bad", 0),
        (talk("怎么登录", "+请重启", "还是不行"), "bad", 2),
        (talk("I cannot log in", "+Restart please", "it still doesn't work"), "bad", 2),
        (talk("你好", "+您好", "转人工"), "good", 2),
        (talk("let me talk to a human please", "+sure"), "good", 0),
        (talk("钱被多扣了", "+我查一下", "好的谢谢"), "good", 0),
        (talk("I was charged twice", "+let me see", "thank you"), "good", 0),
        (talk("怎么退款到银行卡", "+请稍等", "怎么退款到银行卡呢", "+三天到账"), "fair", 2),
        (talk("太慢了吧", "+抱歉，已加急", "好的，谢谢，解决了"), "good", None),
        (talk("怎么退款？"), "fair", None),
        (talk("能退吗？", "+不太明白您的意思", "能退吗？", "+抱歉，无法回答"), "bad", 2),
    ],
)
def test_the_rule_of_the_docstring(conversation: Conversation, label: str, index: int | None) -> None:
    assert DATASET.label(conversation) == label
    assert DATASET.human_intervention_idx(conversation) == index


def test_taking_over_never_looks_ahead() -> None:
    whole = talk("怎么登录", "+请重启", "还是不行", "+请再试", "我要投诉", "+抱歉", "谢谢")
    for end in range(1, len(whole.turns) + 1):
        cut = Conversation(id="t", turns=whole.turns[:end])
        expected = 2 if end > 2 else None
        assert DATASET.human_intervention_idx(cut) == expected


def test_faq_pairs_are_good_unless_they_contradict() -> None:
    assert DATASET.label(talk("a", "+b", kind="faq")) == "good"
    assert DATASET.label(talk("a", "+b", kind="faq", flags=["contradiction"])) == "fair"
    assert DATASET.human_intervention_idx(talk("我要投诉", "+b", kind="faq")) is None


def test_it_is_a_torch_dataset_over_the_file(tmp_path: Path) -> None:
    torch_data = pytest.importorskip("torch.utils.data")
    path = tmp_path / "conversations.jsonl"
    rows = [Conversation(id=f"t{i}", turns=[Turn("customer", "你好")], context=Context(customer={"tier": i})) for i in range(5)]
    path.write_text("".join(json.dumps(row.as_dict(), ensure_ascii=False) + "\n" for row in rows), "utf-8")
    dataset = SupportDataset.from_file(path)
    assert isinstance(dataset, torch_data.Dataset)
    for beyond in (5, -6, -7):
        with pytest.raises(IndexError):
            dataset[beyond]
    assert dataset[-5].id == "t0"
    assert len(dataset) == 5 and dataset[3].id == "t3" and dataset.get_context(3).customer == {"tier": 3}
    loader = torch_data.DataLoader(dataset, batch_size=2, collate_fn=list)
    assert [[c.id for c in batch] for batch in loader] == [["t0", "t1"], ["t2", "t3"], ["t4"]]
    with pytest.raises(InputError, match="no conversations at"):
        SupportDataset.from_file(tmp_path / "nowhere.jsonl")


OWN = """
from kefu.data import SupportDataset
class Mine(SupportDataset):
    def label(self, conversation):
        return {label}
    def human_intervention_idx(self, conversation):
        return {index}
class Other:
    pass
"""


def test_a_projects_own_class(tmp_path: Path) -> None:
    (tmp_path / "dataset.py").write_text(OWN.format(label="'gold'", index="0"), "utf-8")
    found = load_class("dataset.py:Mine", tmp_path)
    one = talk("你好", "+您好")
    annotate(found([one]))
    assert (one.label, one.intervention) == ("gold", 0)
    assert load_class("", tmp_path) is SupportDataset


@pytest.mark.parametrize(
    ("reference", "match"),
    [
        ("dataset.py", "file and class are not both named"),
        ("gone.py:Mine", r"no file gone\.py"),
        ("dataset.py:Mien", r"no dataset class 'Mien': it has Mine"),
        ("dataset.py:Other", r"no dataset class 'Other'"),
        ("broken.py:Mine", r"broken\.py cannot be loaded: SyntaxError"),
    ],
)
def test_a_class_that_cannot_be_loaded(tmp_path: Path, reference: str, match: str) -> None:
    (tmp_path / "dataset.py").write_text(OWN.format(label="'x'", index="None"), "utf-8")
    (tmp_path / "broken.py").write_text("class Mine(:\n", "utf-8")
    with pytest.raises(ConfigError, match=match):
        load_class(reference, tmp_path)


@pytest.mark.parametrize(
    ("label", "index", "match"),
    [
        ("None", "None", "label gave None"),
        ("'x'", "False", "human_intervention_idx gave False for t"),
        ("'x'", "7", "human_intervention_idx gave 7 for t.*turns 0 to 1"),
        ("1 / 0", "None", "Mine failed on t.*ZeroDivisionError"),
    ],
)
def test_a_class_that_breaks_its_contract(tmp_path: Path, label: str, index: str, match: str) -> None:
    (tmp_path / "dataset.py").write_text(OWN.format(label=label, index=index), "utf-8")
    with pytest.raises(ConfigError, match=match):
        annotate(load_class("dataset.py:Mine", tmp_path)([talk("你好", "+您好")]))


def test_the_demos_class_uses_stars_and_outcome(root: Path) -> None:
    dataset = load_class("dataset.py:CloudMaxDataset", root / "examples" / "cloudmax")([])
    assert dataset.label(talk("怎么退款", "+好", meta={"satisfaction": "1"})) == "bad"
    assert dataset.label(talk("怎么退款？", meta={"satisfaction": "5"})) == "good"
    assert dataset.label(talk("怎么退款", "+好", outcome="转技术")) == "bad"
    assert dataset.human_intervention_idx(talk("我们企业版很急，打不开了", "+好")) == 0


def test_signals() -> None:
    turns = talk("能退吗？", "+可以的", "多久到账？", "怎么没人？").turns
    assert signals.unanswered(turns) == 2
    assert signals.length(talk("退款 please", "+三天").turns) == 5
    assert signals.sentiment("太差了") == signals.sentiment("this is terrible") == -1
    assert signals.sentiment("谢谢，解决了") == signals.sentiment("thanks, that worked") == 1
    assert signals.sentiment("怎么退款") == signals.sentiment("how do I pay") == 0
    assert signals.repetition(talk("怎么退款到卡", "+a", "怎么退款到卡呀").turns, "customer") == 1


# -- pictures ------------------------------------------------------------------------------------------------


def many() -> list[Conversation]:
    found = []
    for i in range(30):
        one = talk(
            *(["怎么退款", "+三天到账"] * (1 + i % 4)),
            category=["账户与登录", "Billing", "物流"][i % 3],
            kind="faq" if i % 2 else "dialogue",
            language="zh",
        )
        one.id, one.label, one.intervention = f"t{i}", ["good", "fair", "bad"][i % 3], None if i % 2 else i % 3
        found.append(one)
    return found


def test_pictures_in_both_formats_and_equal_twice(tmp_path: Path) -> None:
    facts = visualise(many(), tmp_path / "a")
    assert sorted(facts["plots"]) == sorted(
        f"{name}.{kind}" for name in ("lengths", "turns", "quality", "interventions", "categories") for kind in ("png", "svg")
    )
    visualise(SupportDataset(many()), tmp_path / "b")
    for name in facts["plots"]:
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert content.startswith(b"\x89PNG") or b"<svg" in content
    assert "账户与登录" in (tmp_path / "a" / "categories.svg").read_text("utf-8")
    assert facts["chinese_font"] != ""


def test_a_machine_without_a_chinese_font_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kefu.data import plots

    monkeypatch.setattr(plots, "chinese_font", lambda: None)
    facts = visualise(many(), tmp_path)
    assert facts["chinese_font"] == "none"
    labels = plots.Labels(plain=True)
    assert [labels(name) for name in ("账户与登录", "Billing", "物流", "账户与登录")] == ["C1", "Billing", "C2", "C1"]
    assert "账户与登录" in (tmp_path / "categories.svg").read_text("utf-8")


def test_a_font_is_taken_only_when_it_has_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    monkeypatch.setenv("KEFU_FONT", str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"))
    chinese_font.cache_clear()
    found = chinese_font()
    chinese_font.cache_clear()
    assert found is None or "DejaVu" not in found.name


def test_no_data_at_all_can_be_drawn(tmp_path: Path) -> None:
    assert len(visualise([], tmp_path)["plots"]) == 8  # the categories are left out where there are none


def test_the_room_is_light_to_import() -> None:
    heavy = ("torch", "polars", "matplotlib", "sqlalchemy", "numpy")
    code = f"import sys, kefu.data; kefu.data.privacy.find('x'); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
