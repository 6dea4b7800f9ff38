"""What the heads share: opening a base with a head, windows of rows, a Trainer with the head's own loss, saving with task.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from kefu.errors import ConfigError, GateError
from kefu.project.schema import Block
from kefu.train.heads.encoder import CONTEXT, Embedded

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.heads.task import Task
    from kefu.train.heads.windows import Window

SMALL, MIDDLE = 50_000_000, 400_000_000  # parameters
FEW, MANY = 1_000, 5_000  # rows
STEPS = 500  # fewer leave a head on a checkpoint unlearnt: 200 rows in five epochs would be 35 steps
_SHOWN = 5
#: positions start after the pad id in these, so that two fewer tokens fit than their table is long
_SHIFTED = {"roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "longformer", "mpnet"}


class HeadSettings(Block):
    embedded: Embedded = Embedded()
    stride: int | None = Field(default=None, ge=0, description="tokens that two windows of a long text share; unset: a quarter of a window")


class TextSettings(HeadSettings):
    pooling: Literal["auto", "own", "mean"] = Field(
        default="auto",
        description="what the head reads: own: what the architecture does (mostly the first token); auto: mean where the checkpoint says so",
    )


class Head:
    """A method whose base is any encoder or decoder with a head of a transformers AutoModel class."""

    name: ClassVar[str]
    Settings: ClassVar[type[Block]] = HeadSettings
    needs: ClassVar[str]
    auto: ClassVar[str] = ""
    lower: ClassVar[bool] = False
    longest: ClassVar[int] = 512
    most_epochs: ClassVar[float] = 10.0

    def __init__(self) -> None:
        self.task: Task
        self.anew = False  # whether a head on the mean starts with no weights of its own

    # what a head says of itself

    def texts(self, row: dict[str, Any]) -> list[str]:
        """Texts that an embedded base learns its tokens from."""
        return [str(row[key]) for key in ("text", "other") if row.get(key)]

    def learn(self, job: Job) -> dict[str, Any]:
        """Look at the training rows (labels, spread); returns what the model's configuration must know."""
        return {}

    def loss(self, job: Job) -> Callable[..., Any] | None:
        """(model, inputs) -> (loss, outputs), where the model's own is not the right one."""
        return None

    def judged(self, outputs: Any, inputs: Any) -> tuple[Any, Any] | None:
        """([rows] how wrong, 0 to 1; [rows] loss) of a held-out batch, where the best checkpoint is the one that errs least. None: by the loss."""
        return None

    def begin(self, job: Job, train: Prepared) -> None:
        """What is settled on the training rows before the first step."""

    def collate(self, job: Job) -> Any:
        """Items to a batch."""
        from kefu.train.heads.windows import Collate

        return Collate(job.tokenizer.pad_token_id or 0)

    # the steps of the loop

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        from kefu.train.factory.plan import READ

        held = min(self.longest, job.opened.context)
        common: dict[str, tuple[Any, str]] = {
            "measure_rows": (READ, "a row costs one pass"),
            "max_length": (held, f"{self.longest} or what the model holds; longer texts are read in windows"),
            "schedule": ("linear", "usual"),
        }
        if job.opened.embedded:
            return {
                **common, "learning_rate": (1e-3, "a small model from scratch takes large steps"), "epochs": (20.0, "it starts from nothing"),
                "batch_size": (32, "usual for heads"), "warmup": (0.1, "random weights need a slow start"),
            }  # fmt: skip
        size, rows = job.opened.parameters, len(job.rows.train) if job.rows else 0
        batch = 16 if rows < FEW else 32 if rows < MANY else 64
        given = job.recipe.train.batch_size or batch
        rate, why = (
            (2.8e-4, "a small encoder takes larger steps")
            if size < SMALL
            else (5e-5, "usual for encoders")
            if size < MIDDLE
            else (2e-5, "usual for large models")
        )
        epochs = min(self.most_epochs, max(5.0, float(round(STEPS * given / max(1, rows)))))
        return {
            **common, "learning_rate": (round(rate * (given / 32) ** 0.5, 7), f"{why}; with the root of the batch"),
            "epochs": (epochs, f"some {STEPS} steps, between 5 and {self.most_epochs:g} epochs; early stopping ends it sooner"),
            "batch_size": (batch, f"for {rows} rows"), "warmup": (0.1, "usual for a head on a checkpoint"),
        }  # fmt: skip

    def open(self, job: Job) -> None:
        from kefu.train.heads import windows

        more = self.learn(job)
        job.base = self.load(job, more)
        windows.check(job.tokenizer, job.opened.name)
        if getattr(job.model.config, "model_type", "") in _SHIFTED:
            job.tokenizer.model_max_length = min(job.opened.context, int(job.model.config.max_position_embeddings) - 2)

    def load(self, job: Job, more: dict[str, Any]) -> Base:
        from kefu.train.heads import encoder
        from kefu.train.methods import causal

        if job.start == "embedded":
            rows = job.rows.train if job.rows else []
            own = job.settings.embedded
            made = encoder.build((t for row in rows for t in self.texts(row)), own, self.auto, job.recipe.method, job.seed, lower=self.lower, **more)
            if job.recipe.train.dropout is not None:
                causal.drop(made, job.recipe.train.dropout)
            return made
        if self.pooling(job) == "mean":
            return self._pooled(job, more)
        return causal.load(job, head=self.auto, ignore_mismatched_sizes=True, **more)

    def pooling(self, job: Job) -> str:
        """`mean` or `own`: as asked, else as the checkpoint says."""
        asked = getattr(job.settings, "pooling", "own")
        if asked != "auto":
            return str(asked)
        from kefu.train.heads.shared import says_mean

        source = _source(job)
        return "mean" if source is not None and says_mean(source) else "own"

    def _pooled(self, job: Job, more: dict[str, Any]) -> Base:
        """The encoder with a head on the mean over its tokens; the head of the same labels goes on where the base has one."""
        import torch

        from kefu.train.base import Base
        from kefu.train.heads.shared import HEADS_FILE, Pooled
        from kefu.train.methods import causal

        labels = list(more.get("id2label", {}).values())
        source = _source(job)
        kept = source is not None and (source / HEADS_FILE).is_file() and (not labels or _labels_of(job) == labels)
        opened = causal.load(job, head="", **more)
        torch.manual_seed(job.seed)
        model = Pooled(opened.model, int(more["num_labels"])).to(opened.model.device)
        self.anew = not kept
        if kept and source is not None:
            model.load(source)
        self.task = self.task.model_copy(update={"pooling": "mean"})
        return Base(opened.name, model, opened.tokenizer, opened.embedded)

    def sized(self, job: Job) -> Task:
        """The task with the lengths that the plan settled."""
        length = int(job.plan["max_length"]) if "max_length" in job.plan.choices else min(self.longest, CONTEXT)
        stride = job.settings.stride if job.settings.stride is not None else length // 4
        if stride >= length // 2:
            raise ConfigError(f"{job.recipe.method}.stride: {stride}", f"a window has {length} tokens", f"use at most {length // 2 - 1}")
        return self.task.model_copy(update={"max_length": length, "stride": stride})

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        from transformers import Trainer, TrainingArguments

        from kefu.train.factory.optimise import tuned

        own, judged = self.loss(job), self.judged
        if not job.rehearsing:
            self.begin(job, train)

        class Headed(Trainer):  # type: ignore[misc, valid-type]
            def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **more: Any) -> Any:
                if own is None:
                    return super().compute_loss(model, inputs, return_outputs, **more)
                loss, outputs = own(model, inputs)
                return (loss, outputs) if return_outputs else loss

            def prediction_step(self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None) -> Any:
                import torch

                with torch.no_grad(), self.compute_loss_context_manager():
                    loss, outputs = self.compute_loss(model, inputs := self._prepare_inputs(inputs), return_outputs=True)
                wrong, each = judged(outputs, inputs) or (None, None)
                return loss.detach().mean(), wrong, each

        if own is not None:  # the mean over a batch is ours: transformers must divide by the passes itself
            Headed.model_accepts_loss_kwargs = False
        kind = tuned(Headed, layer_decay=job.plan["layer_decay"], lengths=train.lengths, batch=int(job.plan["batch_size"]))
        errs = type(self).judged is not Head.judged
        best = {"metric_for_best_model": "eval_wrong"} if errs else {}
        options = TrainingArguments(**job.arguments(bool(validation)) | best, remove_unused_columns=False)
        made = kind(
            model=job.model, args=options, data_collator=self.collate(job), train_dataset=train.dataset(),
            eval_dataset=validation.dataset() if validation else None, processing_class=job.tokenizer,
            compute_metrics=_wrong if errs else None,
        )  # fmt: skip
        if own is not None:
            made.model_accepts_loss_kwargs = False
        return made

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        job.model.eval()
        (job.model.save if self.task.pooling == "mean" else job.model.save_pretrained)(folder / "model")
        job.tokenizer.save_pretrained(folder / "model")
        for weights in (folder / "model").glob("*.safetensors"):
            weights.chmod(0o644)  # safetensors writes for the owner alone; a server may run as another user
        return self.sized(job).facts()


