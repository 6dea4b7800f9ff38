"""`provider`: a fine-tuning job at an OpenAI-compatible cloud: upload, create, poll, fetch. The tuned model is served by its URL.

What is under way there is written down here (`provider.json` among the checkpoints) after every step, so that a run that was stopped
goes on with the same files and the same job and nothing is paid for twice.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from kefu.artifacts import fingerprint, write_json
from kefu.engines.access import PROMPT_FILE
from kefu.engines.prompted import PROVIDERS, KeyPlace, Prompted, PromptedEngine, reach
from kefu.errors import ConfigError, GateError, InputError
from kefu.project.load import secret
from kefu.project.schema import Block

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.methods.jobs import Client

STATE = "provider.json"
_RUNNING = {"validating_files", "queued", "running", "pending", "paused"}
_FAILED = {"failed", "cancelled", "canceled", "expired", "error", "deleted"}
_EPOCHS = 3


class Settings(Block):
    provider: str = Field(default="", description="openai or nebius: its address, and where its key is")
    url: str = Field(default="", description="base of the API, such as https://host/v1, instead of the provider's own")
    api_key: KeyPlace = Field(default="", description="env:NAME or file:PATH; with a provider: env:PROVIDER_API_KEY")
    suffix: str = Field(default="", max_length=40, description="part of the tuned model's name; empty: the recipe's name")
    hyperparameters: dict[str, Any] = Field(default={}, description="passed on as they are: learning_rate_multiplier, batch_size, lora, ...")
    validate_rows: bool = Field(default=True, description="upload the validation rows too, when there are any")
    poll_s: float = Field(default=15, gt=0, description="seconds between two looks at the job")
    patience_s: float = Field(default=300, gt=0, description="how long a server that does not answer is tried again")
    timeout_s: float = Field(default=60, gt=0, description="of one request")
    longest_h: float = Field(default=24, gt=0, description="hours a job may take before waiting ends (it goes on there)")
    role: str = Field(default="", description="system message for rows that have none, in training and in service")
    max_tokens: int = Field(default=256, ge=1)
    send_unmasked: bool = Field(
        default=False, description="send personal data as they stand in the rows; else they are masked before anything leaves this machine"
    )
    measure: bool = Field(default=True, description="ask base and tuned model the measured rows (costs tokens)")


class Provider:
    name: ClassVar[str] = "provider"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "messages"

    def __init__(self) -> None:
        self.url, self.key, self.tuned = "", "", ""
        self.state: dict[str, Any] = {}
        self.served: Any = None

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        epochs = job.recipe.train.epochs
        return {"epochs": (epochs, "") if epochs else (_EPOCHS, "usual for tuning a checkpoint")}

    @staticmethod
    def started(work: Path, resume: bool, force: bool) -> None:
        """Whether to go on with a job that is under way. Raises InputError."""
        state = _read(work)
        under_way = state.get("job") or state.get("files")
        if resume and not under_way:
            raise InputError("nothing to resume", "no job of exactly this recipe and its data is under way", "start without --resume")
        if under_way and not resume and not force:
            what = f"job {state['job']}" if state.get("job") else "its upload"
            raise InputError(f"{what} of this recipe is under way at the provider", str(work), "go on with --resume, or start anew with --force")
        if force:
            (work / STATE).unlink(missing_ok=True)

    def open(self, job: Job) -> None:
        given, faults = job.settings, []
        if not given.provider and not given.url:
            faults.append("provider: give `provider` (openai, nebius) or the `url` of another server")
        if given.provider and given.provider not in PROVIDERS:
            faults.append(
                f"provider.provider: {given.provider!r}: use {', '.join(name for name, (_, tunes) in PROVIDERS.items() if tunes)}, or `url`"
            )
        elif given.provider and not given.url and not PROVIDERS[given.provider][1]:
            faults.append(f"provider.provider: {given.provider} offers no fine-tuning jobs on this API: use method prompt with it")
        if given.url and not given.url.startswith(("http://", "https://")):
            faults.append(f"provider.url: {given.url!r} is no http(s) address")
        if not job.recipe.base:
            faults.append("the recipe names no base: the model's name at the provider")
        if "://" in given.url and "@" in given.url.split("://", 1)[1].split("/", 1)[0]:
            faults.append("provider.url holds a password: use api_key")
        if faults:
            raise ConfigError("the provider's settings have faults", faults[0], "correct the recipe", faults=faults)
        reference = given.api_key or (f"env:{given.provider.upper()}_API_KEY" if given.provider else "")
        self.url = (given.url or PROVIDERS[given.provider][0]).rstrip("/")
        self.key = secret(reference) if reference else ""
        self.served = Prompted(
            access_point=self.url, model=job.recipe.base, api_key=reference, role=given.role, max_tokens=given.max_tokens, timeout_s=given.timeout_s,
            send_unmasked=given.send_unmasked,
        )  # fmt: skip
        job.facts["base"] = {"name": f"{job.recipe.base} at {self.url}", "parameters": None, "context": None}

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.methods import spoken

        made = spoken.leave(spoken.encode(rows, spoken.unanswered), job, self.name, split, self.url)
        if job.settings.role:
            for item in made.items:
                if item["messages"][0]["role"] != "system":
                    item["messages"] = [{"role": "system", "content": job.settings.role}, *item["messages"]]
        return made

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        from kefu.train.methods import spoken

        return spoken.pieces(item)

    def make(self, job: Job, train: Prepared, validation: Prepared | None, progress: Callable[[str, float], None]) -> Any:
        """Upload, create, wait. Raises GateError (the job failed), ConfigError (the key or a setting was refused), EngineError (no answer)."""
        from kefu.engines.protocol import run
        from kefu.train.methods.jobs import Client

        given = job.settings
        parts = {"training": train, **({"validation": validation} if validation and given.validate_rows else {})}
        self.state = _read(job.work)
        client = Client(self.url, self.key, timeout_s=given.timeout_s, patience_s=given.patience_s, say=job.say)
        started = time.perf_counter()
        found = run(self._through(job, client, parts, progress))
        curves = _curves(found, float(job.plan["epochs"]), self.state.get("results", ""), time.perf_counter() - started)
        job.facts["provider"] = {
            "url": self.url, "job": self.state["job"], "model": self.tuned, "files": self.state["files"],
            "trained_tokens": found.get("trained_tokens"), "hyperparameters": found.get("hyperparameters") or {},
        }  # fmt: skip
        return curves

    async def _through(self, job: Job, client: Client, parts: dict[str, Prepared], progress: Callable[[str, float], None]) -> dict[str, Any]:
        async with client:
            for name, part in parts.items():
                lines = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in part.items)
                done = self.state.setdefault("files", {}).get(name)
                if not done or done["sha256"] != fingerprint(lines):
                    progress(f"uploading {name} rows", 0.05)
                    number = await client.upload(f"{job.recipe.name}-{name}.jsonl", lines.encode())
                    self.state["files"][name] = {"id": number, "sha256": fingerprint(lines), "rows": len(part.items)}
                    self._keep(job)
            if not self.state.get("job"):
                self.state["job"] = await self._create(job, client)
                self._keep(job)
            found = await self._wait(job, client, progress)
            self.tuned = str(found.get("fine_tuned_model") or "")
            if not self.tuned:
                what = f"job {self.state['job']} succeeded without a model"
                raise GateError(what, "its answer names none", "look at the provider's page", layer="provider")
            for number in list(found.get("result_files") or [])[:1]:
                self.state["results"] = await client.content(str(number))
            return found

    async def _create(self, job: Job, client: Client) -> str:
        files = self.state["files"]
        body: dict[str, Any] = {
            "model": job.recipe.base, "training_file": files["training"]["id"], "seed": job.seed,
            "suffix": (job.settings.suffix or job.recipe.name)[:40],
            "hyperparameters": {"n_epochs": round(job.plan["epochs"]), **job.settings.hyperparameters},
        }  # fmt: skip
        if "validation" in files:
            body["validation_file"] = files["validation"]["id"]
        return await client.create(body)

    async def _wait(self, job: Job, client: Client, progress: Callable[[str, float], None]) -> dict[str, Any]:
        import asyncio

        until = time.monotonic() + job.settings.longest_h * 3600
        while True:
            found = await client.job(self.state["job"])
            status = str(found.get("status", ""))
            if status == "succeeded":
                return found
            if status not in _RUNNING | _FAILED:
                job.say(f"the provider calls job {self.state['job']} {status[:60]!r}, which is unknown here: it is asked again until it says more")
            if status in _FAILED:
                error = found.get("error") or {}
                said = str(error.get("message") or error) if isinstance(error, dict) else str(error)
                number = self.state.pop("job")
                self._keep(job)  # the files stay: the next run uploads nothing again
                what = f"job {number} ended as {status or 'nothing'}"
                raise GateError(what, said or "the provider says no more", "correct it and run again", layer="provider")
            if time.monotonic() > until:
                why = f"it is {status} after {job.settings.longest_h:g} hours"
                raise GateError(f"job {self.state['job']} is not done", why, "it goes on there; look again with --resume", layer="provider")
            tokens = found.get("trained_tokens")
            progress(f"job {self.state['job']}: {status}" + (f", {tokens} tokens" if tokens else ""), 0.5)
            await asyncio.sleep(job.settings.poll_s)

    def _keep(self, job: Job) -> None:
        job.work.mkdir(parents=True, exist_ok=True)
        write_json(job.work / STATE, self.state)

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        from kefu.train.methods import spoken

        if not job.settings.measure:
            return {}
        asked = spoken.pairs(rows, mask=not job.settings.send_unmasked)
        return spoken.judged([answer for _, answer in asked], self._ask(job, [messages for messages, _ in asked]))

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.methods import spoken

        return spoken.trivial(job, rows)

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from kefu.train.methods import spoken

        if not job.settings.measure:
            return []
        asked = spoken.pairs(rows, mask=not job.settings.send_unmasked)
        heard = self._ask(job, [messages for messages, _ in asked])
        return [
            {"asked": messages[-1]["content"], "expected": answer, "said": one.text if one else ""}
            for (messages, answer), one in zip(asked, heard, strict=True)
        ]

    def _ask(self, job: Job, asked: list[list[dict[str, str]]]) -> list[Any]:
        from kefu.engines.protocol import run
        from kefu.train.methods import spoken

        now = self.served.model_copy(update={"model": self.tuned or job.recipe.base})
        inner = reach(job.out, now)
        try:
            return spoken.ask(PromptedEngine(job.out, now, inner), asked)
        finally:
            run(inner.close())

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        """prompted.json (how the tuned model is reached) and provider.json (the job)."""
        write_json(folder / PROMPT_FILE, self.served.model_copy(update={"model": self.tuned}).model_dump())
        write_json(folder / STATE, job.facts["provider"])
        if self.state.get("results"):
            (folder / "results.csv").write_text(self.state["results"], "utf-8")
        return {"task": "prompt", "model": PROMPT_FILE}


def _read(work: Path) -> dict[str, Any]:
    try:
        found = json.loads((work / STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _curves(found: dict[str, Any], epochs: float, results: str, seconds: float) -> Any:
    """What the provider's result file (CSV: step, train_loss, valid_loss, ...) tells of the run."""
    from kefu.train.factory.fit import Curves

    curves = Curves(epochs=epochs, seconds=seconds, tokens_seen=int(found.get("trained_tokens") or 0))
    for row in csv.DictReader(io.StringIO(results)):
        for column, points in (("train_loss", curves.train), ("valid_loss", curves.validation)):
            try:
                points.append((int(float(row.get("step") or 0)), round(float(row[column]), 5)))
            except (KeyError, TypeError, ValueError):
                continue
    curves.steps = curves.planned_steps = curves.best_step = max((step for step, _ in curves.train), default=0)
    return curves
