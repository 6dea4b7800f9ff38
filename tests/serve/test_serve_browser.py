"""The pages in a real browser: a customer, an operator, both languages, no other host asked for anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from served import Desk

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("no chromium on this machine (apt-get install chromium)", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "CI must have chromium (apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Faults(list):
    """Errors of a page's scripts, refusals of its content policy and requests to other hosts."""

    def watch(self, page, url: str):
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("console", lambda message: self.append(message.text) if "Content Security Policy" in message.text else None)
        page.on("request", lambda request: None if request.url.startswith((url, "data:")) else self.append(request.url))
        return page


def ask(page, text: str) -> None:
    page.fill("#question", text)
    page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("locale", "asked", "greeting", "source", "queue", "person", "back"),
    [
        ("zh-CN", "怎么退款？", "您好！", "知识库 · 93% · Z001", "人工客服正在赶来", "转人工", "已回到智能助手"),
        (
            "en-US",
            "refund please",
            "Hello!",
            "knowledge base · 93% · Z001",
            "A person is on the way",
            "Talk to a person",
            "You are back with the assistant",
        ),
    ],
    ids=["zh", "en"],
)
def test_a_customer_from_question_to_person_and_back(browser, desk: Desk, locale, asked, greeting, source, queue, person, back) -> None:
    faults = Faults()
    customer = faults.watch(browser.new_context(locale=locale, viewport={"width": 390, "height": 780}).new_page(), desk.url)
    customer.goto(f"{desk.url}/?details=1")
    customer.wait_for_selector(f"text={greeting}")
    assert customer.evaluate("document.activeElement.id") == "question"
    ask(customer, asked)
    customer.wait_for_selector(f"summary:has-text('{source}')")
    customer.click(".thumbs .up")
    customer.wait_for_selector(".thumbs .up[aria-pressed=true]")
    customer.click("summary")
    assert '"similarity": 0.91' in customer.inner_text(".receipt pre")
    assert customer.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), "nothing sticks out on a phone"
    assert customer.get_attribute("#person", "title") == person
    customer.click("#person")
    customer.wait_for_selector("#status[data-state=waiting]")
    ask(customer, asked)
    customer.wait_for_selector(f"text={queue}")

    operator = faults.watch(browser.new_context(locale=locale).new_page(), desk.url)
    operator.goto(f"{desk.url}/operator")
    operator.fill("#who-name", "小王")
    operator.click("#who-ok")
    operator.click(".entry")
    operator.click("#take")
    operator.fill("#text", "<b>您好</b> https://example.com/help")
    operator.keyboard.press("Enter")
    customer.wait_for_selector("#status[data-state=human]")
    customer.wait_for_selector(".turn.operator")
    assert customer.inner_text(".turn.operator .bubble") == "<b>您好</b> https://example.com/help", "words are never markup"
    assert customer.get_attribute(".turn.operator a", "href") == "https://example.com/help"
    operator.click("#release")
    customer.wait_for_selector(f".line:has-text('{back}')")
    ask(customer, asked)
    customer.wait_for_selector("#status[data-state=bot]")
    assert not faults
    assert desk.records.flush()
    assert [case.score for case in desk.records.cases() if case.score] == [5]


def test_a_customer_sees_no_receipt_unless_the_company_wants_it(browser, serving) -> None:
    for shown in (False, True):
        page = browser.new_context(locale="zh-CN").new_page()
        page.goto(serving(page_details=shown).url)
        ask(page, "怎么退款？")
        page.wait_for_selector(".thumbs")
        assert page.locator("summary").count() == shown


def test_a_question_asked_before_the_page_knows_its_company_is_answered(browser, serving) -> None:
    page = browser.new_context(locale="zh-CN").new_page()
    held = []
    page.route("**/pages.json", lambda route: held.append(route))
    page.goto(serving().url)
    ask(page, "怎么退款？")
    page.wait_for_selector(".turn.customer")
    page.wait_for_timeout(300)
    assert page.locator(".thumbs").count() == 0
    for route in held:
        route.continue_()
    page.wait_for_selector(".thumbs")
    assert page.locator(".turn.assistant.failed").count() == 0


