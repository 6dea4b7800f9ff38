"""The data service's OpenAPI document: valid, complete, and true for generated requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from kefu.data.service.app import create_app
from kefu.data.service.routes import every

from .datahouse import built, company, process

_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_PAGES = {"/openapi.json", "/docs", "/pages.json", "/favicon.ico"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = company(tmp_path_factory.mktemp("schema") / "shop")
    built(root)
    with process("serve", root) as (url, _):
        yield url


def test_the_document_is_valid_and_holds_every_route(url: str) -> None:
    spec = httpx.get(f"{url}/openapi.json", trust_env=False).json()
    assert spec["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(spec).validate()
    assert {(path, method) for path, operations in spec["paths"].items() for method in operations} == {(r.address, r.method) for r in every()}
    rules = {rule.rule for rule in create_app(_Shelf(), Path()).url_map.iter_rules() if not rule.rule.startswith("/pages/")}
    written = {path.replace("{index}", "<int:index>").replace("{dataset}", "<dataset>").replace("{file}", "<path:file>") for path in spec["paths"]}
    assert rules - _PAGES == written


class _Shelf:
    """Enough of a shelf to write the document."""

    names = ("shop",)

    def built(self) -> list[dict[str, Any]]:
        return [{"name": "shop", "key": "0" * 16}]


@pytest.mark.filterwarnings("ignore::Warning")  # the generator warns of schemas that it finds hard to fill
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as documented", "against the document"])
def test_generated_requests_never_break_it(url: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    seen: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        raw = operation.definition.raw
        if mode is GenerationMode.POSITIVE or raw["parameters"] or "requestBody" in raw:  # else there is nothing to get wrong
            seen[operation.label] = _attempt(operation, mode)
    assert len(seen) >= 14
    if mode is GenerationMode.POSITIVE:
        answered = {label for label, statuses in seen.items() if statuses & {200, 206}}
        assert answered >= {label for label in seen if "{file}" not in label} - {"POST /init", "POST /v1/datasets"}
    else:
        assert any(400 in statuses for statuses in seen.values())


def _attempt(operation: Any, mode: GenerationMode) -> set[int]:
    statuses: set[int] = set()

    @settings(max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Case) -> None:
        if "dataset" in (case.path_parameters or {}) and mode is GenerationMode.POSITIVE:
            case.path_parameters["dataset"] = "shop"  # else each request would end at an unknown name
        if "index" in (case.path_parameters or {}) and mode is GenerationMode.POSITIVE:
            case.path_parameters["index"] %= 10
        statuses.add(case.call_and_validate(checks=_CHECKS).status_code)

    attempt()
    return statuses
