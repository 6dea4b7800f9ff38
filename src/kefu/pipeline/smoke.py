"""The smoke stage: the gateway on a free port, asked over real HTTP what a first customer would ask."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kefu.artifacts import read_jsonl, write_json
from kefu.conversation import Conversation, Turn
from kefu.errors import GateError
from kefu.project import Loaded

if TYPE_CHECKING:
    from kefu.pipeline.run import Outcome

_REFUSE = {"zh": "你们能书面保证稳赚不赔、绝对没有任何风险吗？", "en": "Promise me in writing a guaranteed return with absolutely no risk."}
_PERSON = {"zh": "我要转人工客服", "en": "I want to talk to a human agent"}
_MOST_TRIES = 600
_SMOKE_KEY = "smoke"


@dataclass
class Check:
    """passed is None when this project gave no occasion to try it; `why` says so."""

    name: str
    asked: str = ""
    answered: str = ""
    tier: str = ""
    ms: float = 0.0
    passed: bool | None = True
    why: str = ""


def smoke(project: Loaded, outcome: Outcome, out: Path, progress: Callable[[str, float], None]) -> dict[str, Any]:
    """Run the checks; writes smoke.json. Raises GateError naming the first that failed."""
    from kefu.knowledge import served
    from kefu.pipeline.state import assemble
    from kefu.serve import Info, background

    knowledge, export, data = (outcome.artifact(name) for name in ("knowledge", "export", "data"))
    settings = project.settings.serve.model_copy(update={"host": "127.0.0.1", "port": 0, "keys_env": "", "keys_file": ""})
    progress("starting the gateway", 0.1)
    assistant = assemble(project, served(knowledge.path), export.path, version=outcome.model or export.key[:12])
    model_question = _reaches_model(project, assistant, data.path) if project.settings.assistant.model else ""
    checks: list[Check] = []
    with background(lambda: assistant, settings, info=Info(title=project.settings.assistant.name, model=project.settings.name)) as running:
        client = _Client(running.url, project.settings.name)
        for i, check in enumerate(_checks(client, list(read_jsonl(data.file("faq.jsonl"))), model_question)):
            checks.append(check)
            progress(check.name, 0.2 + i * 0.07)
        url = running.url
    checks.append(_stopped(url))
    write_json(out / "smoke.json", {"checks": [asdict(check) for check in checks]})
    failed = [check for check in checks if check.passed is False]
    if failed:
        first = failed[0]
        raise GateError(
            f"smoke check {first.name!r} failed", f"asked {first.asked!r}, got {first.answered!r} ({first.why})", "see smoke.json", layer="serve"
        )
    tried = [check for check in checks if check.passed]
    skipped = [check.name for check in checks if check.passed is None]
    said = f"{len(tried)} checks over HTTP" + (f"; not exercised: {', '.join(skipped)}" if skipped else "")
    return {"checks": len(tried), "not_exercised": skipped, "summary": said}


class _Client:
    """Plain HTTP, so that nothing of ours stands between the check and the wire."""

    def __init__(self, url: str, model: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.model = parts.hostname or "", parts.port or 0, model

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ask(self, text: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
        """The answer's text and its `kefu` field."""
        body = {"model": self.model, "messages": [{"role": "user", "content": text}], "stream": stream}
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            raw = response.read().decode()
            if response.status != 200:
                return raw, {"status": response.status}
            if not stream:
                document = json.loads(raw)
                return document["choices"][0]["message"]["content"], document["kefu"]
            said, extra = "", dict[str, Any]()
            lines = [line[6:] for line in raw.splitlines() if line.startswith("data: ")]
            for line in lines:
                if line == "[DONE]":
                    continue
                chunk = json.loads(line)
                extra = chunk.get("kefu") or extra
                said += "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
            return (said, extra) if lines[-1:] == ["[DONE]"] else (said, {"status": "the stream had no [DONE]"})
        finally:
            connection.close()


def _checks(client: _Client, faq: list[dict[str, Any]], model_question: str) -> Iterator[Check]:
    status, body = client.get("/readyz")
    yield Check("ready", "GET /readyz", body[:80], passed=status == 200, why="" if status == 200 else f"status {status}")
    languages = [language for language in ("zh", "en") if any(entry["language"] == language for entry in faq)] or ["zh"]
    for language in languages:
        yield _faq(client, [entry for entry in faq if entry["language"] == language], f"FAQ hit, {language}", stream=False)
        yield _faq(client, [entry for entry in faq if entry["language"] == language], f"FAQ hit streamed, {language}", stream=True)
    if model_question:
        yield _ask(client, "model answer", model_question, True, lambda said, extra: extra.get("tier") == "model" and bool(said))
    else:
        yield Check("model answer", passed=None, why="no question of this project's data reached the model tier")
    for language in languages:
        yield _ask(
            client,
            f"compliance refusal, {language}",
            _REFUSE[language],
            False,
            lambda said, extra: bool(extra.get("refused") or extra.get("handoff")),
        )
        yield _ask(client, f"hand-off, {language}", _PERSON[language], True, lambda said, extra: bool(extra.get("handoff")))
    status, body = client.get("/metrics")
    yield Check("metrics", "GET /metrics", f"{len(body.splitlines())} lines", passed=status == 200 and "kefu" in body, why=f"status {status}")


def _faq(client: _Client, entries: list[dict[str, Any]], name: str, *, stream: bool) -> Check:
    """The first known question that is answered from its own entry; some entries share their wording with another."""
    check = Check(name, passed=None, why="the FAQ is empty")
    for entry in islice((entry for entry in entries if entry["questions"]), 20):
        check = _ask(client, name, entry["questions"][0], stream, partial(_from_entry, entry["id"]))
        if check.passed:
            break
    return check


def _from_entry(entry_id: str, said: str, extra: dict[str, Any]) -> bool:
    return extra.get("tier") == "faq" and entry_id in extra.get("sources", []) and bool(said)


def _ask(client: _Client, name: str, text: str, stream: bool, good: Callable[[str, dict[str, Any]], bool]) -> Check:
    began = time.perf_counter()
    said, extra = client.ask(text, stream=stream)
    ms = (time.perf_counter() - began) * 1000
    passed = good(said, extra)
    why = "" if passed else f"not what was expected: { ({key: extra.get(key) for key in ('status', 'tier', 'refused', 'handoff', 'sources')}) }"
    return Check(name, text, said, str(extra.get("tier", "")), ms, passed, why)


def _reaches_model(project: Loaded, assistant: Any, data: Path) -> str:
    """A question that the model tier answers, or an empty string: of the project's own, of held-out dialogues, else a known one distorted."""
    from kefu import engines
    from kefu.evals import questions
    from kefu.train.noise import noisy

    own = [one.text for one in questions.load(project.path(project.settings.eval.questions))] if project.settings.eval.questions else []
    dialogues = [m["content"] for row in read_jsonl(data / "messages.validation.jsonl") for m in row["messages"] if m["role"] == "user"]
    known = [question for entry in read_jsonl(data / "faq.jsonl") for question in entry["questions"][:2]]
    distorted = (noisy(question, f"smoke/{turn}") for turn in range(3) for question in known)
    for text in islice(chain(own, dialogues, distorted), _MOST_TRIES):
        reply = engines.run(assistant.answer(Conversation(_SMOKE_KEY, [Turn("customer", text)])))
        if reply.tier == "model":
            return str(text)
    return ""


def _stopped(url: str) -> Check:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=5)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except OSError:
        return Check("stopped cleanly", url, "connection refused")
    finally:
        connection.close()
    return Check("stopped cleanly", url, "still answering", passed=False, why="the port is still open")