def test_the_first_question_waits_for_the_model_and_a_lost_one_is_not_told_again(browser, desk: Desk) -> None:
    faults = Faults()
    page = faults.watch(browser.new_context(locale="zh-CN").new_page(), desk.url)
    loading = iter([{"ready": False, "assistant": "loading", "draining": False}] * 2)

    def not_yet(route) -> None:
        state = next(loading, None)
        route.fulfill(status=503, json=state) if state else route.continue_()

    refusals = iter([1])
    page.route("**/readyz", not_yet)
    page.route(
        "**/v1/chat/completions",
        lambda route: route.fulfill(status=503, json={"error": {"code": "loading"}}) if next(refusals, 0) else route.continue_(),
    )
    page.goto(desk.url)
    ask(page, "怎么退款？")
    page.wait_for_selector("#status-text:has-text('助手正在启动')")
    page.wait_for_selector(".assistant:has-text('退款在三个工作日内到账。')")
    assert page.locator(".failed").count() == 0
    ask(page, "break")
    page.wait_for_selector(".failed .retry")
    ask(page, "还要多久？")
    page.locator(".turn.assistant .thumbs").nth(1).wait_for()
    assert page.locator(".retry").count() == 0, "only the newest answer can be asked for again"
    assert [turn.text for turn in desk.peer.seen[-1].turns if turn.role == "customer"] == ["怎么退款？", "还要多久？"]
    assert not faults


@pytest.mark.parametrize(("locale", "reason"), [("zh-CN", "客户点了转人工"), ("en-US", "pressed the button for a person")])
def test_operators_read_reasons_in_their_language_and_nothing_is_cut_on_a_phone(browser, desk: Desk, locale, reason) -> None:
    with desk.client() as client:
        client.post("/v1/chat/completions", json={"model": "cloudmax", "conversation_id": "c-1", "messages": [{"role": "user", "content": "退款"}]})
        client.post("/v1/conversations/c-1/handoff", json={"language": "zh"})
    page = browser.new_context(locale=locale, viewport={"width": 390, "height": 780}).new_page()
    page.goto(f"{desk.url}/operator")
    page.fill("#who-name", "Alexandra")
    page.click("#who-ok")
    page.click(f".entry:has-text('{reason}')")
    page.wait_for_selector(f"#reason:has-text('{reason}')")
    cut = "[...document.querySelectorAll('#reason, .button, #about')].filter((n) => n.offsetParent && n.scrollWidth > n.clientWidth + 1).length"
    assert page.evaluate(cut) == 0
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_stop_error_retry_reload_and_language(browser, desk: Desk) -> None:
    faults = Faults()
    page = faults.watch(browser.new_context(locale="zh-CN").new_page(), desk.url)
    page.goto(desk.url)
    ask(page, "慢慢说")
    page.wait_for_selector(".bubble.writing:has-text('3')")
    page.click("#send")
    page.wait_for_function("!document.querySelector('.writing')")
    assert desk.peer.cancelled == 1
    ask(page, "break")
    page.wait_for_selector(".failed:has-text('助手暂时不可用')")
    page.click(".retry")
    page.wait_for_selector(".failed")
    assert desk.peer.begun == 3
    page.fill("#question", "半句")
    page.keyboard.press("Shift+Enter")
    assert page.input_value("#question") == "半句\n", "Shift+Enter breaks the line"
    page.reload()
    page.wait_for_selector(".turn.customer:has-text('慢慢说')")
    page.click("#language")
    page.wait_for_selector("text=Assistant online")
    assert page.get_attribute("html", "lang") == "en"
    page.click("#fresh")
    page.wait_for_selector("text=Hello!")
    assert page.query_selector(".turn.customer") is None
    desk.running.server.stop()
    page.wait_for_timeout(1500)
    ask(page, "还在吗")
    page.wait_for_selector(".failed")
    assert not faults


def test_a_key_is_asked_for_and_a_wrong_one_again(browser, serving) -> None:
    desk = serving(keys="sk-right")
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(desk.url)
    page.wait_for_selector("#key-dialog[open]")
    page.fill("#key", "sk-wrong")
    page.keyboard.press("Enter")
    ask(page, "怎么退款？")
    page.wait_for_selector("#key-dialog[open] >> text=密钥不正确")
    page.fill("#key", "sk-right")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=退款在三个工作日内到账。")
    assert page.evaluate("localStorage.length + document.cookie.length") == 0, "the key stays in this tab"


def test_the_documentation_needs_no_other_host(browser, shared: Desk) -> None:
    faults = Faults()
    page = faults.watch(browser.new_context().new_page(), shared.url)
    page.goto(f"{shared.url}/docs")
    page.wait_for_selector(".path:has-text('/v1/chat/completions')")
    assert page.locator("section h2 .path").count() == 15
    assert "conversation_id" in page.inner_text("main")
    assert not faults
