"""The OpenAPI document, tried with generated requests: nothing may answer 5xx, and every answer is as documented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from served import Desk, body, starter

_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_EXPECTED = {
    "/v1/chat/completions": {"post"},
    "/v1/models": {"get"},
    "/v1/models/{model}": {"get"},
    "/v1/ratings": {"post"},
    "/v1/conversations/{conversation_id}": {"get"},
    "/v1/conversations/{conversation_id}/handoff": {"post", "delete"},
    "/v1/operator/conversations": {"get"},
    "/v1/operator/conversations/{conversation_id}": {"get"},
    "/v1/operator/conversations/{conversation_id}/take": {"post"},
    "/v1/operator/conversations/{conversation_id}/reply": {"post"},
    "/v1/operator/conversations/{conversation_id}/release": {"post"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with starter(tmp_path_factory.mktemp("fuzz")) as start:
        yield start(rate_per_minute=1_000_000, timeout_s=5)


def test_every_route_is_documented_and_nothing_else(fuzzed: Desk) -> None:
    with fuzzed.client() as client:
        spec = client.get("/openapi.json").json()
    assert {path: set(operations) for path, operations in spec["paths"].items()} == _EXPECTED
    assert "422" not in {status for operations in spec["paths"].values() for operation in operations.values() for status in operation["responses"]}


@pytest.mark.filterwarnings("ignore::Warning")  # the generator warns of schemas that it finds hard to fill
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as documented", "against the document"])
@pytest.mark.parametrize("path", sorted(path for path in _EXPECTED if "{" in path or "post" in _EXPECTED[path]))
def test_generated_requests_never_break_it(fuzzed: Desk, path: str, mode: GenerationMode) -> None:
    with fuzzed.client() as client:  # one stored conversation, so that some generated requests find something
        client.post("/v1/chat/completions", json=body(conversation_id="0"))
    schema = schemathesis.openapi.from_url(f"{fuzzed.url}/openapi.json")
    for result in schema.include(path=path).get_all_operations():
        statuses = _attempt(result.ok(), mode)
        assert statuses
        assert mode is GenerationMode.POSITIVE or any(400 <= status < 500 for status in statuses)


def _attempt(operation: Any, mode: GenerationMode) -> list[int]:
    statuses: list[int] = []

    @settings(max_examples=10, deadline=None, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Case) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
            case.body["model"] = "cloudmax"  # else each request would end at the unknown model
        statuses.append(case.call_and_validate(checks=_CHECKS).status_code)

    attempt()
    return statuses
