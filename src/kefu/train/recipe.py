"""The run: base, rows, plan, tuning, saved model, report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kefu.artifacts import write_json
from kefu.engines.prompt import PromptStyle
from kefu.errors import ConfigError, GateError, InputError, MissingExtra
from kefu.project import Loaded
from kefu.train import hints, rows, settings, threads
from kefu.train.base import EMBEDDED, Base, control_tokens, embedded_model, embedded_tokenizer, load, locate
from kefu.train.encode import Encoded, Encoder, Ledger
from kefu.train.rows import Row

EVAL_ROWS = 200
SCORE_ROWS = 100
SAMPLES = 8
MEASURED_ROWS = 1500
COMPACT_HITS, FULL_HITS = 1, 3
Progress = Callable[[str, float], None]


def train(project: Loaded, data: Path, knowledge: Path, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Fill `out` with model/, prompt.json, training.json, plots/ and tb/; returns the facts of the run.

    data, knowledge: artefact folders. Deterministic by `train.seed` on one machine with one thread count.
    Raises ConfigError (unknown model), InputError (nothing to learn from), GateError (a row that teaches
    nothing, an unbalanced ledger), MissingExtra.
    """
    from kefu.train.quiet import quiet

    if project.settings.train.base != EMBEDDED:
        locate(project.settings.train.base, project.path(project.settings.train.base))  # before anything slow
    try:
        with quiet():
            return _Run(project, data, knowledge, out, progress or (lambda text, share: None)).go()
    except ImportError as error:
        if (error.name or "").split(".")[0] in ("torch", "transformers", "trl", "datasets", "accelerate", "tokenizers", "tensorboard"):
            raise MissingExtra("training", "train") from None
        raise