def _wrong(found: Any) -> dict[str, float]:
    """Share of held-out rows that are wrong; the loss decides between equals only, because a surer model is not a better one."""
    loss = float(found.label_ids.mean())
    return {"wrong": float(found.predictions.mean()) + loss / (1 + loss) / (2 * len(found.predictions))}


class Counting:
    """The ledger of a head: every row that came in is kept as one or more windows, or dropped for a reason."""

    def __init__(self, job: Job, split: str) -> None:
        self.job, self.split = job, split
        self.items: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []
        self.lengths: list[int] = []
        self.dropped: Counter[str] = Counter()
        self.examples: list[str] = []
        self.facts: Counter[str] = Counter()
        self.texts_in = self.split_texts = self.supervised = 0

    def drop(self, row: dict[str, Any], reason: str) -> None:
        self.dropped[reason] += 1
        if len(self.examples) < 20:
            self.examples.append(str(row.get("id") or row.get("where", "")))

    def keep(self, row: dict[str, Any], found: Sequence[Window], made: Sequence[dict[str, Any]], supervised: int) -> None:
        """The windows of one row and their items. Raises GateError when a long text is not wanted (train.over_length: fail)."""
        if len(found) > 1:
            policy = str(self.job.plan["over_length"])
            name, most = row.get("id") or row.get("where", ""), self.job.plan["max_length"]
            if policy == "fail":
                why = f"more than {most} tokens (train.over_length: fail)"
                raise GateError(f"row {name} is too long", why, "raise train.max_length, or choose drop or cut_oldest", layer="train")
            if policy == "drop":
                self.drop(row, "longer than max_length")
                return
            self.split_texts += 1
        self.items += made
        self.rows += [row] * len(made)
        self.lengths += [len(window.ids) for window in found]
        self.supervised += supervised

    def done(self, rows: int) -> Prepared:
        from kefu.train.factory.job import Prepared

        added = len(self.items) + sum(self.dropped.values()) - rows
        ledger = {
            "rows_in": rows + added, "rows": len(self.items), "dropped": dict(self.dropped), "tokens": sum(self.lengths),
            "supervised": self.supervised, "texts_read_in_windows": self.split_texts, "windows_added": added,
            "examples": self.examples, **self.facts, "balanced": True,
        }  # fmt: skip
        if self.dropped and self.split != "test":
            shown = ", ".join(f"{reason}: {count}" for reason, count in self.dropped.most_common(_SHOWN))
            self.job.say(f"{self.split} rows left out ({shown})")
        return Prepared(self.items, self.rows, self.lengths, ledger)


