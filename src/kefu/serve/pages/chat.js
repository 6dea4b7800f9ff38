// The customer's page. One object holds the conversation; everything shown is drawn from it.
import { Api, Failure } from "./api.js";
import { THUMB, icon, make, write } from "./dom.js";
import { WORDS, browserLanguage } from "./words.js";

const $ = (id) => document.getElementById(id);
const api = new Api("kefu.key");
const log = $("log");
let language = browserLanguage();
let words = WORDS[language];
let facts = { title: "kefu", model: "kefu", greeting: {}, suggestions: {}, key_needed: false, details: false };
const asksDetails = new URLSearchParams(location.search).has("details"); // source, confidence and receipt are for those who test
let talk = restore();
let running = null; // AbortController of the answer being streamed
let timer = 0;
let opened;
const ready = new Promise((resolve) => { opened = resolve; }); // what a customer asks before the page knows its company waits for that

// turns: {role: customer|assistant|operator|line, text, extra?, failed?, stopped?, score?}
function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem("kefu.talk"));
    if (kept && kept.id && Array.isArray(kept.turns)) return kept;
  } catch { /* a damaged entry starts a new conversation */ }
  return begin();
}

function begin() {
  const id = crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  return { id: "chat-" + id, state: "bot", cursor: 0, turns: [] };
}

function keep() {
  sessionStorage.setItem("kefu.talk", JSON.stringify(talk));
}

// ---- drawing -------------------------------------------------------------------------------------------------------

function say() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = facts.title;
  $("title").textContent = facts.title;
  $("language").textContent = words.switch;
  $("language").lang = language === "zh" ? "en" : "zh-CN";
  $("fresh-text").textContent = $("fresh").title = words.fresh;
  $("question").placeholder = words.placeholder;
  $("question-label").textContent = words.label;
  $("foot").textContent = words.foot;
  log.setAttribute("aria-label", words.log);
  for (const [id, text] of [["key-title", words.keyTitle], ["key-label", words.keyTitle], ["key-ok", words.ok]]) $(id).textContent = text;
  status();
}

function status(trouble = "", state = "down") {
  $("status").dataset.state = trouble ? state : talk.state;
  $("status-text").textContent = trouble || words[talk.state];
  const [long, short] = talk.state === "bot" ? words.person : talk.state === "waiting" ? words.cancel : words.back;
  $("person-text").textContent = long;
  $("person-short").textContent = short;
  $("person").title = long;
  $("send").classList.toggle("busy", Boolean(running));
  $("send-text").textContent = running ? words.halt : words.send;
  $("send").disabled = !running && !$("question").value.trim();
  $("fresh").disabled = Boolean(running);
}

function draw() {
  log.replaceChildren();
  show({ role: "assistant", text: facts.greeting[language] || words.greeting });
  const samples = facts.suggestions[language] || [];
  if (!talk.turns.length && samples.length) {
    log.append(make("div", { class: "samples" }, ...samples.slice(0, 4).map((text) => make("button", { class: "button", type: "button", text, onclick: () => ask(text) }))));
  }
  for (const turn of talk.turns) show(turn);
  bottom(true);
}

function show(turn) {
  if (turn.role === "line") {
    const node = make("p", { class: "line", text: words[turn.text] || turn.text });
    log.append(node);
    return { node };
  }
  const bubble = make("div", { class: "bubble" });
  write(bubble, turn.failed ? trouble(turn.failed) : turn.text);
  const node = make("article", { class: `turn ${turn.role}${turn.failed ? " failed" : ""}` }, turn.role === "operator" ? make("p", { class: "by", text: words.operator }) : null, bubble);
  if (turn.failed && turn === talk.turns.at(-1)) node.append(make("button", { class: "button retry", type: "button", text: words.retry, onclick: () => again() }));
  if (turn.extra && !turn.extra.receipt?.owner) node.append(meta(turn));
  if (turn.kept) node.append(make("p", { class: "kept", text: words.kept }));
  log.append(node);
  return { node, bubble };
}

function meta(turn) {
  const extra = turn.extra;
  const row = make("div", { class: "meta" }, thumbs(turn), asksDetails || facts.details ? details(turn) : null);
  const offered = (extra.receipt?.offered || []).map(({ question }) => make("button", { class: "button", type: "button", text: question, onclick: () => ask(question) }));
  return offered.length ? make("div", {}, make("div", { class: "samples" }, ...offered), row) : row;
}

