"""A dataset of several label sets: a head is trained on one of them, and nothing is poured together."""

from __future__ import annotations

from pathlib import Path

import pytest

from kefu.errors import InputError
from kefu.train.factory import data


def test_which_set_of_labels_must_be_said(tmp_path: Path) -> None:
    for name in ("classification.intents", "classification.nps"):
        for split in data.SPLITS:
            (tmp_path / f"{name}.{split}.jsonl").write_text('{"text": "退款", "label": "a"}\n', "utf-8")
    with pytest.raises(
        InputError, match=r"2 sets of labels \(intents, nps\).*data\.train=.*intents\.train\.jsonl.*data\.test=.*intents\.test\.jsonl"
    ):
        data._artefact(tmp_path, "train", "labelled")
    (tmp_path / "classification.train.jsonl").write_text('{"text": "退款", "label": "a"}\n', "utf-8")
    assert [file.name for file in data._artefact(tmp_path, "train", "labelled")] == ["classification.train.jsonl"]
    (tmp_path / "preference.made.jsonl").write_text("{}\n", "utf-8")
    assert [file.name for file in data._artefact(tmp_path, "train", "preference")] == ["preference.made.jsonl"]
    assert data._artefact(tmp_path, "test", "preference") == []
