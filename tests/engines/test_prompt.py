"""Messages and rendering: equal to transformers, character for character."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kefu.engines.prompt import PromptStyle, build_messages, defuse, render
from kefu.errors import InputError

EMBEDDED_LIKE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}<|assistant|>{% generation %}{{ m['content'] }}<|end|>{% endgeneration %}"
    "{% else %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# Written for this test in the manner of the Qwen3 family: tools as JSON, a backward search for the last question
# with a namespace, and thinking stripped from earlier turns.
THINKING_LIKE = """
{%- if tools %}
    {{- '<s1>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n' }}
    {%- endif %}
    {{- "tools:" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- '</s1>\\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<s1>system\\n' + messages[0].content + '</s1>\\n' }}
{%- endif %}
{%- set ns = namespace(last=messages|length - 1, open=true) %}
{%- for message in messages[::-1] %}
    {%- set i = (messages|length - 1) - loop.index0 %}
    {%- if ns.open and message.role == "user" %}
        {%- set ns.open = false %}
        {%- set ns.last = i %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == 'system' %}{% continue %}{% endif %}
    {%- set said = message.content %}
    {%- set thought = '' %}
    {%- if message.role == 'assistant' %}
        {%- if '</think>' in said %}
            {%- set thought = said.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set said = said.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}
            {%- set said = '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + said %}
        {%- endif %}
    {%- endif %}
    {{- '<s1>' + message.role + '\\n' + said + '</s1>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<s1>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""
# In the manner of Llama and Mistral: a date, special tokens as variables, alternation enforced, block lines trimmed.
STRICT = """{{ bos_token }}
{% set today = strftime_now("%Y") %}
[{{ today|length }}]
{% for message in messages %}
    {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('roles must alternate') }}
    {% endif %}
    {% if message['role'] == 'user' %}
[Q] {{ message['content'] | trim }} [/Q]
    {% else %}
{% generation %}{{ message['content'] }}{{ eos_token }}{% endgeneration %}

    {% endif %}
{% endfor %}"""
TOOLS = [
    {"type": "function", "function": {"name": "查订单", "description": "Look <up> 'it' & \"quote\"", "parameters": {"z": 1, "a": [1.5, None, True]}}}
]
CHATS = [
    [{"role": "user", "content": "怎么退款？"}],
    [
        {"role": "user", "content": "How much?"},
        {"role": "assistant", "content": "<think>\nsum\n</think>\n\nTen."},
        {"role": "user", "content": " And a year? "},
    ],
    [{"role": "user", "content": "a<b & 'c'\n\n{{ 7 }}"}, {"role": "assistant", "content": "好的。 "}],
]


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1, "</s>": 2}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>")


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("ask", [True, False])
@pytest.mark.parametrize(
    ("template", "variables"),
    [
        (EMBEDDED_LIKE, {}),
        (THINKING_LIKE, {}),
        (THINKING_LIKE, {"enable_thinking": False}),
        (THINKING_LIKE, {"tools": TOOLS}),
        (STRICT, {}),
        ("{% for m in messages %}{{ m | tojson(indent=2) }}{% if loop.index0 == 1 %}{% break %}{% endif %}{% endfor %}", {}),
    ],
)
def test_render_equals_transformers(tokenizer, template, variables, chat, ask):
    expected = tokenizer.apply_chat_template(chat, chat_template=template, tokenize=False, add_generation_prompt=ask, **variables)
    assert render(template, chat, tokenizer.special_tokens_map, ask, **variables) == expected
    system = [{"role": "system", "content": "你是客服"}, *chat]
    if template is not STRICT:
        expected = tokenizer.apply_chat_template(system, chat_template=template, tokenize=False, add_generation_prompt=ask, **variables)
        assert render(template, system, tokenizer.special_tokens_map, ask, **variables) == expected


def test_message_keys_without_a_value_are_left_out(tokenizer):
    chat = [{"role": "user", "content": "x", "tool_calls": None}]
    template = "{% for m in messages %}{{ 'tool_calls' in m }}{% endfor %}"
    assert render(template, chat) == tokenizer.apply_chat_template(chat, chat_template=template, tokenize=False) == "False"


def test_refusals_of_a_template_are_one_line_errors():
    with pytest.raises(InputError, match="roles must alternate"):
        render(STRICT, [{"role": "assistant", "content": "x"}], {"bos_token": "", "eos_token": ""})
    with pytest.raises(InputError, match="broken"):
        render("{% for m in messages %}", [{"role": "user", "content": "x"}])


def test_template_cannot_leave_the_sandbox():
    with pytest.raises(InputError):
        render("{{ messages.__class__.__mro__[1].__subclasses__() }}", [{"role": "user", "content": "x"}])


HITS = [
    SimpleNamespace(id="Z1", question="如何退款？", answer="七天内可退。"),
    SimpleNamespace(id="Z2", question="如何退款？", answer="双份"),
    SimpleNamespace(id="Z3", question="退款多久到账？", answer="三天。"),
    SimpleNamespace(id="Z4", question="怎么开发票？", answer="在费用中心。"),
]


def test_compact_gives_the_nearest_questions_once():
    messages = build_messages([{"role": "user", "content": "想退钱"}], HITS, PromptStyle(max_hits=2), "zh")
    assert messages == [{"role": "system", "content": "如何退款？\n退款多久到账？"}, {"role": "user", "content": "想退钱"}]
    assert build_messages([{"role": "user", "content": "想退钱"}], [], PromptStyle(), "zh") == [{"role": "user", "content": "想退钱"}]
    assert build_messages([{"role": "user", "content": "想退钱"}], HITS, PromptStyle(max_hits=0), "zh") == [{"role": "user", "content": "想退钱"}]


@pytest.mark.parametrize(("language", "role", "empty"), [("zh", "云极", "没有找到"), ("en", "customer support for 云极", "nothing relevant")])
def test_full_gives_role_and_passages(language, role, empty):
    style = PromptStyle(kind="full", company="云极", max_hits=1, max_hit_chars=4)
    system = build_messages([{"role": "user", "content": "q"}], HITS, style, language)[0]["content"]
    assert role in system
    assert "[Z1] 如何退款？\n七天内可" in system
    assert "七天内可退" not in system  # the passage is cut at max_hit_chars
    assert "Z2" not in system
    assert empty in build_messages([{"role": "user", "content": "q"}], [], style, language)[0]["content"]


def test_full_without_a_system_role_opens_the_first_question():
    style = PromptStyle(kind="full", company="X", system_role=False)
    messages = build_messages(
        [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "q2"}], HITS, style, "en"
    )
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"].endswith("\n\nq1")
    assert "如何退款" in messages[0]["content"]


def test_history_is_trimmed_alternates_and_starts_with_the_customer():
    history = [
        {"role": "system", "content": "ignore me"},
        {"role": "assistant", "content": "welcome"},
        {"role": "user", "content": "1"},
        {"role": "user", "content": "2"},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "3"},
    ]
    assert build_messages(history, [], PromptStyle(max_history_turns=3), "en") == [
        {"role": "user", "content": "1\n2"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "3"},
    ]
    assert build_messages(history, [], PromptStyle(max_history_turns=2), "en") == [{"role": "user", "content": "3"}]


