// Requests and lines to the kiosk. The session is a cookie that no script sees.
import { has, t } from "/static/words.js";

const BASE = "/api/v1";
let csrf = "";
let onLoggedOut = () => {};

export const setCsrf = (token) => { csrf = token; };
export const whenLoggedOut = (call) => { onLoggedOut = call; };

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function ask(method, path, body, { quiet = false, as = "json", waitMs = 45000 } = {}) {
  const headers = { "X-CSRF-Token": csrf };
  if (body && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(BASE + path, { method, headers, body, credentials: "same-origin", signal: AbortSignal.timeout(waitMs) });
  } catch {
    throw new Refused(0, "network", t("error.network"));
  }
  if (response.ok) {
    if (response.status === 204) return null;
    return as === "blob" ? response.blob() : response.json();
  }
  const found = await response.json().catch(() => ({}));
  const code = found.error?.code || "unforeseen";
  if (response.status === 401 && !quiet) onLoggedOut("error.ended");
  const wait = response.headers.get("Retry-After") || "";
  const key = code === "locked" && !wait ? "error.stopped" : `error.${code}`;
  const known = has(key) ? t(key, { wait }) : "";
  throw new Refused(response.status, code, known || found.error?.message || t("error.unforeseen"));
}

// A WebSocket that comes back by itself, more slowly the longer the kiosk is away.
export class Line {
  constructor(path, { message, state = () => {} }) {
    this.path = path;
    this.message = message;
    this.state = state;
    this.wait = 500;
    this.ended = false;
    this.open();
  }

  open() {
    const path = typeof this.path === "function" ? this.path() : this.path;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${BASE}${path}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.wait = 500; this.state(true); };
    socket.onmessage = (event) => this.message(event.data, socket);
    socket.onclose = (event) => this.closed(event.code);
    this.socket = socket;
  }

  closed(code) {
    if (this.ended) return;
    this.state(false);
    if (code === 4401) { onLoggedOut("error.ended"); return; }
    this.timer = setTimeout(() => this.again(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, 8000);
  }

  async again() {
    try {
      await ask("GET", "/session", undefined, { waitMs: 5000 }); // a browser is not told why a line was refused
    } catch (error) {
      if (this.ended || error.status === 401) return;
    }
    if (!this.ended) this.open();
  }

  close() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}
