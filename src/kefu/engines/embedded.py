"""The embedded CPU engine: OpenVINO GenAI continuous batching over an exported folder (`engine.json`)."""

from __future__ import annotations

import asyncio
import atexit
import math
import os
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from kefu.engines.access import ENGINE_FILE
from kefu.engines.protocol import Delta, Finish, Message, Sampling, Score
from kefu.engines.stepper import Request, Stepper
from kefu.engines.tokens import TextStream, Tokens, read_json
from kefu.errors import EngineError, InputError, MissingExtra

_MODEL = "openvino_model.xml"
_BLOCK = 32  # tokens in one KV block of the CPU plugin


class EmbeddedEngine:
    """Runs an exported folder on the CPU.

    threads: inference threads (default: $KEFU_THREADS, then $OMP_NUM_THREADS, then all cores).
    cache_mb: KV cache in MiB, shared by all requests (default: two contexts, of 4096 tokens at most, and no
    less than 64). A cache smaller than the model's context lowers `context` to what it holds.
    max_waiting: requests taken at once, running and waiting. max_batch: requests run together.
    """

    capabilities = frozenset({"stream", "cancel", "batch", "score", "encode", "logprobs", "seed"})

    def __init__(self, folder: Path, *, threads: int | None = None, cache_mb: int | None = None, max_waiting: int = 256, max_batch: int = 64) -> None:
        self.folder = folder
        self.settings = _settings(folder)
        self.name = str(self.settings["name"])
        blocks = _blocks(self.settings, cache_mb)
        self.context: int | None = min(int(self.settings["context"]), (blocks - 1) * _BLOCK)
        self.end_ids = [int(i) for i in self.settings["end_ids"]]
        self.tokens = Tokens(folder)
        self.hints = {**self.settings.get("hints", {}), **_threads(threads)}
        self._logits: Logits | None = None
        self._lock = threading.Lock()
        genai, self._ov = _libraries()
        scheduler = genai.SchedulerConfig()
        scheduler.num_kv_blocks = blocks
        scheduler.max_num_seqs = max_batch
        try:
            pipeline = genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", self.hints)
        except Exception as error:  # noqa: BLE001 - the library raises RuntimeError and its own kinds
            raise EngineError(f"cannot load {folder}", _first_line(error), "export the model again") from None
        self._config = genai.GenerationConfig
        self._stepper = Stepper(pipeline, self._tensor, max_waiting, self.name)
        # A daemon thread inside the library while the interpreter goes down would crash the process.
        atexit.register(_close_at_exit, weakref.ref(self._stepper))

    async def chat(self, messages: Sequence[Message], params: Sampling = Sampling()) -> AsyncIterator[Delta]:  # noqa: B008 - frozen
        ids = self.encode(messages)
        async with aclosing(self.continue_ids(ids, params)) as deltas:
            async for delta in deltas:
                yield delta

    async def continue_ids(self, ids: list[int], params: Sampling = Sampling()) -> AsyncGenerator[Delta, None]:  # noqa: B008 - frozen
        """Deltas of the text that follows these token ids (what the gates feed, past template and tokenizer)."""
        room = self._room(ids)
        request = Request(ids, self._generation(params, min(params.max_tokens, room)), asyncio.get_running_loop())
        text, count = TextStream(self.tokens, params.stop), 0
        self._stepper.add(request)
        try:
            while True:
                item = await request.queue.get()
                if isinstance(item, EngineError):
                    raise EngineError(item.what, item.why, item.fix)
                new, logprobs, status = item
                ended = bool(new) and new[-1] in self.end_ids
                if ended:
                    new, logprobs = new[:-1], logprobs[:-1]
                count += len(new)
                piece = text.push(new)
                finish = self._finish(status, ended, text.stopped)
                if finish and not text.stopped:
                    piece += text.flush()
                    finish = "stop" if text.stopped else finish
                usage = {"prompt_tokens": len(ids), "completion_tokens": count, "total_tokens": len(ids) + count} if finish else None
                if piece or new or finish:
                    yield Delta(piece, tuple(new), math.fsum(logprobs), finish, usage)
                if finish:
                    return
        finally:
            self._stepper.cancel(request)

    async def score(self, messages: Sequence[Message]) -> Score:
        ids, start = self.tokens.answer_span(messages)
        self._room(ids)
        return await asyncio.to_thread(self._score, ids, start)

    def encode(self, messages: Sequence[Message]) -> list[int]:
        return self.tokens.encode(messages)

    def logits(self, ids: list[int]) -> Any:
        """Float32 array [tokens, vocabulary] from the same weights outside the batch (loaded on first use)."""
        with self._lock:
            if self._logits is None:
                self._logits = Logits(self.folder / _MODEL, self.hints)
        return self._logits(ids)

    @property
    def load(self) -> int:
        """Requests waiting or running."""
        return self._stepper.load

    async def close(self) -> None:
        await asyncio.to_thread(self._stepper.close)
        self._logits = None

    def _score(self, ids: list[int], start: int) -> Score:
        logits = self.logits(ids)
        rows = logits[start - 1 : -1]
        peak = rows.max(axis=1, keepdims=True)
        total = peak[:, 0] + _log(_exp(rows - peak).sum(axis=1))
        answer = ids[start:]
        return Score([float(rows[i, token] - total[i]) for i, token in enumerate(answer)], answer)

    def _finish(self, status: str | None, ended: bool, stopped: bool) -> Finish | None:
        if stopped or ended:
            return "stop"
        return None if status is None else "cancelled" if status in ("CANCEL", "STOP") else "length"

    def _room(self, ids: list[int]) -> int:
        room = (self.context or 0) - len(ids)
        if room <= 0 or not ids:
            why = f"it has {len(ids)} tokens, the model takes {self.context} with the answer" if ids else "it is empty"
            raise InputError("the prompt does not fit", why, "shorten the conversation")
        return room

    def _generation(self, params: Sampling, max_tokens: int) -> Any:
        config = self._config()
        config.max_new_tokens = max(1, max_tokens)
        config.stop_token_ids = set(self.end_ids)
        config.eos_token_id = self.end_ids[0]
        config.logprobs = 1
        if params.temperature > 0:
            config.do_sample, config.temperature, config.top_p, config.rng_seed = True, params.temperature, params.top_p, params.seed
        else:
            config.do_sample = False
        return config

    def _tensor(self, ids: list[int]) -> Any:
        import numpy

        return self._ov.Tensor(numpy.array([ids], dtype=numpy.int64))


