"""How a run goes: the same weights however a batch is split, killed or dealt out; and what happens when it goes wrong."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from safetensors.torch import load_file

from kefu.artifacts import Store
from kefu.errors import BusyError, ConfigError, GateError, InputError
from kefu.registry import Registry
from kefu.train import sft
from kefu.train.base import load
from kefu.train.factory import launch, train
from kefu.train.factory.fit import checkpoints
from kefu.train.factory.optimise import groups
from kefu.train.quiet import quiet

from .heads import classes, head, tagged
from .recipes import questions, recipe
from .tiny import write_rows


def report(result):
    return json.loads((result.artifact.path / "training.json").read_text("utf-8"))


def weights(result):
    return load_file(result.artifact.path / "model" / "model.safetensors")


def close(one, other, tolerance):
    return max(float((one[name] - other[name]).abs().max()) for name in one) < tolerance


STEPS = {"max_steps": 6, "learning_rate": 1e-3, "batch_size": 8, "weight_decay": 0.1}
ALL = {"validation_share": 0}


@pytest.fixture(scope="module")
def plain(base, tmp_path_factory):
    """The run that others are held against: these steps, a batch in one pass, padded, nothing made again."""
    path = recipe(tmp_path_factory.mktemp("plain"), "sft", str(base), questions(), train=STEPS, data=ALL)
    made = train(str(path))
    assert report(made)["settings"]["accumulate"]["value"] == 1
    return made


def test_the_result_does_not_depend_on_how_a_batch_is_split(plain, base, tmp_path):
    runs = [plain, train(str(recipe(tmp_path, "sft", str(base), questions(), train={**STEPS, "accumulate": 4}, data=ALL)))]
    assert close(weights(runs[0]), weights(runs[1]), 2e-5)
    losses = [[loss for _, loss in report(run)["run"]["train_loss"]] for run in runs]
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)


def test_own_loss_equals_the_fused_head(base, tmp_path, monkeypatch):
    runs = []
    for most in (sft.LOGITS_BYTES, 0):
        monkeypatch.setattr(sft, "LOGITS_BYTES", most)
        path = recipe(tmp_path / str(most), "sft", str(base), questions(), train={**STEPS, "accumulate": 2}, data=ALL)
        runs.append(train(str(path)))
    direct, fused = (report(run) for run in runs)
    assert "entropy" in fused["logged"]
    assert "entropy" not in direct["logged"]  # the two ways were taken
    assert close(weights(runs[0]), weights(runs[1]), 2e-5)
    assert [loss for _, loss in direct["run"]["train_loss"]] == pytest.approx([loss for _, loss in fused["run"]["train_loss"]], abs=2e-4)


def test_padding_free_changes_nothing(plain, base, tmp_path):
    flat = train(str(recipe(tmp_path, "sft", str(base), questions(), train={**STEPS, "padding_free": True}, data=ALL)))
    assert close(weights(plain), weights(flat), 2e-5)


def test_padding_free_where_rows_are_padded_is_refused(base, tmp_path):
    pairs = [{"prompt": "怎么退款？", "chosen": "七天内可以。", "rejected": "不可以。"}] * 4
    with pytest.raises(ConfigError, match="dpo takes its rows padded"):
        train(str(recipe(tmp_path, "dpo", str(base), pairs, train={**STEPS, "padding_free": True})))


def test_gradient_checkpointing_changes_nothing_and_bf16_little(plain, base, tmp_path):
    kinds = {"again": {"gradient_checkpointing": True}, "half": {"bf16": True}}
    runs = {"plain": plain} | {
        name: train(str(recipe(tmp_path / name, "sft", str(base), questions(), train={**STEPS, **more}, data=ALL))) for name, more in kinds.items()
    }
    assert close(weights(runs["plain"]), weights(runs["again"]), 1e-6)
    assert not close(weights(runs["plain"]), weights(runs["half"]), 1e-9)
    losses = [report(run)["metrics"]["loss"]["value"] for run in runs.values()]
    assert losses[2] == pytest.approx(losses[0], rel=0.05)


CHILD = """
import os, signal, sys
from kefu.train.factory import train
def die(text, share):
    if text.startswith("step 9 of"):
        os.kill(os.getpid(), signal.SIGKILL)