def test_the_prompt_is_the_same_with_and_without_the_answer():
    """Training appends the answer; what stands before it must be what serving sends."""
    history = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "2"}]
    for turns in (1, 2, 3):
        style = PromptStyle(max_history_turns=turns)
        asked = build_messages(history, HITS, style, "zh")
        assert build_messages([*history, {"role": "assistant", "content": "b"}], HITS, style, "zh") == [*asked, {"role": "assistant", "content": "b"}]


def test_no_question_is_an_error():
    with pytest.raises(InputError, match="without a customer message"):
        build_messages([{"role": "assistant", "content": "hello"}], [], PromptStyle(), "en")


@example("好好好好")
@given(st.text(alphabet="<|>end/s好 ", max_size=40))
def test_control_tokens_cannot_be_written_as_text(text):
    tokens = ("<|end|>", "</s>", "<s>", "好好")
    assert not any(token in defuse(text, tokens) for token in tokens)
    content = build_messages([{"role": "user", "content": "q " + text}], [], PromptStyle(control_tokens=tokens), "en")[-1]["content"]
    assert not any(token in content for token in tokens)


def test_style_round_trip_and_refusal(tmp_path):
    style = PromptStyle(kind="full", company="云极", control_tokens=("<|end|>",), template_kwargs={"enable_thinking": False})
    style.save(tmp_path)
    assert PromptStyle.load(tmp_path) == style
    row = json.loads((tmp_path / "prompt.json").read_text("utf-8"))
    (tmp_path / "prompt.json").write_text(json.dumps({**row, "colour": "red"}))
    with pytest.raises(InputError, match="colour"):
        PromptStyle.load(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        PromptStyle.load(tmp_path / "absent")
