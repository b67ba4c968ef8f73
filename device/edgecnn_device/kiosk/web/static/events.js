// Stored events, the newest first, and those that come.
import { ask, Line } from "/static/api.js";
import { say, t, time } from "/static/words.js";

const $ = (id) => document.getElementById(id);
const MOST = 200;
let line = null;
let turn = 0;
let last = null;
let next = null;
let shown = [];

export async function start(onState) {
  stop();
  const mine = turn;
  last = null;
  await load();
  if (mine !== turn) return; // left meanwhile
  line = new Line(() => (last === null ? "/events" : `/events?after=${last}`), {
    message: (data) => {
      const word = JSON.parse(data);
      if (word.type === "event") add(word.event);
      if (word.type === "skipped") load();
    },
    state: onState,
  });
}

export function stop() {
  turn += 1;
  line?.close();
  line = null;
}

export async function load(before) {
  const kind = $("kind").value;
  const query = new URLSearchParams({ limit: 20, ...(kind && { kinds: kind }), ...(before && { before }) });
  const page = await ask("GET", `/events?${query}`);
  shown = before ? [...shown, ...page.events] : page.events;
  next = page.next;
  if (!kind && !before) last = shown[0]?.sequence ?? 0;
  else if (last === null) last = 0;
  render();
}

export const older = () => next !== null && load(next);

function add(event) {
  last = Math.max(last ?? 0, event.sequence);
  const kind = $("kind").value;
  if ((kind && kind !== event.kind) || shown.some((e) => e.sequence === event.sequence)) return;
  shown = [event, ...shown].slice(0, MOST);
  render();
}

export function render() {
  $("events").replaceChildren(...shown.map(row));
  $("no-events").hidden = shown.length > 0;
  $("older").hidden = next === null || shown.length >= MOST;
}

function row(event) {
  const item = document.createElement("li");
  item.dataset.sequence = event.sequence;
  if (event.thumbnail) {
    const picture = document.createElement("img");
    picture.src = `/api/v1/events/${event.sequence}/thumbnail.jpg`;
    picture.alt = "";
    picture.loading = "lazy";
    item.append(picture);
  }
  const text = document.createElement("div");
  text.className = "text";
  const what = document.createElement("span");
  what.textContent = words(event);
  if (event.kind === "note" && event.body.serial) what.className = "code";
  const when = document.createElement("small");
  when.textContent = [time(event.at) + (event.synchronized ? "" : ` ${t("events.clock")}`), event.camera, detail(event)].filter(Boolean).join(" · ");
  text.append(what, when);
  item.append(text);
  return item;
}

function words({ kind, body, camera }) {
  if (kind === "note") return body.serial || t("event.unread");
  if (kind === "camera") return t(`state.${body.state}`);
  if (kind === "system") return t(`event.${body.what}`);
  if (body.person) return t("event.person", { person: body.person });
  return body.recognized ? t("event.recognized") : t("event.nobody");
}

function detail({ kind, body }) {
  if (kind === "note") return body.serial ? body.currency : body.reason;
  return kind === "system" ? body.detail : body.reason;
}