// Where a reply came from: tier, confidence, sources; opened, the whole receipt.
function details(turn) {
  const extra = turn.extra;
  const judged = ["faq", "document", "model"].includes(extra.tier) && typeof extra.confidence === "number"; // fixed words have no odds
  const percent = judged ? `${Math.round(extra.confidence * 100)}%` : "";
  const parts = [words.tier[extra.tier] || extra.tier, percent, ...(extra.sources || []).slice(0, 2)].filter(Boolean);
  const list = make("dl");
  const rows = [
    [words.from, words.tier[extra.tier] || extra.tier], [words.source, (extra.sources || []).join(", ")], [words.confidence, percent],
    [words.took, turn.ms ? `${turn.ms} ms` : ""], [words.refused, extra.refused ? words.yes : ""], [words.ignored, (extra.ignored || []).join(", ")],
  ];
  for (const [name, value] of rows) if (value) list.append(make("dt", { text: name }), make("dd", { text: value }));
  const raw = Object.keys(extra.receipt || {}).length ? make("pre", { text: JSON.stringify(extra.receipt, null, 1) }) : null;
  return make("details", {}, make("summary", { text: parts.join(" · ") }), make("div", { class: "receipt" }, list, raw));
}

function thumbs(turn) {
  const box = make("span", { class: "thumbs" });
  for (const [kind, score, label] of [["up", 5, words.good], ["down", 1, words.bad]]) {
    const button = make("button", { type: "button", class: kind, title: label, "aria-label": label, "aria-pressed": String(turn.score === score) }, icon(THUMB));
    button.addEventListener("click", async () => {
      try {
        await api.json("/v1/ratings", { method: "POST", body: { reply_id: turn.extra.reply_id, score } });
        turn.score = score;
        keep();
        for (const other of box.children) other.setAttribute("aria-pressed", String(other === button));
        speak(words.thanks);
      } catch (error) {
        await handle(error);
      }
    });
    box.append(button);
  }
  return box;
}

function bottom(force = false) {
  if (force || log.scrollHeight - log.scrollTop - log.clientHeight < 160) log.scrollTop = log.scrollHeight;
}

function speak(text) {
  $("spoken").textContent = text;
}

function notice(text, bad = false) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
  $("notice").classList.toggle("bad", bad);
}

function trouble(failed) {
  const wait = failed.wait || 1;
  const text = { offline: words.offline, limit: words.limit(wait), busy: words.busy(wait), loading: words.away(wait), away: words.away(wait), timeout: words.slow, broken: words.broken }[failed.kind];
  return text || words.fault;
}

// ---- asking ---------------------------------------------------------------------------------------------------------

// A message whose answer failed or was stopped before a word is not part of what was said.
function history() {
  const role = { customer: "user", assistant: "assistant", operator: "assistant" };
  const lost = (turn) => turn?.failed || turn?.stopped;
  const said = talk.turns.filter((turn, i) => role[turn.role] && turn.text && !lost(turn) && !(turn.role === "customer" && lost(talk.turns[i + 1])));
  return said.slice(-60).map((turn) => ({ role: role[turn.role], content: turn.text }));
}

// While the assistant loads, the question waits for it. True: ask again now; false: it will not come.
async function loaded(signal) {
  for (;;) {
    const response = await fetch("/readyz", { cache: "no-store", signal }).catch((error) => {
      if (error.name === "AbortError") throw error;
      return null;
    });
    const state = await response?.json().catch(() => null);
    if (state?.ready) return true;
    if (state?.assistant !== "loading" || state.draining) return false;
    status(words.loading, "waiting");
    await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      setTimeout(resolve, 1000);
    });
  }
}

async function* events(body, signal) {
  for (;;) {
    try {
      yield* api.events("/v1/chat/completions", { method: "POST", body, signal });
      return;
    } catch (error) {
      if (error.kind !== "loading" || !(await loaded(signal))) throw error;
      status();
    }
  }
}

async function ask(text) {
  text = text.trim();
  if (!text || running) return;
  talk.turns.push({ role: "customer", text });
  $("question").value = "";
  grow();
  notice("");
  for (const node of log.querySelectorAll(".samples, .retry")) node.remove();
  show(talk.turns.at(-1));
  bottom(true);
  await answer();
}

async function again() {
  if (running) return;
  talk.turns.pop(); // the failed answer
  draw();
  await answer();
}

