"""Which checkpoint is worth going on from after a loss that is no number."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from kefu.train.factory.fit import last_good

NAN = float("nan")


def checkpoint(work, step, losses, *, weight=1.0, state=1.0, evaluation=0.5):
    folder = work / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    save_file({"w": torch.full((2,), weight)}, folder / "model.safetensors")
    torch.save({"state": {0: {"exp_avg": torch.full((2,), state)}}, "param_groups": [{"lr": 0.1}]}, folder / "optimizer.pt")
    log = [{"step": n + 1, "loss": loss} for n, loss in enumerate(losses)] + [{"step": step, "eval_loss": evaluation}]
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": log}), "utf-8")
    return folder


@pytest.mark.parametrize(
    "dead",
    [
        {"weight": NAN}, {"state": NAN}, {"evaluation": NAN}, {"losses": [2.0, NAN]}, {"losses": [2.0, 900.0]}, {"weight": float("inf")}
    ],
)  # fmt: skip
def test_the_checkpoint_before_a_dead_one_is_named(tmp_path, dead):
    good = checkpoint(tmp_path, 2, [2.0, 1.5])
    bad = checkpoint(tmp_path, 4, **{"losses": [2.0, 1.5, 1.4], **dead})
    assert last_good([good, bad], 9) == good
    assert last_good([bad], 9) is None


def test_a_checkpoint_whose_very_next_step_broke_is_dead(tmp_path):
    first, last = checkpoint(tmp_path, 2, [2.0]), checkpoint(tmp_path, 4, [2.0, 1.9])
    assert last_good([first, last], 5) == first
    assert last_good([first, last], 6) == last


def test_a_checkpoint_that_cannot_be_read_is_not_good(tmp_path):
    first, last = checkpoint(tmp_path, 2, [2.0]), checkpoint(tmp_path, 4, [2.0, 1.9])
    (last / "optimizer.pt").write_bytes(b"cut")
    assert last_good([first, last], 9) == first