def same_labels(job: Job, labels: Sequence[str]) -> list[str]:
    """The labels in the order of the base's own head where it has just these, so that what it learnt stays; else as given."""
    had = _labels_of(job)
    return had if sorted(had) == sorted(labels) else list(labels)


def _labels_of(job: Job) -> list[str]:
    """The labels of the base's head; none for an embedded base, or one that is not there (opening it will say so)."""
    from transformers import AutoConfig

    from kefu.errors import KefuError
    from kefu.train import base as bases
    from kefu.train.methods.causal import found

    if job.start in ("", "embedded"):
        return []
    try:
        source, local = bases.locate(job.start, found(job, job.start), "base")
        config = AutoConfig.from_pretrained(source, local_files_only=local, trust_remote_code=False)
    except (KefuError, OSError, ValueError, KeyError):
        return []
    return [str(name) for _, name in sorted((getattr(config, "id2label", None) or {}).items())]


def kept_from(job: Job, labels: Sequence[str], prefix: str) -> Path | None:
    """The base's folder, where its head is for these very labels and has weights of that prefix."""
    from safetensors import SafetensorError, safe_open

    from kefu.errors import InputError

    source = _source(job)
    if source is None or _labels_of(job) != list(labels):
        return None
    for file in sorted(source.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as weights:
                if any(key.startswith(prefix) for key in weights.keys()):  # noqa: SIM118
                    return source
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"base: {file} cannot be read", str(error).partition("\n")[0], "take it from its maker again, or train it again"
            ) from None
    return None


def _source(job: Job) -> Path | None:
    """The base's folder on this machine, if it has one."""
    from kefu.errors import KefuError
    from kefu.train import base as bases
    from kefu.train.methods.causal import found

    if job.start in ("", "embedded"):
        return None
    try:
        source, local = bases.locate(job.start, found(job, job.start), "base")
    except KefuError:
        return None
    return Path(source) if local and Path(source).is_dir() else None


def new_head(job: Job, labels: Sequence[str]) -> None:
    """A head for other labels that has as many outputs would be taken over with a wrong meaning: its last layer starts anew."""
    import torch

    had = _labels_of(job)
    if job.opened.embedded or had == list(labels):
        return
    body = job.model.base_model
    inside = set(body.modules()) if body is not job.model else set()
    for module in job.model.modules():
        if isinstance(module, torch.nn.Linear) and module not in inside and module.out_features == len(labels):
            torch.nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)


def named(values: Sequence[str]) -> str:
    """`a, b and 3 more`."""
    shown = ", ".join(values[:_SHOWN])
    return shown + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")