async function answer() {
  const turn = { role: "assistant", text: "" };
  const silent = talk.state !== "bot";
  let shown = silent ? null : show(turn);
  shown?.bubble.classList.add("writing");
  shown?.bubble.setAttribute("aria-busy", "true");
  bottom(true);
  running = new AbortController();
  status();
  const began = performance.now(), { signal } = running;
  let failure = null;
  try {
    await Promise.race([ready, new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }))]);
    if (shown && !shown.node.isConnected) log.append(shown.node);
    const body = { model: facts.model, messages: history(), stream: true, conversation_id: talk.id };
    for await (const event of events(body, signal)) {
      const piece = event.choices[0]?.delta?.content;
      if (piece) {
        turn.text += piece;
        shown ??= show(turn);
        write(shown.bubble, turn.text);
        bottom();
      }
      if (event.kefu) turn.extra = event.kefu;
    }
    turn.ms = Math.round(performance.now() - began);
  } catch (error) {
    if (error.name !== "AbortError") failure = error;
    else if (!turn.text) Object.assign(turn, { text: `(${words.stopped})`, stopped: true });
  }
  running = null;
  shown?.node.remove();
  if (failure instanceof Failure && failure.kind === "key") {
    if (await askKey(Boolean(api.key))) return answer();
  } else if (failure instanceof Failure && failure.kind === "missing" && failure.message.includes("conversation")) {
    talk = { ...begin(), turns: talk.turns };
    return answer();
  } else if (failure && !(failure instanceof Failure)) {
    turn.failed = { kind: "fault" };
  } else if (failure) {
    turn.failed = { kind: failure.kind, wait: failure.wait };
  }
  if (turn.extra?.state) enter(turn.extra.state, false);
  if (turn.text || turn.failed) {
    if (turn.failed) turn.text = "";
    talk.turns.push(turn);
    show(turn);
    speak(turn.failed ? trouble(turn.failed) : turn.text);
  } else if (silent) {
    const mine = talk.turns.findLast((one) => one.role === "customer");
    mine.kept = true;
    log.querySelectorAll(".turn.customer").item(log.querySelectorAll(".turn.customer").length - 1).append(make("p", { class: "kept", text: words.kept }));
    speak(words.kept);
  }
  bottom(true);
  status(turn.failed?.kind === "offline" ? words.down : "");
  keep();
  poll();
}

// ---- hand-off -------------------------------------------------------------------------------------------------------

function enter(state, tell = true) {
  if (state === talk.state) return;
  const line = state === "human" ? "joined" : state === "bot" ? "returned" : "";
  talk.state = state;
  if (tell && line) {
    talk.turns.push({ role: "line", text: line });
    show(talk.turns.at(-1));
    speak(words[line]);
    bottom(true);
  }
  status();
  keep();
}

async function person() {
  const asking = talk.state === "bot";
  const path = `/v1/conversations/${talk.id}/handoff`;
  try {
    const options = asking ? { method: "POST", body: { language } } : { method: "DELETE" };
    const result = await api.json(asking ? path : `${path}?language=${language}`, options);
    if (result.notice) {
      talk.turns.push({ role: "line", text: result.notice });
      show(talk.turns.at(-1));
      speak(result.notice);
    }
    enter(result.state, false);
    bottom(true);
    keep();
    poll();
  } catch (error) {
    if (error.kind === "away") notice(words.records, true);
    else await handle(error);
  }
}

function poll() {
  clearTimeout(timer);
  if (talk.state !== "bot") timer = setTimeout(look, document.hidden ? 10_000 : 2_000);
}

async function look() {
  try {
    const view = await api.json(`/v1/conversations/${talk.id}?after=${talk.cursor}`);
    if (view.state === "human") enter("human");
    for (const message of view.messages) {
      talk.cursor = Math.max(talk.cursor, message.id);
      talk.turns.push({ role: "operator", text: message.text });
      show(talk.turns.at(-1));
      speak(message.text);
    }
    if (view.state !== "human") enter(view.state);
    if (view.messages.length) bottom();
    status();
    keep();
  } catch (error) {
    if (error.kind === "offline") status(words.down);
    else if (error.kind === "missing") enter("bot");
    else if (error.kind === "key") await handle(error);
  }
  poll();
}

// ---- keys and faults ------------------------------------------------------------------------------------------------

let asked = null;

function askKey(wrong) {
  asked ??= new Promise((resolve) => {
    const dialog = $("key-dialog");
    $("key-why").textContent = wrong ? words.keyBad : words.keyWhy;
    $("key").value = "";
    dialog.returnValue = "";
    dialog.onclose = () => {
      asked = null;
      const value = $("key").value.trim();
      if (value) api.key = value;
      resolve(Boolean(value));
    };
    dialog.showModal();
  });
  return asked;
}

async function handle(error) {
  if (error.kind === "key") await askKey(Boolean(api.key));
  else notice(trouble({ kind: error.kind, wait: error.wait }), true);
}

// ---- wiring ---------------------------------------------------------------------------------------------------------

function grow() {
  const box = $("question");
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 168)}px`;
  status();
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) running.abort();
  else ask($("question").value);
});
$("question").addEventListener("input", grow);
$("question").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // Enter also ends an input method's composition
  event.preventDefault();
  if (!running) ask($("question").value);
});
$("key-form").addEventListener("submit", () => $("key-dialog").close());
$("person").addEventListener("click", person);
$("fresh").addEventListener("click", () => {
  talk = begin();
  keep();
  notice("");
  draw();
  status();
  $("question").focus();
});
$("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("kefu.language", language);
  words = WORDS[language];
  say();
  draw();
});
document.addEventListener("visibilitychange", poll);

async function start() {
  say();
  draw();
  try {
    facts = await api.json("/pages.json");
  } catch {
    notice(words.offline, true);
    setTimeout(start, 3000);
    return;
  }
  notice("");
  say();
  draw();
  opened();
  $("question").focus();
  if (facts.key_needed && !api.key) await askKey(false);
  poll();
}

start();