class Logits:
    """Logits of every position from the stateful model itself, one sequence at a time."""

    def __init__(self, model: Path, hints: dict[str, Any]) -> None:
        _, ov = _libraries()
        try:
            self._request = ov.Core().compile_model(str(model), "CPU", hints).create_infer_request()
        except Exception as error:  # noqa: BLE001 - the library raises RuntimeError and its own kinds
            raise EngineError(f"cannot load {model}", _first_line(error), "export the model again") from None
        self._names = {name for port in self._request.model_inputs for name in port.names}
        self._lock = threading.Lock()

    def __call__(self, ids: list[int]) -> Any:
        import numpy

        given = {
            "input_ids": numpy.array([ids], dtype=numpy.int64),
            "attention_mask": numpy.ones((1, len(ids)), dtype=numpy.int64),
            "position_ids": numpy.arange(len(ids), dtype=numpy.int64)[None],
            "beam_idx": numpy.zeros(1, dtype=numpy.int32),
        }
        with self._lock:
            self._request.reset_state()
            self._request.infer({name: value for name, value in given.items() if name in self._names})
            return numpy.array(self._request.get_tensor("logits").data[0], dtype=numpy.float32)


def _settings(folder: Path) -> dict[str, Any]:
    settings = read_json(folder / ENGINE_FILE)
    missing = [key for key in ("engine", "name", "context", "end_ids") if not settings.get(key)]
    if missing or settings.get("engine") != "openvino":
        raise InputError(
            f"{folder / ENGINE_FILE} cannot be used", f"{', '.join(missing) or 'engine'} is missing or not known", "export the model again"
        )
    return dict(settings)


def _blocks(settings: dict[str, Any], cache_mb: int | None) -> int:
    """KV blocks of the cache; two at least."""
    context, per_token = int(settings["context"]), int(settings.get("kv_bytes_per_token") or 4096)
    wanted = cache_mb << 20 if cache_mb else max(64 << 20, 2 * min(context, 4096) * per_token + per_token * _BLOCK)
    return max(2, wanted // (per_token * _BLOCK))


def _threads(threads: int | None) -> dict[str, int]:
    for value in (threads, os.environ.get("KEFU_THREADS"), os.environ.get("OMP_NUM_THREADS")):
        if value and str(value).isdigit():
            return {"INFERENCE_NUM_THREADS": int(value)}
    return {}


def _libraries() -> tuple[Any, Any]:
    try:
        import openvino
        import openvino_genai
    except ImportError:
        raise MissingExtra("the embedded engine", "embedded") from None
    return openvino_genai, openvino


def _close_at_exit(reference: weakref.ref[Stepper]) -> None:
    stepper = reference()
    if stepper is not None:
        stepper.close(timeout_s=5)


def _exp(rows: Any) -> Any:
    import numpy

    return numpy.exp(rows)


def _log(rows: Any) -> Any:
    import numpy

    return numpy.log(rows)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else repr(error)
