"""A cloud on this machine: files, fine-tuning jobs and chat as an OpenAI-compatible API has them, with faults on demand."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message as Mail
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Cloud:
    """faults: "METHOD /path" -> what happens to the next requests, in order: a status, "drop" (done, then cut), "hang", "garbage".

    statuses: what a job is, look by look; the last stays. said: model -> function from messages to text.
    """

    def __init__(self) -> None:
        self.files: dict[str, list[dict[str, Any]]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, list[Any]] = {}
        self.statuses = ["validating_files", "queued", "running", "succeeded"]
        self.error: dict[str, Any] | None = None
        self.seen: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        self.reply: Any = None
        self.url = ""

    def answers(self, job: dict[str, Any]) -> dict[str, str]:
        rows = self.files[job["training_file"]]
        return {m[-2]["content"]: m[-1]["content"] for m in (row["messages"] for row in rows)}


@contextmanager
def cloud() -> Iterator[Cloud]:
    here = Cloud()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def _serve(self, method: str) -> None:
            path = self.path.partition("?")[0].removeprefix("/v1")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            here.keys.add(self.headers.get("Authorization", ""))
            name = f"{method} {'/fine_tuning/jobs/ID' if path.startswith('/fine_tuning/jobs/') else path}"
            here.seen[name] += 1
            fault = here.faults.get(name, [])
            kind = fault.pop(0) if fault else None
            if isinstance(kind, int):
                self._send(kind, {"error": {"message": f"injected {kind}"}}, {"Retry-After": "0"} if kind == 429 else {})
                return
            if kind == "hang":
                time.sleep(1.5)
                self.close_connection = True
                return
            if kind == "garbage":
                self._raw(200, b"<html>busy</html>", "text/html")
                return
            made = self._made(method, path, body)
            if kind == "drop":  # it was done, and nobody was told
                self.close_connection = True
                return
            if path == "/chat/completions":
                self._chat(json.loads(body))
            elif path.endswith("/content"):
                self._raw(200, b"step,train_loss,valid_loss\n1,2.5,2.6\n2,1.5,\n", "text/csv")
            elif made is None:
                self._send(404, {"error": {"message": f"no {path}"}})
            else:
                self._send(200, made)

        def _made(self, method: str, path: str, body: bytes) -> Any:
            if method == "POST" and path == "/files":
                mail: Mail = BytesParser().parsebytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
                part = next(p for p in mail.walk() if p.get_filename())
                number = f"file-{len(here.files) + 1}"
                here.files[number] = [json.loads(line) for line in part.get_payload(decode=True).decode("utf-8").splitlines()]
                return {"id": number, "object": "file"}
            if path == "/fine_tuning/jobs" and method == "POST":
                given = json.loads(body)
                if given["training_file"] not in here.files:
                    return None
                number = f"ftjob-{len(here.jobs) + 1}"
                here.jobs[number] = {"id": number, "looks": 0, **given}
                return self._job(number)
            if path == "/fine_tuning/jobs":
                return {"data": [self._job(number) for number in here.jobs]}
            if path.startswith("/fine_tuning/jobs/"):
                number = path.rpartition("/")[2]
                if number not in here.jobs:
                    return None
                here.jobs[number]["looks"] += 1
                return self._job(number)
            return {"data": [{"id": "base"}]} if path == "/models" else {}

        def _job(self, number: str) -> dict[str, Any]:
            job = here.jobs[number]
            status = here.statuses[min(job["looks"], len(here.statuses) - 1)]
            done = status == "succeeded"
            return {
                "id": number, "status": status, "training_file": job["training_file"], "error": here.error if status == "failed" else None,
                "fine_tuned_model": f"ft:{job['model']}:{job['suffix']}" if done else None, "trained_tokens": 1234 if done else None,
                "result_files": ["file-results"] if done else [], "hyperparameters": job["hyperparameters"],
            }  # fmt: skip

        def _chat(self, given: dict[str, Any]) -> None:
            here.asked.append(given)
            if here.reply is not None:
                text = here.reply(given)
            elif given["model"].startswith("ft:"):
                job = next(iter(here.jobs.values()))
                text = here.answers(job).get(given["messages"][-1]["content"], "?")
            else:
                text = "?"
            events = [{"choices": [{"delta": {"content": text}}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]
            data = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events) + "data: [DONE]\n\n"
            self._raw(200, data.encode(), "text/event-stream")

        def _send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
            self._raw(status, json.dumps(value, ensure_ascii=False).encode(), "application/json", headers)

        def _raw(self, status: int, content: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
