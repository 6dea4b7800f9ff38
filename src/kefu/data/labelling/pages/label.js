// The labelling page: one item at a time, keys for everything, each answer safe before the next item is shown.
import { make } from "./dom.js";
import { WORDS, browserLanguage } from "./label-words.js";
import { Outbox, ask, op, setKey } from "./label-outbox.js";
import { agreement, choices, sheet } from "./label-views.js";

const $ = (id) => document.getElementById(id);
let language = browserLanguage();
let w = WORDS[language];
let session = null;
let annotator = "";
let task = "";
let filter = "unlabelled";
let shown = null; // the item on the sheet, as the server gave it
let progress = { total: 0, done: 0, disagreements: 0 };
let at = { turn: 0, editing: null, edits: {} };
let answered = ""; // the item answered last
let turning = 0; // only the newest request may change the sheet
let takes = 0; // answers of this task that the server has taken: an item asked for before one of them brings an older count

const outbox = new Outbox({
  state: (waiting, down) => {
    $("saved").textContent = waiting ? w.waiting(waiting) : w.saved(0);
    $("saved").classList.toggle("waiting", waiting > 0);
    if (down) tell(w.offline); else if ($("notice").textContent === w.offline) tell("");
  },
  taken: (answer, result) => {
    if (answer.task === task && answer.annotator === annotator) { takes++; progress = result.progress; drawProgress(); }
    if (shown?.item && shown.item.id === answer.item) shown.revision = result.revision;
    compare();
  },
  refused: (error) => tell(w.refused(error.message)),
  key: askKey,
});

function tell(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function query(more = {}) {
  return new URLSearchParams({ annotator, task, ...more });
}

async function load(start, step = 1) {
  const turn = ++turning;
  let before = takes;
  try {
    let found = await ask(`/api/item?${query({ start, step, filter })}`);
    if (found.item && found.item.id === answered && filter === "unlabelled" && !found.value) {
      await outbox.send(); // the question was quicker than the answer before it
      before = takes;
      found = await ask(`/api/item?${query({ start, step, filter })}`);
    }
    if (turn === turning) show(found, before === takes);
  } catch (error) {
    if (turn === turning) failed(error);
  }
}

function failed(error) {
  if (error.status === 401) askKey();
  else tell(error.status ? `${w.gone} ${error.message}` : w.offline);
}

function show(found, newest = true) {
  shown = found;
  if (newest) progress = found.progress;
  const open = found.item?.open || [];
  at = { turn: typeof found.value === "number" ? found.value : open[0] ?? 0, editing: null, edits: task === "answer" && found.value ? { ...found.value } : {} };
  const draft = task === "answer" && found.item ? sessionStorage.getItem(draftName()) : null;
  if (draft) at.edits = JSON.parse(draft);
  draw();
  scrollTo(0, 0);
}

function draftName() {
  return `kefu.label.draft|${session.title}|${annotator}|${shown.item.id}`;
}

const act = {
  choose: (index) => { at.turn = index; if (task === "answer") act.edit(); else act.mark(); },
  mark: () => act.answer(at.turn),
  edit: () => { at.editing = at.turn; draw(); document.querySelector(".turn textarea")?.focus(); },
  kept: () => { sessionStorage.setItem(draftName(), JSON.stringify(at.edits)); drawChoices(); },
  // A correction that the dataset has taken in reads like the turn itself and still is one.
  edits: () => Object.fromEntries(Object.entries(at.edits).filter(([turn, text]) => text.trim() && (shown.item.corrected.includes(Number(turn)) || text.trim() !== shown.item.turns[turn].text.trim()))),
  edited: () => Object.keys(act.edits()).length > 0,
  save: () => {
    const edits = act.edits();
    sessionStorage.removeItem(draftName());
    act.answer(edits);
  },
  answer: (value) => {
    if (!shown?.item) return;
    answered = shown.item.id;
    outbox.put({ annotator, task, item: shown.item.id, digest: shown.item.digest, value, op: op() });
    load(shown.position + 1);
  },
  undo: async () => {
    await outbox.send();
    const turn = ++turning;
    try {
      const found = await ask("/api/undo", { annotator, task, op: op() });
      if (turn !== turning) return;
      if (found.position === null) tell(w.nothingToUndo); else { tell(""); show(found); }
      compare();
    } catch (error) {
      failed(error);
    }
  },
  move: (step) => load(Math.max(0, (shown?.position ?? 0) + step), step),
  walk: (step) => {
    const open = shown?.item?.open || [];
    const place = Math.max(0, Math.min(open.length - 1, open.indexOf(at.turn) + step));
    if (!open.length) return;
    at.turn = open[place];
    draw();
    document.querySelector(".turn.at")?.scrollIntoView({ block: "nearest" });
  },
};

function button(name, key, run, kind = "") {
  return make("button", { type: "button", class: `button ${kind}`, onclick: run, "aria-keyshortcuts": key || undefined }, key ? make("kbd", { text: { Enter: "↵", "Ctrl+Enter": "Ctrl ↵" }[key] || key }) : "", name);
}

function drawProgress() {
  $("progress").textContent = w.progress(progress.done, progress.total);
  $("filled").style.width = `${progress.total ? (100 * progress.done) / progress.total : 0}%`;
  const bar = document.querySelector(".bar");
  bar.setAttribute("aria-valuemax", progress.total);
  bar.setAttribute("aria-valuenow", progress.done);
  const options = Object.entries(w.filters).map(([value, name]) => {
    const count = { unlabelled: progress.total - progress.done, all: progress.total, labelled: progress.done, disagreements: progress.disagreements }[value];
    const one = make("option", { value, text: `${name} (${count})` });
    one.selected = value === filter;
    return one;
  });
  $("filter").replaceChildren(...options);
}

function draw() {
  document.documentElement.lang = language;
  document.title = $("title").textContent = w.title(session.title);
  $("dataset").textContent = session.dataset;
  $("language").textContent = w.switch;
  $("annotator").setAttribute("aria-label", w.annotator);
  $("filter").setAttribute("aria-label", w.filter);
  $("sheet").setAttribute("aria-label", w.page);
  $("tasks").replaceChildren(...session.tasks.map((name) => make("button", { type: "button", role: "tab", "aria-selected": String(name === task), text: w.tasks[name], onclick: () => open(name) })));
  drawProgress();
  const there = Boolean(shown?.item);
  $("question").textContent = there ? w.questions[task] : "";
  if (!there) {
    $("sheet").replaceChildren(make("p", { class: "nothing" }, make("strong", { text: filter === "unlabelled" ? w.doneTitle : w.noneTitle }), w.doneWhy));
    $("choices").replaceChildren();
  } else {
    $("sheet").dataset.item = shown.item.id;
    $("sheet").replaceChildren(...sheet(task, shown, w, at, act));
    drawChoices();
  }
  $("moves").replaceChildren(button(w.back, "K", () => act.move(-1), "quiet"), button(w.undo, "Z", act.undo, "quiet"), button(w.next, "J", () => act.move(1), "quiet"));
}

function drawChoices() {
  const answers = choices(task, shown, w, session, act).map((one) => {
    const chosen = one.value !== undefined && one.value === shown.value;
    return button(one.name, one.key, one.run || (() => act.answer(one.value)), `${one.strong ? "strong" : ""}${chosen ? " chosen" : ""}`);
  });
  if (task === "category") answers.push(other());
  $("choices").replaceChildren(...answers);
}

function other() {
  const box = make("input", { class: "field", id: "other", placeholder: w.other, maxlength: "80", "aria-label": w.other });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && box.value.trim()) {
      const name = box.value.trim().replace(/\s+/g, " ");
      if (!session.categories.includes(name)) session.categories.push(name);
      act.answer(name);
      box.blur();
    }
  });
  return box;
}