class _Run:
    def __init__(self, project: Loaded, data: Path, knowledge: Path, out: Path, progress: Progress) -> None:
        self.project, self.given = project, project.settings.train
        self.data, self.knowledge, self.out, self.progress = data, knowledge, out, progress
        self.embedded = self.given.base == EMBEDDED
        self.finder: hints.Finder | None = None
        self.retrieval = settings.Choice(False, "default")

    def go(self) -> dict[str, Any]:
        self._check_trackers()
        self.progress("reading rows", 0.0)
        learn, held = rows.training(self.data), rows.validation(self.data)
        if not learn.rows:
            raise InputError(
                "nothing to train on", f"no FAQ pair and no answered dialogue turn in {self.data.name}", "look at the data ledger: kefu data stats"
            )
        base = self._base(learn.rows)
        self._find(learn.of("faq"))
        style = self._style(base)
        longest, plan = self._plan(base, style, learn.rows)
        base = self._sized(base, plan)
        threads.use(threads.choose(base.parameters, _cuda())[0])
        encoder = Encoder(base.tokenizer, style, base.end_ids(), plan["max_length"], self.given.over_length)
        self.progress("searching passages for each row", 0.03)
        chosen, held_rows, hit_rates = self._rows(learn, held, plan)
        ledger, held_ledger = Ledger(), Ledger()
        kept, encoded = _encode(encoder, chosen, ledger)
        held_kept, held_encoded = _encode(encoder, held_rows, held_ledger)
        self._check(ledger, encoded)
        from kefu.train.answer import answers, score
        from kefu.train.sft import fit

        questions, most = [row for row in held_kept if row.kind == "faq"], SCORE_ROWS if self.embedded else SAMPLES
        asked = rows.at_most(questions, most, self.given.seed) or rows.at_most(held_kept, SAMPLES, self.given.seed)
        shown = asked[:SAMPLES] or [row for row in kept if not row.copy][:SAMPLES]
        limit = min(self.project.settings.assistant.max_answer_tokens, 96)
        self.progress("asking before training", 0.05)
        before = answers(base, encoder, shown, min(limit, 48))
        curves = fit(base, plan, encoded, held_encoded, self.out, lambda text, share: self.progress(text, 0.06 + 0.88 * share))
        self.progress("saving and asking after training", 0.95)
        self._save(base, style)
        fresh = self._reloaded(base)
        after = answers(fresh, encoder, asked or shown, limit)
        result = score(asked, after)
        samples = [
            {
                "question": row.question,
                "hits": [hit.question for hit in row.hits],
                "expected": row.answer,
                "before": b,
                "after": a,
                "held_out": bool(asked),
            }
            for row, (b, _), (a, _) in zip(shown, before, after, strict=False)
        ]
        document = {
            "base": {
                "name": base.name,
                "parameters": base.parameters,
                "vocabulary": len(base.tokenizer),
                "embedded": base.embedded,
                "context": base.context,
            },
            "settings": plan.as_dict(),
            "data": {**_distribution(kept, encoded), "left_out": dict(learn.dropped), "longest_row_tokens": longest},
            "validation_data": {**_distribution(held_kept, held_encoded), "left_out": dict(held.dropped)},
            "ledger": ledger.as_dict(),
            "validation_ledger": held_ledger.as_dict(),
            "hits": hit_rates,
            "run": curves.as_dict(),
            "held_out": result,
            "samples": samples,
            "environment": _environment(),
        }
        write_json(self.out / "training.json", document)
        from kefu.train.report import plot_loss

        plot_loss(curves.as_dict(), self.out / "plots" / "loss.png")
        self.progress("trained", 1.0)
        return _facts(document)

    def _check_trackers(self) -> None:
        from importlib.util import find_spec

        if "wandb" in self.given.trackers and find_spec("wandb") is None:
            raise ConfigError("train.trackers: wandb", "the package wandb is not installed", "pip install wandb, or leave it out")

    def _base(self, learn: list[Row]) -> Base:
        if not self.embedded:
            return load(self.given.base, self.project.path(self.given.base))
        self.progress("learning the vocabulary", 0.01)
        texts = [text for row in learn for text in (row.question, row.answer)]
        tokenizer = embedded_tokenizer(texts, self.given.vocabulary)
        return Base(EMBEDDED, self._model(tokenizer, 512), tokenizer, embedded=True)

    def _model(self, tokenizer: Any, context: int) -> Any:
        return embedded_model(tokenizer, layers=self.given.layers, hidden=self.given.hidden, context=context, seed=self.given.seed)

    def _find(self, faq: list[Row]) -> None:
        """Open the knowledge base and decide, on questions it has not seen, whether rows get passages."""
        first_right = None
        if settings.uses_knowledge(self.given):
            self.progress("searching passages without each question itself", 0.02)
            hits = COMPACT_HITS if self.embedded else FULL_HITS
            finder = hints.Finder(self.knowledge, self.data, self.project.knowledge(), hits, self.given.seed, self.project.root)
            rows.with_hits(faq, finder.train)
            measured = finder.rates()
            first_right = measured["first_right"] if measured["n"] else None
            self.finder = finder
        self.retrieval = settings.passages(self.given, self.project.origins, first_right)

    def _style(self, base: Base) -> PromptStyle:
        hits = (COMPACT_HITS if self.embedded else FULL_HITS) if self.retrieval.value else 0
        kwargs = {"enable_thinking": False} if "enable_thinking" in base.template else {}
        return PromptStyle(
            kind="compact" if self.embedded else "full", company=self.project.settings.assistant.name,
            max_hits=hits, max_history_turns=3 if self.embedded else 8,
            control_tokens=control_tokens(base.tokenizer), template_kwargs=kwargs, system_role=_takes_system(base, kwargs),
        )  # fmt: skip

    def _plan(self, base: Base, style: PromptStyle, learn: list[Row]) -> tuple[int, settings.Plan]:
        """Measure a seeded sample of one clean pass (passages of the small model are estimated), then choose."""
        encoder = Encoder(base.tokenizer, style, base.end_ids(), 1 << 30)
        count = {kind: sum(row.kind == kind for row in learn) for kind in ("faq", "dialogue")}
        total, longest = dict.fromkeys(count, 0), 0
        for kind, n in count.items():
            some = rows.sample([row for row in learn if row.kind == kind], min(1.0, MEASURED_ROWS / max(1, n)), self.given.seed)
            sizes = [len(encoder.plain(row)[0].ids) for row in some]
            hint = sorted(len(encoder.ids(row.question)) + 1 for row in some)
            extra = hint[len(hint) // 2] * style.max_hits if self.embedded and hint else 0
            total[kind] = round((sum(sizes) / max(1, len(sizes)) + extra) * n)
            longest = max([longest, *(size + (hint[-1] * style.max_hits if self.embedded else 0) for size in sizes)])
        facts = settings.Measured(
            embedded=self.embedded, parameters=base.parameters, context=base.context, cuda=_cuda(), cuda_bf16=_cuda_bf16(), cpu_bf16=_cpu_bf16(),
            faq_rows=count["faq"], faq_tokens=total["faq"], dialogue_rows=count["dialogue"], dialogue_tokens=total["dialogue"], longest=longest,
        )  # fmt: skip
        limit = settings.length(self.given, longest, self.embedded, 1 << 20 if self.embedded else base.context)
        return longest, settings.choose(self.given, self.project.origins, facts, limit, self.retrieval)

    def _sized(self, base: Base, plan: settings.Plan) -> Base:
        """Give the embedded base room for its longest row and an answer beyond it."""
        if not self.embedded:
            return base
        context = max(512, plan["max_length"] + self.project.settings.assistant.max_answer_tokens)
        base.tokenizer.model_max_length = context
        return Base(EMBEDDED, self._model(base.tokenizer, context), base.tokenizer, embedded=True)

    def _rows(self, learn: rows.Rows, held: rows.Rows, plan: settings.Plan) -> tuple[list[Row], list[Row], dict[str, Any]]:
        seed = self.given.seed
        faq = learn.of("faq")
        dialogues = rows.sample(learn.of("dialogue"), plan["dialogue_share"], seed)
        if over := len(learn.of("dialogue")) - len(dialogues):
            learn.dropped["dialogue turns over the token budget"] = over
        chosen = [*faq, *rows.copies(faq, plan["noise_copies"], seed), *dialogues]
        held_rows = rows.at_most(held.of("faq"), EVAL_ROWS, seed) + rows.at_most(held.of("dialogue"), EVAL_ROWS // 2, seed)
        if over := len(held.rows) - len(held_rows):
            held.dropped["beyond the rows that validation takes"] = over
        finder = self.finder if self.retrieval.value else None
        if finder is None:
            return chosen, held_rows, {}
        chosen = rows.with_hits(chosen, finder.train)
        rates = {"training": finder.rates()}
        held_rows = rows.with_hits(held_rows, finder.held_out)
        return chosen, held_rows, {**rates, "held_out": finder.rates()}

    def _check(self, ledger: Ledger, encoded: list[Encoded]) -> None:
        if not ledger.as_dict()["balanced"]:
            raise GateError("the token ledger does not balance", f"{ledger.rows_in} rows in, {ledger.rows} kept", "report this", layer="train")
        if not encoded:
            why = f"all {ledger.rows_in} rows are longer than max_length {self.given.max_length}"
            raise InputError("nothing to train on", why, "raise train.max_length")

    def _save(self, base: Base, style: PromptStyle) -> None:
        from transformers import GenerationConfig

        base.model.eval()
        pad = base.tokenizer.pad_token_id if base.tokenizer.pad_token_id is not None else base.tokenizer.eos_token_id
        base.model.generation_config = GenerationConfig(do_sample=False, eos_token_id=sorted(base.end_ids()), pad_token_id=pad)
        base.model.config.use_cache = True
        folder = self.out / "model"
        base.model.save_pretrained(folder)
        for weights in folder.glob("*.safetensors"):
            weights.chmod(0o644)  # safetensors writes for the owner alone; a server may run as another user
        base.tokenizer.save_pretrained(folder)
        style.save(self.out)

    def _reloaded(self, base: Base) -> Base:
        """The model as saved: what is measured is what is kept on disk."""
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(str(self.out / "model"), dtype="float32", local_files_only=True)
        return Base(base.name, model, base.tokenizer, base.embedded)


def _encode(encoder: Encoder, chosen: list[Row], ledger: Ledger) -> tuple[list[Row], list[Encoded]]:
    pairs = [(row, item) for row in chosen if (item := encoder.fit(row, ledger)) is not None]
    return [row for row, _ in pairs], [item for _, item in pairs]


def _takes_system(base: Base, kwargs: dict[str, Any]) -> bool:
    from kefu.engines.prompt import render

    special = {key: str(value) for key, value in base.tokenizer.special_tokens_map.items()}
    try:
        text = render(base.template, [{"role": "system", "content": "system-mark"}, {"role": "user", "content": "x"}], special, True, **kwargs)
    except InputError:
        return False
    return "system-mark" in text


def _cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _cuda_bf16() -> bool:
    import torch

    return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False))


def _cpu_bf16() -> bool:
    import torch

    known = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(known and known())


def _distribution(kept: list[Row], encoded: list[Encoded]) -> dict[str, Any]:
    from kefu.train.report import distribution

    return distribution(kept, encoded)


def _environment() -> dict[str, Any]:
    from kefu.train.report import environment

    return environment()


def _facts(document: dict[str, Any]) -> dict[str, Any]:
    """The numbers worth a line in the manifest."""
    run, ledger = document["run"], document["ledger"]
    best = min((loss for _, loss in run["validation_loss"]), default=None)
    return {
        "base": document["base"]["name"], "parameters": document["base"]["parameters"], "rows": ledger["rows"], "dropped": ledger["dropped"],
        "tokens": ledger["tokens"], "supervised_share": ledger["supervised_share"], "steps": run["steps"], "epochs": run["epochs"],
        "best_step": run["best_step"], "train_loss": run["train_loss"][-1][1] if run["train_loss"] else None, "validation_loss": best,
        "seconds": run["seconds"], "tokens_per_second": run["tokens_per_second"], "held_out": document["held_out"], "hits": document["hits"],
    }  # fmt: skip
