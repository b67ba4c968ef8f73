// The page's words: tables by language, chosen by the browser's preference or the switch.
const LANGUAGES = ["en", "ko"];
let table = {};
export let language = "en";

export async function choose(wanted) {
  const preferred = (navigator.languages || [navigator.language]).map((l) => l.slice(0, 2));
  const kept = wanted || localStorage.getItem("language");
  language = [kept, ...preferred, "en"].find((l) => LANGUAGES.includes(l));
  if (wanted) localStorage.setItem("language", wanted);
  table = await (await fetch(`/static/${language}.json`)).json();
  document.documentElement.lang = language;
  apply(document);
}

export function t(key, values = {}) {
  const text = table[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export const has = (key) => key in table;

export function apply(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
  }
}

// What the page says by itself from now on, and again in the other language after a switch.
export function say(element, key, values) {
  if (!values) element.dataset.t = key;
  else delete element.dataset.t;
  const text = t(key, values);
  if (element.textContent !== text) element.textContent = text;
}

export function time(seconds) {
  return new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" }).format(new Date(seconds * 1000));
}

export const percent = (share) => new Intl.NumberFormat(language, { style: "percent" }).format(share);