async function compare() {
  try {
    const found = await ask(`/api/agreement?${query()}`);
    if (found.task === task) $("agreement").replaceChildren(...agreement(found, task, w));
  } catch { /* shown again after the next answer */ }
}

function open(name) {
  task = name;
  shown = null;
  tell("");
  location.hash = name;
  load(0);
  compare();
}

function askKey() {
  $("keytitle").textContent = w.keyTitle;
  $("keywhy").textContent = w.keyWhy;
  $("keyok").textContent = w.ok;
  if (!$("keybox").open) $("keybox").showModal();
}

$("keybox").addEventListener("close", () => {
  setKey($("key").value.trim());
  $("key").value = "";
  if (session) { outbox.send(); load(shown?.position ?? 0); } else start();
});
$("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  w = WORDS[language];
  localStorage.setItem("kefu.language", language);
  draw();
  compare();
  outbox.on.state(outbox.waiting, false);
});
$("filter").addEventListener("change", () => { filter = $("filter").value; load(0); $("filter").blur(); });
$("annotator").addEventListener("change", () => { annotator = $("annotator").value; sessionStorage.setItem("kefu.label.annotator", annotator); open(task); $("annotator").blur(); });

document.addEventListener("keydown", (event) => {
  if (!session || $("keybox").open || event.isComposing) return;
  const editing = event.target.matches("textarea, input");
  if (event.key === "Escape" && editing) { event.target.blur(); at.editing = null; draw(); return; }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && task === "answer" && shown?.item) { event.preventDefault(); act.save(); return; }
  if (editing || event.target.matches("select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" && event.target.matches("button")) return; // the button in focus is pressed
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const moves = { J: () => act.move(1), K: () => act.move(-1), Z: act.undo, ArrowDown: () => act.walk(1), ArrowUp: () => act.walk(-1) };
  const found = shown?.item ? choices(task, shown, w, session, act).find((one) => one.key === key) : null;
  const walking = key.startsWith("Arrow") && !["intervention", "answer"].includes(task);
  const run = found ? found.run || (() => act.answer(found.value)) : walking ? null : moves[key];
  if (run) { event.preventDefault(); run(); }
});
addEventListener("online", () => outbox.send());
addEventListener("storage", () => outbox.on.state(outbox.waiting, false));

async function start() {
  try {
    session = await ask("/api/session");
  } catch (error) {
    failed(error);
    return;
  }
  const kept = sessionStorage.getItem("kefu.label.annotator");
  annotator = session.annotators.includes(kept) ? kept : session.annotators[0];
  for (const name of session.annotators) $("annotator").append(make("option", { value: name, text: name, selected: name === annotator }));
  const wanted = location.hash.slice(1);
  outbox.project = session.title;
  outbox.send();
  open(session.tasks.includes(wanted) ? wanted : session.first);
}

start();
