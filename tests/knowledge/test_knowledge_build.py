"""The folder: what goes in, what is reported, and what a damaged one says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kefu.errors import ConfigError, InputError
from kefu.knowledge import KnowledgeBase, build
from kefu.project.schema import Knowledge

from .shop_faq import make, rows, write


def test_facts_count_everything(shop):
    _, facts, folder = shop
    assert (facts["entries"], facts["questions"]) == (28, 112)
    assert facts["passages"] == 3
    trials = facts["faq"]["trials"]
    assert trials["new_wording"]["n"] > 50
    assert trials["general"]["n"] > 300
    kept = json.loads((folder / "kb" / "calibration.json").read_text("utf-8"))
    assert kept["faq"] == facts["faq"]


def test_thresholds_keep_what_they_promise_on_the_trials(shop):
    _, facts, _ = shop
    trials = facts["faq"]["trials"]
    assert trials["general"]["in_scope"] <= 0.06
    assert trials["general"]["direct"] <= 0.02
    assert trials["new_wording"]["right"] >= 0.6
    answered = [(row["n"] * row["direct"], row["direct_right"]) for row in (trials["new_wording"], trials["damaged"])]
    assert sum(n * share for n, share in answered) / sum(n for n, _ in answered) >= 0.93


def test_same_input_same_digest(tmp_path):
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        base, facts = make(tmp_path / name, rows()[:6])
        digests.append((base.digest, facts["digest"], (tmp_path / name / "kb" / "calibration.json").read_text("utf-8")))
    assert digests[0] == digests[1]
    assert digests[0][0] == digests[0][1]


def test_loaded_is_what_was_built(shop):
    base, _, folder = shop
    again = KnowledgeBase.load(str(folder / "kb"))
    assert again.search("怎么退钱") == base.search("怎么退钱")
    assert again.digest == base.digest


def test_one_entry_one_question(tmp_path):
    base, _ = make(tmp_path, rows()[:1])
    base_one, _ = make(tmp_path, [{**rows()[0], "questions": ["退款多久到账"]}])
    for found in (base, base_one):
        assert found.search("退款多久到账").hits[0].id == "z-refund"
        assert found.search("退款多久到账").in_scope
        assert not found.search("今天天气怎么样").in_scope
        assert not found.search("法国的首都是哪里").in_scope


def test_entries_with_one_question_each(tmp_path):
    base, facts = make(tmp_path, [{**row, "questions": row["questions"][:1]} for row in rows()])
    assert "new_wording" not in facts["faq"]["trials"]
    asked = [(row["id"], text) for row in rows() for text in row["questions"][1:]]
    right = sum(base.search(text).hits[0].id == name for name, text in asked)
    assert right >= 0.6 * len(asked)
    assert not base.search("帮我写一首诗").in_scope


def test_many_answer_variants_do_not_cover_everything(tmp_path):
    table = rows()[:8]
    filler = [
        "今天天气晴朗适合出游",
        "足球比赛昨晚结束",
        "推荐一部电影给你",
        "番茄炒蛋的做法很简单",
        "股票今天上涨",
        "钢琴曲很好听",
        "飞机票已经售罄",
        "小狗喜欢散步",
    ]
    table[0] = {**table[0], "answers": [table[0]["answer"], *(f"{table[0]['answer']}{text}" for text in filler)]}
    base, _ = make(tmp_path, table)
    assert not base.search("番茄炒蛋的做法").in_scope
    assert base.search("退款几个工作日能退回").hits[0].id == "z-refund"


def test_one_language_alone(tmp_path):
    base, facts = make(tmp_path, [row for row in rows() if row["language"] == "en"])
    assert facts["faq"]["by_language"] == {}
    assert base.search("如何申请退款到账").hits[0].id == "e-refund"  # concepts are shared by both languages


def test_rows_left_out_are_counted(tmp_path):
    good = rows()[:3]
    bad = [{**good[0], "id": "x", "answer": " "}, {**good[1], "questions": ["怎么开发票", "怎么开发票？", ""]}]
    _, facts = make(tmp_path, [*good[2:], *bad, good[0]])
    assert facts["dropped"] == {"no answer": 1, "empty or repeated question": 2}
    assert facts["entries"] == 3


def test_nothing_to_index(tmp_path):
    with pytest.raises(InputError, match=r"faq.jsonl has no usable entry"):
        make(tmp_path, [])
    with pytest.raises(InputError, match="no answer"):
        make(tmp_path, [{"id": "a", "questions": ["x"]}])


def test_manuals_alone(tmp_path):
    manual = tmp_path / "manual.txt"
    manual.write_text("开机前请先充电两小时。\n\n长按电源键三秒可以开机。", "utf-8")
    build(tmp_path / "none.jsonl", [manual], Knowledge(), tmp_path / "kb", 1)
    found = KnowledgeBase.load(tmp_path / "kb").search("怎么开机，要按多久电源键")
    assert found.hits[0].kind == "document"
    assert found.hits[0].source == "manual.txt"


def test_own_synonyms(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("moon_box: [月光宝盒, 旗舰机, moonbox]\n", "utf-8")
    table = [*rows()[:6], {"id": "box", "language": "zh", "answer": "月光宝盒售价999元。", "questions": ["月光宝盒的介绍", "想看月光宝盒"]}]
    base, _ = make(tmp_path, table, synonyms=str(own))
    assert base.search("旗舰机是啥").hits[0].id == "box"


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: b\n", "a: [b\n", "a: ['']\n"])
def test_synonyms_of_the_wrong_shape(tmp_path, text):
    own = tmp_path / "own.yaml"
    own.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"knowledge\.synonyms.*own\.yaml"):
        make(tmp_path, rows()[:2], synonyms=str(own))


def test_synonyms_that_are_missing(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        make(tmp_path, rows()[:2], synonyms=str(tmp_path / "none.yaml"))


def test_a_folder_that_is_not_one(tmp_path):
    with pytest.raises(InputError, match="is not a knowledge folder"):
        KnowledgeBase.load(tmp_path)


@pytest.mark.parametrize(("name", "content"), [("index.json", b"{"), ("arrays.npz", b"no archive"), ("index.json", b"{}")])
def test_a_damaged_folder_says_so(tmp_path, name, content):
    make(tmp_path, rows()[:3])
    (tmp_path / "kb" / name).write_bytes(content)
    with pytest.raises(InputError, match=r"damaged|format"):
        KnowledgeBase.load(tmp_path / "kb")


def test_arrays_hold_no_objects(shop):
    _, _, folder = shop
    with np.load(folder / "kb" / "arrays.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "fiu" for name in archive.files)
    assert {path.suffix for path in (folder / "kb").iterdir()} == {".npz", ".json"}


def test_searching_needs_numpy_alone_and_importing_not_even_that(shop):
    _, _, folder = shop
    code = (
        "import sys, kefu.knowledge; assert 'numpy' not in sys.modules\n"
        f"kefu.knowledge.KnowledgeBase.load({str(folder / 'kb')!r}).search('怎么退款')\n"
        "heavy = {'scipy', 'sklearn', 'torch', 'yaml.nothing'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_broken_line_is_named(tmp_path):
    path = write(tmp_path / "faq.jsonl", rows()[:2])
    path.write_text(path.read_text("utf-8") + "{broken\n", "utf-8")
    with pytest.raises(InputError, match=r"faq\.jsonl, line 3"):
        build(path, [], Knowledge(), tmp_path / "kb", 1)


@pytest.mark.parametrize("name", ["index.json", "arrays.npz"])
@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04" + b"x" * 20, b'{"format": 1}', b"[]", b'"x"', b"[" * 100_000])
def test_a_cut_or_overwritten_file_is_damage_said_in_one_line(shop, tmp_path: Path, name: str, damage: bytes) -> None:
    made = next(path.parent for path in shop[2].rglob("arrays.npz"))
    folder = tmp_path / "knowledge"
    shutil.copytree(made, folder)
    KnowledgeBase.load(folder)
    (folder / name).write_bytes(damage)
    with pytest.raises(InputError, match=r"knowledge (is damaged|has format)"):
        KnowledgeBase.load(folder)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_arrays_cut_anywhere_are_damage(shop, tmp_path: Path, share: float) -> None:
    made = next(path.parent for path in shop[2].rglob("arrays.npz"))
    folder = tmp_path / "knowledge"
    shutil.copytree(made, folder)
    whole = (folder / "arrays.npz").read_bytes()
    (folder / "arrays.npz").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="is damaged"):
        KnowledgeBase.load(folder)
