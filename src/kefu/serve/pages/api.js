// Talking to the server: keys, errors with a kind, and server-sent events.
export class Failure extends Error {
  // kind: offline | key | limit | busy | loading | away | timeout | conflict | missing | broken | fault
  constructor(kind, message, status = 0, wait = 0) {
    super(message);
    Object.assign(this, { kind, status, wait });
  }
}

const KINDS = { 401: "key", 403: "key", 404: "missing", 409: "conflict", 429: "limit", 503: "away", 504: "timeout" };

export class Api {
  constructor(store) {
    this.store = store;
  }

  get key() {
    return sessionStorage.getItem(this.store) || "";
  }

  set key(value) {
    sessionStorage.setItem(this.store, value);
  }

  async call(path, { method = "GET", body, signal, headers = {} } = {}) {
    let response;
    try {
      response = await fetch(path, {
        method, signal, cache: "no-store",
        headers: { ...(body ? { "content-type": "application/json" } : {}), ...(this.key ? { authorization: `Bearer ${this.key}` } : {}), ...headers },
        body: body ? JSON.stringify(body) : undefined,
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure("offline", "");
    }
    if (response.ok) return response;
    const detail = await response.json().catch(() => ({}));
    const kind = { overloaded: "busy", loading: "loading" }[detail.error?.code] || KINDS[response.status] || "fault";
    throw new Failure(kind, detail.error?.message || "", response.status, Number(response.headers.get("retry-after")) || 1);
  }

  async json(path, options) {
    return (await this.call(path, options)).json();
  }

  // Yields each JSON object of a stream; ends at [DONE]. A stream that ends without it is broken.
  async *events(path, options) {
    const reader = (await this.call(path, options)).body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    try {
      for (;;) {
        const { value, done } = await reader.read().catch((error) => {
          if (error.name === "AbortError") throw error;
          throw new Failure("broken", "");
        });
        if (done) throw new Failure("broken", "");
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        for (const part of parts) {
          if (!part.startsWith("data: ")) continue;
          if (part === "data: [DONE]") return;
          const event = JSON.parse(part.slice(6));
          if (event.error) throw new Failure(event.error.code === "timeout" ? "timeout" : "broken", event.error.message);
          yield event;
        }
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }
}
