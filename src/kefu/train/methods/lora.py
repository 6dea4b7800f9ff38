"""`lora` and `qlora`: small matrices beside the frozen weights learn (PEFT); merged into the unquantised base afterwards.

LoRA: Hu et al. 2021, arXiv 2106.09685. QLoRA (base held in 4-bit NF4): Dettmers et al. 2023, arXiv 2305.14314.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from kefu.errors import ConfigError, GateError, MissingExtra
from kefu.project.schema import Block
from kefu.train.methods.causal import Causal, load

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.factory.job import Job, Prepared

MERGE_TOLERANCE = 1e-2
PROBES = 4


class Lora(Block):
    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32, gt=0, description="the change is scaled by alpha / rank")
    dropout: float = Field(default=0.05, ge=0, lt=1)
    targets: list[str] = Field(default=[], description="names of the layers that get an adapter; empty: all linear ones but the head")
    rslora: bool = Field(default=False, description="scale by alpha / sqrt(rank), for high ranks")


class QLora(Lora):
    quantisation: Literal["nf4", "fp4"] = "nf4"
    double_quantisation: bool = Field(default=True, description="quantise the scales too: 0.4 bit less per weight")


class LoraMethod(Causal):
    name: ClassVar[str] = "lora"
    Settings: ClassVar[type[Block]] = Lora

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        return {
            "learning_rate": (2e-4, "ten times that of all weights: usual for adapters"),
            "weight_decay": (0.0, "the adapter is small already"),
        }

    def open(self, job: Job) -> None:
        job.base = self.load(job)
        wrap(job, job.settings)

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        return self.supervised(job, train, validation)

    def finish(self, job: Job) -> None:
        merge(job)


class QLoraMethod(LoraMethod):
    name: ClassVar[str] = "qlora"
    Settings: ClassVar[type[Block]] = QLora

    def load(self, job: Job, **options: Any) -> Base:
        return quantised(job)


def wrap(job: Job, given: Lora) -> None:
    """Put adapters on the opened base; only they learn. Raises ConfigError for layers the model does not have."""
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    opened, model = job.opened, job.model
    if getattr(model, "is_loaded_in_4bit", False):
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=bool(job.recipe.train.gradient_checkpointing))
    config = LoraConfig(
        r=given.rank, lora_alpha=given.alpha, lora_dropout=given.dropout, target_modules=given.targets or "all-linear",
        use_rslora=given.rslora, task_type="CAUSAL_LM", base_model_name_or_path=opened.name,
    )  # fmt: skip
    try:
        opened.model = get_peft_model(model, config)
    except ValueError as error:
        names = sorted({name.rpartition(".")[2] for name, module in model.named_modules() if type(module).__name__ == "Linear"})
        raise ConfigError(f"{job.recipe.method}.targets: {given.targets}", str(error).partition(".")[0], f"choose from {', '.join(names)}") from None
    trained = sum(p.numel() for p in opened.model.parameters() if p.requires_grad)
    job.facts["adapter_parameters"] = trained


def quantised(job: Job) -> Base:
    """The base in 4 bit. Raises MissingExtra without bitsandbytes."""
    from importlib.util import find_spec

    import torch

    if find_spec("bitsandbytes") is None:
        raise MissingExtra("qlora", "train")
    from transformers import BitsAndBytesConfig

    given = job.settings
    compute = torch.bfloat16 if job.device.cuda and job.device.bf16 else torch.float32
    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type=given.quantisation, bnb_4bit_use_double_quant=given.double_quantisation,
        bnb_4bit_compute_dtype=compute,
    )  # fmt: skip
    opened = load(job, quantization_config=config, device_map={"": 0 if job.device.cuda else "cpu"})
    unpacked(opened.model)
    return opened


def unpacked(model: Any) -> None:
    """Keep 4-bit weights in the layout that gradients pass through.

    On a CPU with AVX512-BF16, bitsandbytes 0.50 lays the weights out anew at the first reading in evaluation mode and reads that layout with an
    operation without a gradient, in training too: adapters below would learn nothing (and a layer with a bias stops with a RuntimeError).
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def merge(job: Job) -> None:
    """Write adapter/, then put it into the base as it was before quantisation; what is measured and saved is the merged model.

    The merged model is held against the adapter on its base: logits of a few rows. Raises GateError when they differ (LoRA).
    """
    import torch
    from peft import PeftModel

    opened, model = job.opened, job.model
    model.eval()
    if "ref" in model.peft_config:
        model.delete_adapter("ref")
    model.save_pretrained(str(job.out / "adapter"), selected_adapters=["default"])
    four_bit = bool(getattr(model, "is_loaded_in_4bit", False))
    ids = _probe(job)
    with torch.inference_mode():
        adapted = model(input_ids=ids).logits.float()
    if four_bit:
        job.base = load(job)
        merged = PeftModel.from_pretrained(job.model, str(job.out / "adapter")).merge_and_unload()
    else:
        merged = model.merge_and_unload()
    with torch.inference_mode():
        plain = merged(input_ids=ids.to(merged.device)).logits.float().to(adapted.device)
    job.opened.model = merged
    job.opened.name = opened.name
    spread, worst = float(adapted.std()), float((plain - adapted).abs().max())
    same = float((plain.argmax(-1) == adapted.argmax(-1)).float().mean())
    job.facts["merge"] = {"max_logit_difference": round(worst, 6), "logit_spread": round(spread, 4), "same_first_choice": round(same, 4)}
    if four_bit:
        job.say(f"merged into the unquantised base: {same:.1%} of first choices are those of the 4-bit base with its adapter")
    elif worst > MERGE_TOLERANCE * max(1.0, spread):
        why = f"logits differ by {worst:.3g} (spread {spread:.3g})"
        raise GateError("the merged model is not the adapter on its base", why, "train in float32, or use another rank", layer="merge")


def _probe(job: Job) -> Any:
    """Token ids of a few training rows, cut to one length."""
    import torch

    from kefu.train.methods import dialogue

    rows = (job.rows.train if job.rows else [])[:PROBES]
    texts = ["\n".join(m["content"] for m in dialogue.any_messages(row)) for row in rows]
    ids = [job.tokenizer(text, add_special_tokens=False)["input_ids"][:64] for text in texts]
    width = max(1, min(map(len, ids), default=1))
    return torch.tensor([one[:width] for one in ids if len(one) >= width], device=job.model.device)