train(sys.argv[1], progress=die)
"""


@pytest.mark.parametrize("method", ["sft", pytest.param("dpo", marks=pytest.mark.long), pytest.param("ppo", marks=pytest.mark.long)])
def test_killed_and_resumed_is_uninterrupted(method, base, tmp_path):
    from .test_methods_preference import preferences

    rows = preferences() if method == "dpo" else questions()
    more = {"ppo": {"temperature": 1.3, "max_new_tokens": 12}} if method == "ppo" else {}
    steps = {"max_steps": 14, "learning_rate": 1e-3, "batch_size": 8, "save_every": 4, "dropout": 0.1}
    paths = [recipe(tmp_path / name, method, str(base), rows, train=steps, **more) for name in ("whole", "killed")]
    whole = train(str(paths[0]))
    killed = subprocess.run([sys.executable, "-c", CHILD, str(paths[1])], capture_output=True, text=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert not list((tmp_path / "killed" / "build").glob("model/*/*/manifest.json"))
    with pytest.raises(InputError, match=r"stopped after step 8.*--resume.*--force"):
        train(str(paths[1]))
    resumed = train(str(paths[1]), resume=True)
    files = [run.artifact.path / "model" / "model.safetensors" for run in (whole, resumed)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert report(whole)["run"]["validation_loss"] == report(resumed)["run"]["validation_loss"]
    assert train(str(paths[1]), resume=True).fresh  # it is done; there is nothing left to do
    with pytest.raises(InputError, match="nothing to resume"):
        train(str(paths[1]), ["train.max_steps=15"], resume=True)


def test_a_checkpoint_that_was_cut_off_does_not_count(tmp_path):
    for step, files in ((4, {"a.bin": 3}), (8, {"a.bin": 4}), (12, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "a.bin").write_bytes(b"abc")
        if files:
            (folder / "whole.json").write_text(json.dumps({"files": files}), "utf-8")
    assert [folder.name for folder in checkpoints(tmp_path)] == ["checkpoint-4"]


def test_nan_stops_and_the_last_good_checkpoint_is_kept(base, tmp_path):
    steps = {"max_steps": 40, "learning_rate": 1e-3, "save_every": 2, "schedule": "constant", "warmup": 0}
    path = recipe(tmp_path, "sft", str(base), questions(), train=steps, data=ALL)

    def poison(text, share):
        if text.startswith("step 5 of"):
            poisoned.append(True)
            torch.nn.init.constant_(model[0].lm_head.weight, float("nan"))

    poisoned, model = [], []
    from kefu.train.methods.sft import Sft

    opened = Sft.open

    def remember(self, job):
        opened(self, job)
        model.append(job.model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sft, "open", remember)
        with pytest.raises(GateError, match=r"loss is nan at step 6 of 40: the last good checkpoint is .*checkpoint-4.*--continue") as caught:
            train(str(path), progress=poison)
    kept = caught.value.why.removeprefix("the last good checkpoint is ")
    again = train(str(path), ["train.learning_rate=1e-4", "train.max_steps=2"], continue_from=kept)
    assert report(again)["parent"] == kept


@pytest.mark.parametrize("when", [pytest.param("rehearsal", marks=pytest.mark.long), "run"])
def test_out_of_memory_halves_the_rows(when, plain, base, tmp_path, monkeypatch):
    from transformers import LlamaModel

    forward = LlamaModel.forward

    def small(self, input_ids=None, **more):
        if self.training and input_ids.shape[0] > 3 and (when == "rehearsal" or self.seen > 4):
            raise torch.OutOfMemoryError("DefaultCPUAllocator: can't allocate memory")
        if self.training:
            LlamaModel.seen += 1
        return forward(self, input_ids=input_ids, **more)

    monkeypatch.setattr(LlamaModel, "seen", 0, raising=False)
    monkeypatch.setattr(LlamaModel, "forward", small)
    said = []
    path = recipe(tmp_path, "sft", str(base), questions(), train={**STEPS, "save_every": 2}, data=ALL)
    result = train(str(path), progress=lambda text, share: said.append(text))
    made = report(result)
    assert made["settings"]["accumulate"]["value"] == 4
    assert [note.partition(",")[0] for note in made["notes"] if "out of memory" in note] == [
        "out of memory: 4 rows at once instead of 8",
        "out of memory: 2 rows at once instead of 4",
    ]
    assert all(note in said for note in made["notes"])
    monkeypatch.setattr(LlamaModel, "forward", forward)
    assert close(weights(result), weights(plain), 1e-4)


def test_one_row_that_does_not_fit(base, tmp_path, monkeypatch):
    from transformers import LlamaModel

    def never(self, *_, **__):
        if self.training:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, *_, **__)

    forward = LlamaModel.forward
    monkeypatch.setattr(LlamaModel, "forward", never)
    with pytest.raises(InputError, match=r"out of memory.*max_length"):
        train(str(recipe(tmp_path, "sft", str(base), questions(), train=STEPS)))


def test_groups_of_parameters(base):
    with quiet():
        model = load("base", base).model
    made = groups(model, 1.0, 0.1, layer_decay=0.5)
    names = {id(p): name for name, p in model.named_parameters()}
    rate = {names[id(p)]: (group["lr"], group["weight_decay"]) for group in made for p in group["params"]}
    assert set(rate) == set(names.values())
    assert rate["model.norm.weight"] == (1.0, 0.0)
    assert rate["model.layers.1.self_attn.q_proj.weight"] == (0.5, 0.1)
    assert rate["model.layers.0.self_attn.q_proj.weight"] == (0.25, 0.1)
    assert rate["model.layers.0.input_layernorm.weight"] == (0.25, 0.0)
    assert rate["model.embed_tokens.weight"] == (0.125, 0.1)
    assert {group["lr"] for group in groups(model, 1.0, 0.1)} == {1.0}


@pytest.mark.parametrize(("schedule", "middle", "last"), [("linear", 0.5, 0.1), ("cosine", 0.5, 0.02), ("constant", 1.0, 1.0)])
def test_schedules(schedule, middle, last, base, tmp_path):
    steps = {"max_steps": 20, "learning_rate": 1e-3, "schedule": schedule, "warmup": 0.2, "rehearse": False}
    rates = [
        rate for _, rate in report(train(str(recipe(tmp_path, "sft", str(base), questions(), train=steps, data=ALL))))["logged"]["learning_rate"]
    ]
    assert rates[0] < rates[2] < rates[4] == pytest.approx(1e-3)  # four steps of warm-up
    assert rates[12] == pytest.approx(middle * 1e-3, rel=0.05)
    assert rates[-1] == pytest.approx(last * 1e-3, rel=0.5)


def test_early_stopping_keeps_the_best(base, tmp_path):
    write_rows(tmp_path / "held.jsonl", [{"question": "怎么退款？", "answer": "Download invoices under Billing."}])
    steps = {"max_steps": 60, "learning_rate": 5e-3, "save_every": 5, "patience": 2}
    made = report(train(str(recipe(tmp_path, "sft", str(base), questions(), train=steps, data={"validation": "held.jsonl"}))))
    losses = dict(made["run"]["validation_loss"])
    assert made["run"]["stopped_early"]
    assert made["run"]["steps"] < 60
    assert losses[made["run"]["best_step"]] == min(losses.values())
    assert made["metrics"]["loss"]["value"] == pytest.approx(min(losses.values()), abs=1e-3)  # what is saved is the best, not the last


def test_dropout_of_a_model_without_any(base, tmp_path):
    from kefu.train.methods.causal import drop

    with quiet():
        opened = load("base", base)
    drop(opened, 0.3)
    assert opened.model.config.attention_dropout == 0.3
    assert opened.model.model.layers[0].self_attn.attention_dropout == 0.3
    del opened.model.config.attention_dropout
    with pytest.raises(ConfigError, match="has no dropout"):
        drop(opened, 0.3)


def test_shipped_accelerate_configurations_are_read():
    from accelerate.commands.config.config_args import load_config_from_file

    kinds = {name: load_config_from_file(str(path)).distributed_type.value for name, path in launch.shipped().items()}
    assert kinds == {"ddp": "MULTI_GPU", "ddp_cpu": "MULTI_CPU", "fsdp": "FSDP", "zero2": "DEEPSPEED", "zero3": "DEEPSPEED"}
    with pytest.raises(ConfigError, match="ddp_cpu"):
        launch.find("ddpp")


@pytest.mark.long
def test_two_processes_give_the_weights_of_one(base, tmp_path):
    steps = {**STEPS, "accumulate": 1}
    held = {**ALL, "test": "held.jsonl"}  # figures of the training rows would fail a gate, and the launched run with it
    paths = [recipe(tmp_path / name, "sft", str(base), questions(), train=steps, data=held) for name in ("one", "two")]
    for path in paths:
        write_rows(path.parent / "held.jsonl", [{"question": f"营业时间{n}？", "answer": "早上九点到晚上九点。"} for n in range(3)])
    one, path = train(str(paths[0])), paths[1]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "kefu", "train", str(path), "--on", "ddp_cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    made = next((tmp_path / "two" / "build").glob("model/*/*/model/model.safetensors"))
    assert made.parents[1].name != one.artifact.path.name  # two there were: their number is part of the key
    assert close(weights(one), load_file(made), 2e-5)


@pytest.mark.long
@pytest.mark.parametrize("method", ["classification", "token-classification"])
def test_a_head_on_two_processes_is_that_of_one(method, tmp_path):
    rows, settings = (tagged(24), {"crf": True}) if method == "token-classification" else (classes(60), {})
    more = {"train": {"max_steps": 4, "batch_size": 8, "dropout": 0.0, "trackers": []}, "data": {"validation_share": 0.2}}
    one = train(str(head(tmp_path / "one", method, "embedded", rows, settings, **more)))
    path = head(tmp_path / "two", method, "embedded", rows, settings, **more)
    command = [sys.executable, "-m", "kefu", "train", str(path), "--on", "ddp_cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280, env={**os.environ, "OMP_NUM_THREADS": "1"})
    # of so few different sentences none is held out, and figures of the training rows fail a gate
    assert done.returncode == (1 if method == "token-classification" else 0), done.stderr[-3000:]
    made = next((tmp_path / "two" / "build").glob("model/*/*/model/model.safetensors"))
    assert made.parents[1].name != one.artifact.path.name
    assert close(weights(one), load_file(made), 2e-5)


def started(path, *more, **limits):
    command = [sys.executable, "-m", "kefu", "train", str(path), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **limits)


@pytest.mark.long
def test_a_disk_that_is_full_at_a_checkpoint(tmp_path):
    """The optimiser's state does not fit any more: said in one line, no half checkpoint keeps the room, and the run goes on afterwards."""
    path = head(tmp_path, "classification", "embedded", classes(60), train={"max_steps": 6, "batch_size": 8, "save_every": 2})
    size = 160_000  # between the weights and twice them
    run = started(path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    _, said = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "cut off while it was written" in said or "File too large" in said
    assert "Traceback" not in said
    assert not list((tmp_path / "build").glob("**/checkpoint-*"))
    assert not list((tmp_path / "build").glob("model/*/*/manifest.json"))
    assert train(str(path)).artifact.facts["steps"] == 6


@pytest.mark.long
def test_two_runs_at_once_are_both_registered(tmp_path):
    (tmp_path / "kefu.yaml").write_text("")
    steps = {"max_steps": 2, "batch_size": 8, "trackers": []}
    runs = [started(head(tmp_path / name, "classification", "embedded", classes(60), name=name, train=steps)) for name in ("left", "right")]
    for run in runs:
        _, said = run.communicate(timeout=200)
        assert run.returncode == 0, said[-2000:]
    assert sorted(entry.label for entry in Registry(tmp_path).entries()) == ["left@1", "right@1"]


def test_a_folder_in_use_is_waited_for_or_refused(tmp_path):
    """The second run says whom it waits for, and runs when that one ends; without waiting it is refused before anything is read."""
    path = head(tmp_path, "classification", "embedded", classes(60), train={"max_steps": 1, "rehearse": False, "trackers": []})
    held, said = Store(tmp_path / "build").lock(), []

    def progress(text, share):
        said.append(text)
        if "waiting for it" in text:
            held.__exit__(None, None, None)

    held.__enter__()
    with pytest.raises(BusyError, match="is in use"):
        train(str(path))
    assert train(str(path), wait_s=60, progress=progress).artifact.facts["steps"] == 1
    assert said[0].startswith(f"process {os.getpid()} is running")


@pytest.mark.skipif(find_spec("deepspeed") is not None, reason="DeepSpeed is there")
@pytest.mark.parametrize("name", ["zero2", "zero3"])
def test_deepspeed_that_is_not_there_is_said_before_the_launch(name):
    with pytest.raises(ConfigError, match=r"DeepSpeed is not installed.*--on fsdp"):
        launch.command(name, ["r.yaml"])


def test_machines_with_cpus_are_reached_by_torch(tmp_path):
    assert launch.command("ddp_cpu", ["r.yaml"])[1:6] == ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    assert "3" in launch.command("ddp_cpu", ["r.yaml"], 3)
    own = "distributed_type: MULTI_CPU\nnum_machines: 2\nnum_processes: 4\nmachine_rank: 1\nmain_process_ip: 10.0.0.1\n"
    (tmp_path / "own.yaml").write_text(own)
    made = " ".join(launch.command(str(tmp_path / "own.yaml"), ["r.yaml"]))
    assert "--nnodes 2 --node-rank 1 --master-addr 10.0.0.1 --master-port 29500 --nproc-per-node 2 -m kefu train r.yaml" in made
    with pytest.raises(ConfigError, match="2 machines evenly"):
        launch.command(str(tmp_path / "own.yaml"), ["r.yaml"], 3)
    (tmp_path / "own.yaml").write_text("[1, 2]")
    with pytest.raises(ConfigError, match="no accelerate configuration"):
        launch.command(str(tmp_path / "own.yaml"), ["r.yaml"])


@pytest.mark.long
def test_what_stops_a_launched_run_is_said_once(base, tmp_path):
    """Wrong input (2), a failed gate (1) and a process that dies: one line, no text of the launcher's, and the place of the log."""
    good = recipe(tmp_path, "sft", str(base), questions(2), train={**STEPS, "max_steps": 1}, data=ALL)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def run(*flags, **more):
        command = [sys.executable, "-m", "kefu", "train", str(good), "--on", "ddp_cpu", *flags]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, env={**environment, **more})

    wrong = run("--set", "train.batch_size=7")
    assert wrong.returncode == 2 and wrong.stderr.splitlines() == [wrong.stderr.strip()] and "cannot be dealt to 2 processes evenly" in wrong.stderr
    machine = run("--set", "train.batch_size=7", "--json")
    assert machine.returncode == 2 and json.loads(machine.stdout)["error"] == "ConfigError"
    failed = run()  # figures of the training rows fail a gate
    assert failed.returncode == 1 and "gate FAILED: measured on rows it was not trained on" in failed.stdout
    assert all(line.startswith("! ") for line in failed.stderr.splitlines()), failed.stderr
    assert not list(tmp_path.glob("build/launch/*"))
    dies = tmp_path / "site"
    dies.mkdir()
    (dies / "sitecustomize.py").write_text("import os\nif os.environ.get('RANK') == '1':\n    os._exit(9)\n", "utf-8")
    dead = run(PYTHONPATH=f"{dies}:{os.environ.get('PYTHONPATH', '')}")
    assert dead.returncode == 1 and "failed" in dead.stderr and "its log is" in dead.stderr and "Traceback" not in dead.stderr, dead.stderr
    assert list(tmp_path.glob("build/launch/*.log"))
