"""Which base to start from: facts that hang together, estimates that grow the right way, answers that keep what was asked."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.errors import ConfigError
from kefu.train.advise import DOMAINS, LANGUAGES, TASKS, Need, advise, catalogue

MODELS = catalogue()


def test_facts_hang_together():
    assert len({model.id for model in MODELS}) == len(MODELS)
    for model in MODELS:
        whole = model.words * model.width + model.layers * 12 * model.width**2
        assert 0.3 * whole < model.parameters * 1e6 < 3 * whole, model.id
    for domain in ("bio", "law", "science", "code", "finance"):
        assert any(domain in model.domains for model in MODELS)


def test_memory_of_a_model_is_that_of_the_factory():
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from kefu.train.advise import Model
    from kefu.train.factory.memory import activations

    config = Qwen3Config(
        vocab_size=900, hidden_size=64, intermediate_size=224, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=16
    )
    with torch.device("meta"):
        real = Qwen3ForCausalLM(config)
    size = sum(p.numel() for p in real.parameters())
    model = Model(
        id="x", tasks=["generation"], languages=["zh"], domains=["general"], parameters=size / 1e6, layers=3, width=64, words=900, kv=32, context=99
    )
    stages = model.stages(4, 128, 1000)
    assert stages["full"] == pytest.approx(size * 16 + activations(config, 4, 128, half=True, again=True), rel=1e-6)
    assert stages["serve bf16"] == pytest.approx(size * 2 + 2 * 3 * 32 * 2 * 1000, rel=1e-6)


@given(
    task=st.sampled_from(TASKS), language=st.sampled_from(LANGUAGES), domain=st.sampled_from(DOMAINS),
    gpu=st.sampled_from([0.0, 4, 8, 24, 80, 640]), latency=st.sampled_from([None, 0.1, 5, 50]), quality=st.sampled_from(["basic", "good", "best"]),
    commercial=st.booleans(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_an_answer_keeps_what_was_asked(task, language, domain, gpu, latency, quality, commercial):
    need = Need(task, language, domain, gpu, 16, latency, quality, commercial=commercial)
    found, left = advise(MODELS, need)
    assert len(found) + sum(left.values()) == len(MODELS)
    room = (gpu or 16) * 2**30
    for one in found:
        assert task in one.model.tasks and language in one.model.languages
        assert {domain, "general", *(["code"] if task == "code" and domain == "general" else [])} & set(one.model.domains)
        said = " ".join(one.reasons)
        assert one.train or ("too large to train here" in said and ("prompted" in said) == one.model.generative)
        assert "Chinese" not in said or language != "en"
        assert one.stages[f"serve {one.serve}"] < room and (not one.train or one.stages[one.train] < room)
        assert latency is None or one.ms <= latency
        assert one.model.licence or not commercial
    mine = [domain in one.model.domains for one in found]
    assert mine == sorted(mine, reverse=True)
    if quality != "good":
        sizes = [one.model.parameters for one in found if one.train and one.model.id != "embedded" and (domain in one.model.domains)]
        assert sizes == sorted(sizes, reverse=quality == "best")


@pytest.mark.parametrize(("task", "language"), [(task, language) for task in TASKS for language in ("zh", "en")])
def test_every_task_that_may_be_asked_for_has_a_base(task, language):
    assert advise(MODELS, Need(task, language, gpu_memory=80))[0]


def test_more_memory_never_takes_a_base_away():
    known = [{one.model.id for one in advise(MODELS, Need(gpu_memory=gib))[0]} for gib in (2, 8, 24, 80)]
    assert all(small <= large for small, large in itertools.pairwise(known)) and known[0] < known[-1]


def test_on_the_command_line(tmp_path):
    def run(*more):
        return subprocess.run([sys.executable, "-m", "kefu", "train", "advise", *more], cwd=tmp_path, capture_output=True, text=True)

    found = json.loads(run("--domain", "law", "--language", "en", "--gpu-memory", "24", "--json").stdout)
    assert found["advice"][0]["id"] == "Equall/Saul-7B-Instruct-v1" and found["advice"][0]["reasons"]
    wrong = run("--task", "poetry", "--language", "xx")
    assert wrong.returncode == 2 and "--task poetry" in wrong.stderr and "--language xx" in wrong.stderr and "Traceback" not in wrong.stderr
    assert run("--latency", "0.0001").returncode == 1
    (tmp_path / "mine.yaml").write_text("models: [{id: x, parameters: -3}]")
    with pytest.raises(ConfigError, match="8 faults"):
        catalogue(tmp_path / "mine.yaml")


def test_a_classifier_on_an_encoder_reads_each_row_twice():
    encoder = next(
        model for model in MODELS if not model.generative and {"classification", "embedding"} & set(model.tasks) and "zh" in model.languages
    )
    once, twice = encoder.stages(8, 128, 0), encoder.stages(8, 128, 0, readings=2)
    assert twice["full"] - once["full"] == once["full"] - round(encoder.parameters * 1e6 * 16)
    assert twice["serve int8"] == once["serve int8"]
    found = advise(
        [encoder.model_copy(update={"tasks": ["classification"]})], Need("classification", gpu_memory=80, rows=8, length=128, serve_tokens=0)
    )
    assert found[0][0].stages["full"] == twice["full"]
