"""What is asked of a language model by its URL leaves the machine masked; the answers have the values again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu.data.asking import Asking, Reply, Request
from kefu.project.schema import AccessPoint
from kefu.text import privacy


class Echo:
    name = "echo"

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def __call__(self, request: Request) -> Reply:
        self.heard.append(request.messages[0]["content"])
        return Reply(self.heard[-1], 1, 1)


@pytest.mark.parametrize(("url", "raw", "masked"), [("https://x/v1", False, True), ("https://x/v1", True, False), ("models/big", False, False)])
def test_only_a_server_gets_placeholders(url: str, raw: bool, masked: bool) -> None:
    text = "我的手机13812345678，请改写"
    echo = Echo()
    asking = Asking(echo, AccessPoint(url=url, send_unmasked=raw), None)
    assert asking.all([Request(({"role": "user", "content": text},))], str) == [text]
    assert ("13812345678" not in echo.heard[0]) == masked and asking.bill.as_dict()["masked"] == int(masked)


def test_a_name_told_late_is_masked_before_too() -> None:
    said = [{"role": "user", "content": "王小明的订单到哪了"}, {"role": "user", "content": "我叫王小明"}]
    made, memory = privacy.masked(said)
    assert all("王小明" not in message["content"] for message in made) and memory.counts["person_name"] == 2


@given(st.text(max_size=60), st.sampled_from(["13812345678", "shop@example.com", "我叫王小明"]))
def test_what_is_masked_can_be_put_back(text: str, value: str) -> None:
    ((message,), memory) = privacy.masked([{"role": "user", "content": f"{text} {value}"}])
    spelt = set(memory.values.values())
    assert len(spelt) < len(memory.counts) or privacy.restored(message["content"], memory) == f"{text} {value}"
