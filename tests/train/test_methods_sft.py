"""Supervised methods on a small checkpoint: what each one may move, and what it leaves behind."""

from __future__ import annotations

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file

from kefu.errors import ConfigError
from kefu.train.factory import train
from kefu.train.quiet import quiet

from .recipes import questions, recipe


def report(result):
    return json.loads((result.artifact.path / "training.json").read_text("utf-8"))


def weights(folder):
    return load_file(folder / "model.safetensors")


def test_freeze_moves_the_last_layer_first(base, tmp_path):
    def layers_moved(unfreeze_at):
        path = recipe(
            tmp_path / str(unfreeze_at), "freeze", str(base), questions(), train={"max_steps": 4, "learning_rate": 1e-3},
            freeze={"layers": 1, "unfreeze_at": unfreeze_at},
        )  # fmt: skip
        after, before = weights(train(str(path)).artifact.path / "model"), weights(base)
        return {name for name in before if not torch.equal(before[name], after[name])}

    frozen = layers_moved(1.0)
    assert any(".layers.1." in name for name in frozen)
    assert not any(".layers.0." in name for name in frozen)
    assert any(".layers.0." in name for name in layers_moved(0.5))


def test_freeze_more_layers_than_there_are(base, tmp_path):
    with pytest.raises(ConfigError, match="the model has 2"):
        train(str(recipe(tmp_path, "freeze", str(base), questions(), freeze={"layers": 9})))


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_adapter_is_merged(method, base, tmp_path):
    path = recipe(tmp_path, method, str(base), questions(), train={"max_steps": 25, "learning_rate": 5e-3}, **{method: {"rank": 4, "dropout": 0.0}})
    result = train(str(path))
    made = report(result)
    assert made["metrics"]["loss"]["value"] < made["metrics_before"]["loss"]["value"]
    folder = result.artifact.path
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()
    before, after = weights(base), weights(folder / "model")
    assert before.keys() == after.keys()  # the merged model has the shape of its base: nothing quantised is left
    assert all(t.dtype == torch.float32 for t in after.values())
    if method == "lora":
        assert made["facts"]["merge"]["max_logit_difference"] < 1e-4
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        with quiet(), torch.inference_mode():
            merged = AutoModelForCausalLM.from_pretrained(folder / "model").eval()
            adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder / "adapter").eval()
            ids = torch.arange(5, 25)[None]
            assert torch.allclose(merged(ids).logits, adapted(ids).logits, atol=1e-4)
    else:
        assert 0 < made["facts"]["merge"]["same_first_choice"] <= 1
        assert any("4-bit" in note for note in made["notes"])


def test_adapter_on_layers_that_are_not_there(base, tmp_path):
    with pytest.raises(ConfigError, match="q_proj"):
        train(str(recipe(tmp_path, "lora", str(base), questions(), lora={"targets": ["nowhere"]})))


@pytest.mark.parametrize("kind", ["Qwen2", "Llama"])
def test_gradients_reach_every_adapter_of_a_four_bit_base_after_it_was_measured(base, tmp_path, kind):
    """Qwen2 has biases, Llama has none; on some CPUs a 4-bit layer that was once read in evaluation mode passes no gradient."""
    from transformers import AutoTokenizer

    folder = tmp_path / kind
    torch.manual_seed(3)
    tokenizer = AutoTokenizer.from_pretrained(base)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    with quiet():
        getattr(transformers, f"{kind}ForCausalLM")(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    path = recipe(tmp_path, "qlora", str(folder), questions(), train={"max_steps": 3, "rehearse": False, "evaluations": 1, "learning_rate": 0.01})
    made = train(str(path)).artifact.path
    learnt = load_file(made / "adapter" / "adapter_model.safetensors")
    still = [name for name, weights in learnt.items() if "lora_B" in name and not weights.any()]
    assert learnt and not still
