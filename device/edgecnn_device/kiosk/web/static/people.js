// Enrolling and recognizing people. Pictures are made smaller here before they are sent.
import { ask } from "/static/api.js";
import { t } from "/static/words.js";

const $ = (id) => document.getElementById(id);
const LONGEST_SIDE = 1600;
let camera = () => "";
let text = "";

export function start({ admin, consent, cameraNow }) {
  camera = cameraNow;
  text = consent;
  $("enrol").hidden = $("enrolled-people").hidden = !admin;
  relabel();
  if (admin) list();
}

export const relabel = () => { $("consent-text").textContent = text || t("enrol.consent.text"); };

function answer(element, words, bad = false) {
  element.textContent = words;
  element.classList.toggle("bad", bad);
}

async function busy(form, call, element) {
  const buttons = [...form.querySelectorAll("button")];
  buttons.forEach((b) => { b.disabled = true; });
  answer(element, t("people.wait"));
  try {
    await call();
  } catch (error) {
    answer(element, error.message, true);
  } finally {
    buttons.forEach((b) => { b.disabled = false; });
  }
}

$("verify-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.target, async () => {
    const found = await ask("POST", "/people/verify", { person: $("verify-name").value, camera: camera() });
    if (found.match) answer($("answer"), t("verify.yes", { person: found.person }));
    else answer($("answer"), `${t("verify.no")} ${found.reason}`, true);
  }, $("answer"));
});

$("identify").addEventListener("click", () => busy($("verify-form"), async () => {
  const found = await ask("POST", "/people/identify", { camera: camera() });
  if (found.person) answer($("answer"), t("identify.yes", { person: found.person }));
  else answer($("answer"), `${t("identify.no")} ${found.reason}`, true);
}, $("answer")));

$("enrol-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.target, async () => {
    const files = [...$("pictures").files];
    if (!files.length) throw new Error(t("enrol.choose"));
    const form = new FormData();
    form.append("person", $("enrol-name").value);
    form.append("consent", $("consent").checked ? "true" : "false");
    for (const file of files) form.append("pictures", await smaller(file), file.name);
    enrolled(await ask("POST", "/people", form));
  }, $("enrolled"));
});

$("enrol-live").addEventListener("click", () => {
  if (!$("enrol-form").reportValidity()) return;
  busy($("enrol-form"), async () => {
    const body = { person: $("enrol-name").value, camera: camera(), consent: $("consent").checked };
    enrolled(await ask("POST", "/people/live", body));
  }, $("enrolled"));
});

function enrolled(found) {
  const refused = found.rejected.map((r) => `${r.picture}: ${r.reason}`);
  answer($("enrolled"), [t("enrol.done", { person: found.person, count: found.pictures }), ...refused].join(" — "));
  $("enrol-form").reset();
  list();
}

async function smaller(file) {
  let picture;
  try {
    picture = await createImageBitmap(file); // upright, by its EXIF orientation
  } catch {
    return file; // the kiosk says what is wrong with it
  }
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((done) => { canvas.toBlob((blob) => done(blob || file), "image/jpeg", 0.92); });
}

export async function list() {
  const people = await ask("GET", "/people").catch(() => []);
  $("people").replaceChildren(...people.map(row));
  $("nobody").hidden = people.length > 0;
}

function row(one) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  words.className = "text";
  words.textContent = `${one.person} · ${t("list.pictures", { count: one.pictures })}${one.usable ? "" : ` · ${t("list.unusable")}`}`;
  item.append(words, button("list.export", one, save), button("list.unlock", one, unlock), button("list.delete", one, remove, "danger"));
  return item;
}

function button(key, one, call, look = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = look;
  made.textContent = t(key);
  made.setAttribute("aria-label", `${t(key)}: ${one.person}`);
  made.addEventListener("click", () => busy(made.parentElement, () => call(one.person), $("enrolled")));
  return made;
}

async function save(person) {
  const blob = await ask("POST", "/people/export", { person }, { as: "blob" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "person.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  answer($("enrolled"), t("list.exported"));
}

async function unlock(person) {
  await ask("POST", "/people/unlock", { person });
  answer($("enrolled"), t("list.unlocked", { person }));
}

async function remove(person) {
  $("ask-text").textContent = t("list.sure", { person });
  const dialog = $("ask");
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((done) => { dialog.addEventListener("close", done, { once: true }); });
  if (dialog.returnValue !== "yes") { answer($("enrolled"), ""); return; }
  await ask("POST", "/people/delete", { person });
  answer($("enrolled"), t("list.deleted", { person }));
  await list();
}
