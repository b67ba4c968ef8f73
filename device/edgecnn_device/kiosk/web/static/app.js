// The page: login, views, and what belongs to all of them.
import { ask, setCsrf, whenLoggedOut } from "/static/api.js";
import * as events from "/static/events.js";
import * as health from "/static/health.js";
import * as live from "/static/live.js";
import * as people from "/static/people.js";
import * as words from "/static/words.js";

const $ = (id) => document.getElementById(id);
const HEALTH_MS = 5000;
let timer = 0;
let inside = false;

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

function show(view) {
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== `view-${view}`;
  for (const button of document.querySelectorAll("nav button")) {
    if (button.dataset.view === view) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
}

function leave(key) {
  inside = false;
  live.stop();
  events.stop();
  clearTimeout(timer);
  setCsrf("");
  show("");
  $("nav").hidden = $("logout").hidden = true;
  $("offline").hidden = true;
  $("login").hidden = false;
  problem(key ? words.t(key) : "");
  $("token").focus();
}

async function enter(session) {
  setCsrf(session.csrf);
  const info = await ask("GET", "/info");
  inside = true;
  $("login").hidden = true;
  problem("");
  $("name").textContent = info.name;
  document.title = info.name;
  $("nav").hidden = $("logout").hidden = false;
  $("nav-people").hidden = !info.faces || session.role === "view";
  const options = info.cameras.map((name) => new Option(name, name));
  $("camera").replaceChildren(...options);
  $("camera").hidden = options.length < 2;
  show("live");
  if (!$("nav-people").hidden) {
    people.start({ admin: session.role === "admin", consent: info.consent, cameraNow: () => $("camera").value });
  }
  if (options.length) live.start($("camera").value);
  await events.start((up) => { $("offline").hidden = up; });
  poll();
}

async function poll() {
  clearTimeout(timer);
  if (!inside) return;
  try {
    live.setStates((await health.load()).cameras);
  } catch { /* the line of events says when the kiosk is away */ }
  if (inside) timer = setTimeout(poll, HEALTH_MS);
}

async function begin() {
  let session;
  try {
    session = await ask("GET", "/session", undefined, { quiet: true });
  } catch (error) {
    leave(null);
    if (error.status === 0) {
      problem(error.message);
      setTimeout(() => { if (!inside) begin(); }, 3000);
    }
    return;
  }
  await tryEnter(session);
}

async function tryEnter(session) {
  try {
    await enter(session);
  } catch (error) {
    if (error.status !== 401) problem(error.message); // else the page was left already
  }
}

$("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    const session = await ask("POST", "/session", { token: $("token").value.trim() }, { quiet: true });
    $("token").value = "";
    $("main").focus();
    await tryEnter(session);
  } catch (error) {
    problem(error.message);
    $("token").focus();
  } finally {
    button.disabled = false;
  }
});

$("logout").addEventListener("click", async () => {
  try {
    await ask("DELETE", "/session");
  } catch (error) {
    problem(error.message);
    return;
  }
  leave(null);
});

$("nav").addEventListener("click", (event) => {
  const view = event.target.dataset.view;
  if (view) show(view);
});

$("camera").addEventListener("change", () => live.start($("camera").value));
$("kind").addEventListener("change", () => events.load().catch((error) => problem(error.message)));
$("older").addEventListener("click", () => events.older());
$("language").addEventListener("change", async () => {
  await words.choose($("language").value);
  problem("");
  events.render();
  health.render();
  people.relabel();
  live.tell();
});

// Nobody looks: the kiosk need not send pictures.
document.addEventListener("visibilitychange", () => {
  if (!inside || !$("camera").value) return;
  if (document.hidden) live.stop();
  else live.start($("camera").value);
});

whenLoggedOut(leave);
await words.choose();
$("language").value = words.language;
await begin();
