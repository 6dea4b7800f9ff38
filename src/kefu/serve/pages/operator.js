// The operators' page: a list that refreshes itself, one open conversation, three steps (take, reply, give back).
import { Api } from "./api.js";
import { make, write } from "./dom.js";
import { WORDS } from "./operator-words.js";
import { browserLanguage } from "./words.js";

const $ = (id) => document.getElementById(id);
const api = new Api("kefu.operator-key");
const BASE = "/v1/operator/conversations";
let language = browserLanguage();
let words = WORDS[language];
let facts = { title: "kefu", operator_key_needed: false };
let me = localStorage.getItem("kefu.operator") || "";
let open = ""; // id of the open conversation
let view = null;
let cursor = 0;
let entries = [];

function say() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = `${words.title} · ${facts.title}`;
  $("title").textContent = `${facts.title} · ${words.title}`;
  $("language").textContent = words.switch;
  $("name").textContent = me;
  $("take").textContent = words.take;
  $("release").textContent = words.release;
  $("back").setAttribute("aria-label", words.back);
  $("send").textContent = words.send;
  $("text").placeholder = words.write;
  $("text-label").textContent = words.label;
  for (const [id, text] of [["who-title", words.who], ["who-why", words.why], ["who-name-label", words.name], ["who-key-label", words.key], ["who-ok", words.ok]]) $(id).textContent = text;
  $("who-name").placeholder = words.name;
  $("who-key").placeholder = words.key;
}

// Reasons of kefu's own rules have words; those of a company's own rules and programs stand as they are.
function why(reason) {
  return words.reasons[reason] || reason;
}

function notice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

function list() {
  const focused = document.activeElement?.dataset?.id;
  $("list").replaceChildren(...entries.map((entry) => {
    const minutes = Math.floor((Date.now() - Date.parse(entry.since)) / 60000);
    const node = make("button", { class: "entry", type: "button", "aria-current": String(entry.conversation_id === open), "data-id": entry.conversation_id, onclick: () => show(entry.conversation_id) },
      make("span", { class: "said", text: entry.last_text || "—" }), make("span", { class: "since", text: words.minutes(minutes) }),
      make("span", { class: "why", text: [words.turns(entry.turns), why(entry.reason)].filter(Boolean).join(" · ") }),
      make("span", { class: `tag ${entry.state}`, text: entry.state === "human" ? words.human(entry.operator) : words.waiting }));
    return node;
  }));
  if (focused) $("list").querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  $("empty").textContent = entries.length ? words.choose : words.none;
  $("empty").hidden = Boolean(open);
  $("case").hidden = !open;
  $("desk").classList.toggle("open", Boolean(open));
}

function bar() {
  if (!view) return;
  const mine = view.state === "human" && view.operator === me;
  $("about").textContent = view.state === "human" ? words.human(view.operator) : view.state === "waiting" ? words.waiting : words.gone;
  $("reason").textContent = [why(view.reason), words.masked].filter(Boolean).join(" · ");
  $("take").hidden = view.state !== "waiting";
  $("release").hidden = view.state === "bot";
  $("composer").hidden = !mine;
}

function add(messages) {
  const log = $("log");
  const near = log.scrollHeight - log.scrollTop - log.clientHeight < 120;
  for (const message of messages) {
    if (message.id <= cursor) continue;
    cursor = message.id;
    const bubble = make("div", { class: "bubble" });
    write(bubble, message.text);
    const time = new Date(message.at).toLocaleTimeString(language === "zh" ? "zh-CN" : "en", { hour: "2-digit", minute: "2-digit" });
    log.append(make("article", { class: `turn ${message.role}` }, bubble, make("span", { class: "by", text: `${words[message.role] || message.role} ${time}` })));
  }
  if (near) log.scrollTop = log.scrollHeight;
}

async function show(id) {
  open = id;
  view = null;
  cursor = 0;
  $("log").replaceChildren();
  $("text").value = "";
  list();
  await refresh();
  $("log").scrollTop = $("log").scrollHeight;
}

async function refresh() {
  try {
    entries = (await api.json(BASE)).conversations;
    const id = open;
    if (id) {
      const next = await api.json(`${BASE}/${id}?after=${cursor}`);
      if (id === open) {
        view = next;
        add(next.messages);
        bar();
      }
    }
    list();
    notice("");
  } catch (error) {
    await handle(error);
  }
}

async function step(path, body, conflict) {
  try {
    const result = await api.json(`${BASE}/${open}/${path}`, { method: "POST", body: { operator: me, ...body } });
    await refresh();
    return result;
  } catch (error) {
    if (error.kind === "conflict") {
      await refresh();
      notice(conflict);
    } else await handle(error);
    return null;
  }
}

async function handle(error) {
  if (error.kind === "key") await askWho(true);
  else notice(error.kind === "away" ? words.away : error.kind === "offline" ? words.offline : error.message);
}

let asked = null;

function askWho(wrong = false) {
  asked ??= new Promise((resolve) => {
    $("who-name").value = me;
    $("who-key-box").hidden = !facts.operator_key_needed;
    $("who-key-box").firstElementChild.textContent = wrong && api.key ? words.keyBad : "";
    $("who").onclose = () => {
      asked = null;
      me = $("who-name").value.trim() || me;
      localStorage.setItem("kefu.operator", me);
      if ($("who-key").value.trim()) api.key = $("who-key").value.trim();
      $("who-key").value = "";
      say();
      resolve();
    };
    $("who").showModal();
  });
  return asked;
}

$("take").addEventListener("click", async () => {
  if (await step("take", {}, words.taken)) $("text").focus();
});
$("release").addEventListener("click", async () => {
  const foreign = view.state === "human" && view.operator !== me;
  if (foreign && !confirm(words.force)) return;
  if (await step("release", { force: foreign }, words.notYours)) {
    open = "";
    list();
  }
});
$("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text && (await step("reply", { text }, words.notYours))) {
    $("text").value = "";
    $("text").focus();
  }
});
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});
$("back").addEventListener("click", () => {
  open = "";
  list();
});
$("name").addEventListener("click", () => askWho());
$("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("kefu.language", language);
  words = WORDS[language];
  say();
  list();
  bar();
  if (open) show(open);
});

async function start() {
  say();
  try {
    facts = await api.json("/pages.json");
  } catch {
    notice(words.offline);
    setTimeout(start, 3000);
    return;
  }
  say();
  if (!me || (facts.operator_key_needed && !api.key)) await askWho();
  for (;;) {
    await refresh();
    await new Promise((resolve) => setTimeout(resolve, document.hidden ? 8000 : 2000));
  }
}

start();
