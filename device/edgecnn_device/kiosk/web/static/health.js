// How the kiosk is doing, in words.
import { ask } from "/static/api.js";
import { t } from "/static/words.js";

const $ = (id) => document.getElementById(id);
const rate = (value) => value.toFixed(1);
let last = null;

export async function load() {
  last = await ask("GET", "/health", undefined, { waitMs: 8000 });
  render();
  return last;
}

export function render() {
  if (!last) return;
  const good = last.alive && last.ready;
  $("health-word").textContent = t(good ? "health.good" : last.alive ? "health.starting" : "health.bad");
  $("health-word").classList.toggle("bad", !good);
  $("reasons").replaceChildren(...last.reasons.map((reason) => line(reason)));
  const facts = [
    ["health.uptime", uptime(last.uptime_s)],
    ["health.clock", t(last.synchronized ? "health.clock.good" : "health.clock.bad")],
    ["health.undelivered", String(last.undelivered)],
  ];
  $("facts").replaceChildren(...facts.flatMap(([key, value]) => [element("dt", t(key)), element("dd", value)]));
  $("cameras").replaceChildren(...last.cameras.map(camera));
  $("models").replaceChildren(...last.models.map(model));
}

function camera(one) {
  const text = [t("health.rate", { rate: rate(one.frame_rate) }), t("health.counts", { processed: one.processed, dropped: one.dropped, reconnects: one.reconnects }), one.reason];
  const item = line(one.name, text.filter(Boolean).join(" · "));
  const pill = element("span", t(`state.${one.state}`));
  pill.className = one.state === "live" ? "pill" : "pill bad";
  item.append(pill);
  return item;
}

function model(one) {
  const signed = t(one.signed ? "health.signed" : "health.unsigned");
  return line(`${t(`role.${one.role}`)}: ${one.name}`, `${one.variant} · ${signed} · ${one.licence} · ${one.sha256.slice(0, 12)}`);
}

function uptime(seconds) {
  const minutes = Math.floor(seconds / 60);
  return t("health.time", { days: Math.floor(minutes / 1440), hours: Math.floor(minutes / 60) % 24, minutes: minutes % 60 });
}

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

function line(text, small) {
  const item = document.createElement("li");
  const words = element("span", text);
  words.className = "text";
  if (small) words.append(element("small", small));
  item.append(words);
  return item;
}
