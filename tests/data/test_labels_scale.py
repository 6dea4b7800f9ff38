"""The quality scale that people label with: that of the dataset class, or of kefu.yaml; its keys, its way through page, build and agreement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu.data import SupportDataset
from kefu.data.agreement import of_task
from kefu.data.classes import quality_scale
from kefu.data.labelling import LabelLog, tasks
from kefu.errors import ConfigError
from kefu.project import load

from .datahouse import built, company, process
from .desk import rows_of

OWN = '''from kefu.data import SupportDataset


class Own(SupportDataset):
    """优: solved at once; 良: solved; 差: not solved."""

    labels = ("优", "良", "差")

    def label(self, conversation):
        return {"good": "优", "fair": "良", "bad": "差"}[super().label(conversation)]
'''


def own(root: Path) -> Path:
    company(root, talks=10)
    (root / "dataset.py").write_text(OWN, "utf-8")
    text = (root / "kefu.yaml").read_text("utf-8").replace("data:\n", "data:\n  dataset_class: dataset.py:Own\n")
    (root / "kefu.yaml").write_text(text, "utf-8")
    return root


def scaled(root: Path) -> Path:
    company(root, talks=10)
    text = (root / "kefu.yaml").read_text("utf-8").replace("data:\n", "data:\n  labels: {scale: [excellent, good, fair, poor]}\n")
    (root / "kefu.yaml").write_text(text, "utf-8")
    return root


@given(
    st.lists(
        st.sampled_from(["good", "great", "fair", "bad", "poor", "优", "良", "差", "Zoo", "jk", "1", "ok", "A/B"]),
        min_size=2,
        max_size=9,
        unique=True,
    )
)
def test_every_label_has_a_key_of_its_own(scale: list[str]) -> None:
    found = tasks.keys(scale)
    assert [one["value"] for one in found] == [*scale, "unsure"]
    keys = [one["key"] for one in found]
    assert len(set(keys)) == len(keys) and all(len(key) == 1 for key in keys) and not set(keys) & set("JKZ")


def test_the_scale_of_the_class_and_of_the_settings() -> None:
    assert quality_scale(SupportDataset) == ("good", "fair", "bad")
    assert quality_scale(SupportDataset, ["a", "b"]) == ("a", "b")
    for wrong in ("good", ("good",), ("a", "a"), ("a", 1), ("a", ""), ("good", "unsure"), ()):
        kind = type("Wrong", (SupportDataset,), {"labels": wrong})
        with pytest.raises(ConfigError, match=r"Wrong\.labels"):
            quality_scale(kind)


@pytest.mark.parametrize("scale", ["[good]", "[good, good]", "[good, unsure]", "['', x]", "good", "[a, b, c, d, e, f, g, h, i, j]"])
def test_a_wrong_scale_is_named(tmp_path: Path, scale: str) -> None:
    root = scaled(tmp_path / "shop")
    (root / "kefu.yaml").write_text((root / "kefu.yaml").read_text("utf-8").replace("[excellent, good, fair, poor]", scale), "utf-8")
    with pytest.raises(ConfigError, match="scale"):
        load(root)


@pytest.mark.parametrize(
    ("make", "shown", "chosen", "refused"),
    [
        pytest.param(own, [("优", "1"), ("良", "2"), ("差", "3"), ("unsure", "U")], "差", "bad", marks=pytest.mark.long),
        (scaled, [("excellent", "E"), ("good", "G"), ("fair", "F"), ("poor", "P"), ("unsure", "U")], "poor", "bad"),
    ],
)
def test_from_the_page_into_the_dataset(tmp_path: Path, make: Any, shown: list[tuple[str, str]], chosen: str, refused: str) -> None:
    root = make(tmp_path / "shop")
    before = rows_of(built(root).file("conversations.jsonl"))
    with (
        process("label", root, "--annotator", "甲", "--annotator", "乙", "--overlap", "1") as (url, _),
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        assert [(one["value"], one["key"]) for one in client.get("/api/session").json()["qualities"]] == shown
        item: dict[str, Any] = {}
        for annotator in ("甲", "乙"):
            if not item:
                item = client.get("/api/item", params={"annotator": annotator, "task": "quality"}).json()["item"]
            answer = {"annotator": annotator, "task": "quality", "item": item["id"], "digest": item["digest"], "op": f"operation-{annotator}"}
            assert client.post("/api/answers", json={**answer, "value": refused}).status_code == 400
            assert client.post("/api/answers", json={**answer, "value": chosen}).status_code == 200
        agreed = client.get("/api/agreement", params={"annotator": "甲", "task": "quality"}).json()
        assert agreed["answers"] == {"甲": 1, "乙": 1} and agreed["measures"][0]["n"] == 1
    after = {row["id"]: row for row in rows_of(built(root).file("conversations.jsonl"))}
    assert after[item["id"]]["label"] == chosen and "low_quality" in after[item["id"]]["flags"]
    assert sum(row["label"] != after[row["id"]]["label"] for row in before) <= 1
    LabelLog(root / "labels", "甲").write("quality", item["id"], refused, "by-hand", item["digest"])
    assert next(row for row in rows_of(built(root).file("conversations.jsonl")) if row["id"] == item["id"])["label"] == chosen, "乙's still holds"


def test_agreement_over_more_than_two_labels() -> None:
    said = {
        "a": {str(i): ("优", "良", "差")[i % 3] for i in range(30)},
        "b": {str(i): ("优", "良", "差")[i % 3 if i else 1] for i in range(30)},
    }
    found = of_task("quality", said)
    assert found[0]["measure"] == "kappa" and 0.9 < found[0]["value"] < 1 and found[0]["n"] == 30
