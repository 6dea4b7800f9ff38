"""Prometheus metrics. Every label has a bounded set of values; none holds a word of a customer, a key or an id."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from kefu import __version__
from kefu.serve.answering import TIERS

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


class Metrics:
    """All metrics of one app, in a registry of its own."""

    def __init__(self, model: str, version: str) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("kefu_requests", "HTTP requests answered", ["route", "method", "status"], registry=registry)
        self.seconds = Histogram("kefu_request_seconds", "Time to the last byte", ["route"], buckets=_FAST, registry=registry)
        self.first = Histogram("kefu_first_token_seconds", "Time to the first text of a reply", ["tier"], buckets=_FAST, registry=registry)
        self.replies = Counter("kefu_replies", "Replies by tier and outcome", ["tier", "outcome"], registry=registry)
        self.tokens = Counter("kefu_tokens", "Tokens of the model", ["direction"], registry=registry)
        self.in_flight = Gauge("kefu_in_flight", "Chat requests being answered", registry=registry)
        self.shed = Counter("kefu_shed", "Chat requests turned away because too many were in flight", registry=registry)
        self.limited = Counter("kefu_rate_limited", "Requests turned away by the rate limit", registry=registry)
        self.disconnects = Counter("kefu_disconnects", "Customers who left before the answer was whole", registry=registry)
        self.handoffs = Counter("kefu_handoffs", "Steps of ownership", ["step"], registry=registry)
        self.ratings = Counter("kefu_ratings", "Ratings by score", ["score"], registry=registry)
        self.records_degraded = Gauge("kefu_records_degraded", "1 while the records database does not answer", registry=registry)
        self.records_queued = Gauge("kefu_records_queued", "Records waiting to be written", registry=registry)
        self.records_lost = Gauge("kefu_records_lost", "Records given up since the start", registry=registry)
        self.ready = Gauge("kefu_ready", "1 when the assistant can answer", registry=registry)
        self.draining = Gauge("kefu_draining", "1 while the server finishes its last requests", registry=registry)
        Gauge("kefu_build_info", "Version of kefu and of the model", ["version", "model", "model_version"], registry=registry).labels(
            __version__, model, version
        ).set(1)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        self.requests.labels(route, method if method in _METHODS else "OTHER", str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def reply(self, tier: str, outcome: str, first_s: float | None, prompt: int, completion: int) -> None:
        tier = tier if tier in TIERS else "none"
        self.replies.labels(tier, outcome).inc()
        if first_s is not None:
            self.first.labels(tier).observe(first_s)
        if prompt or completion:
            self.tokens.labels("prompt").inc(prompt)
            self.tokens.labels("completion").inc(completion)

    def text(self) -> bytes:
        return generate_latest(self.registry)
