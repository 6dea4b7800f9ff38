// Talking to the server. An answer is first kept in this browser, then sent until the server has it on its disk:
// a reload, a crash or a lost line loses nothing, and sending twice writes once.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const KEY = "kefu.label.key";

export async function ask(path, body) {
  const key = sessionStorage.getItem(KEY);
  const response = await fetch(path, {
    method: body ? "POST" : "GET", cache: "no-store", body: body ? JSON.stringify(body) : undefined,
    headers: { ...(body ? { "content-type": "application/json" } : {}), ...(key ? { authorization: `Bearer ${key}` } : {}) },
  });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, [problem.detail, ...(problem.faults || [])].filter(Boolean).join("; "));
}

export function setKey(value) {
  sessionStorage.setItem(KEY, value);
}

// crypto.randomUUID needs https beyond this machine.
export function op() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  // on: {state(waiting), taken(answer, result), refused(error), key()}
  // project: answers that wait are those of one project, whatever else was labelled at this address.
  constructor(on) {
    Object.assign(this, { on, project: "", sending: null, wait: 500, count: 0 });
  }

  get prefix() {
    return `kefu.label|${this.project}|`;
  }

  names() {
    return Object.keys(localStorage).filter((name) => name.startsWith(this.prefix)).sort();
  }

  get waiting() {
    return this.names().length;
  }

  put(answer) {
    const at = `${String(Date.now()).padStart(15, "0")}-${String(this.count++).padStart(6, "0")}`;
    localStorage.setItem(`${this.prefix}${at}|${answer.op}`, JSON.stringify(answer));
    return this.send();
  }

  // One at a time and in order; resolves when all is sent or the line is down.
  send() {
    this.sending ??= this.run().finally(() => { this.sending = null; });
    return this.sending;
  }

  async run() {
    for (let name = this.names()[0]; name; name = this.names()[0]) {
      this.on.state(this.waiting, false);
      const answer = JSON.parse(localStorage.getItem(name) || "null");
      if (!answer) { localStorage.removeItem(name); continue; }
      try {
        const result = await ask("/api/answers", answer);
        localStorage.removeItem(name);
        this.wait = 500;
        this.on.taken(answer, result);
      } catch (error) {
        if (error instanceof Refused && [400, 404, 409, 413, 415].includes(error.status)) {
          localStorage.removeItem(name);
          this.on.refused(error);
          continue;
        }
        if (error instanceof Refused && error.status === 401) this.on.key();
        this.on.state(this.waiting, true);
        setTimeout(() => this.send(), this.wait);
        this.wait = Math.min(this.wait * 2, 8000);
        return;
      }
    }
    this.on.state(0, false);
  }
}
