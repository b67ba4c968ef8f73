// The live view: each picture is drawn together with what was seen on that very picture.
import { Line } from "/static/api.js";
import { percent, say, t } from "/static/words.js";

const $ = (id) => document.getElementById(id);
const canvas = $("picture");
const pen = canvas.getContext("2d");
let line = null;
let camera = "";
let lastAt = 0;
let lastAge = 0;
let lost = true;
let announced = "";
let kept = null;
let states = new Map();

export function start(name) {
  stop();
  camera = name;
  lost = true;
  let seen = null;
  line = new Line(`/cameras/${encodeURIComponent(name)}/live`, {
    message: async (data, socket) => {
      if (typeof data === "string") {
        const word = JSON.parse(data);
        if (word.type === "frame") seen = word;
        return;
      }
      const frame = seen;
      try {
        const picture = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
        if (socket === line?.socket) draw(picture, frame);
        picture.close();
      } finally {
        if (socket.readyState === WebSocket.OPEN) socket.send("next");
      }
    },
    state: (up) => { lost = !up; tell(); },
  });
}

export function stop() {
  line?.close();
  line = null;
}

export function setStates(cameras) {
  states = new Map(cameras.map((c) => [c.name, c]));
  tell();
}

function draw(picture, frame) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  pen.drawImage(picture, 0, 0);
  const scale = picture.width / frame.width;
  const style = getComputedStyle(canvas);
  pen.lineWidth = Math.max(2, picture.width / 240);
  for (const note of frame.notes) outline(note.quad, scale, note.sure ? "#5cc9bb" : "#ffc14d", note.text, style);
  for (const face of frame.faces) {
    const [a, b, c, d] = face.box;
    const label = face.person || (face.recognized ? t("live.recognized") : "");
    outline([[a, b], [c, b], [c, d], [a, d]], scale, "#8fb8ff", label, style);
  }
  lastAt = performance.now();
  lastAge = frame.age_s;
  canvas.dataset.index = frame.index;
  showNote(frame.notes);
  tell();
}

function outline(quad, scale, colour, text, style) {
  pen.strokeStyle = colour;
  pen.beginPath();
  for (const [x, y] of quad) pen.lineTo(x * scale, y * scale);
  pen.closePath();
  pen.stroke();
  if (!text) return;
  const size = Math.max(14, Math.round(canvas.width / 42));
  pen.font = `600 ${size}px ${style.fontFamily}`;
  const x = Math.min(...quad.map((p) => p[0])) * scale;
  const y = Math.max(size * 1.4, Math.min(...quad.map((p) => p[1])) * scale);
  pen.fillStyle = "#000b";
  pen.fillRect(x, y - size * 1.4, pen.measureText(text).width + size * 0.6, size * 1.4);
  pen.fillStyle = "#fff";
  pen.fillText(text, x + size * 0.3, y - size * 0.4);
}

// The surest note in view stands large; the last sure one stays when it is taken away.
function showNote(notes) {
  const read = notes.filter((n) => n.text).sort((a, b) => b.sure - a.sure || b.confidence - a.confidence);
  const best = read[0];
  if (best?.sure) kept = best;
  const shown = best || (notes.length ? null : kept);
  $("note").classList.toggle("sure", Boolean(shown?.sure));
  const serial = shown ? shown.text : "–";
  if ($("serial").textContent !== serial) $("serial").textContent = serial;
  $("confidence").value = shown ? shown.confidence : 0;
  $("percent").textContent = shown ? percent(shown.confidence) : "";
  if (best) say($("note-state"), best.sure ? "note.sure" : "note.reading");
  else if (notes.length) say($("note-state"), "note.unreadable");
  else say($("note-state"), kept ? "note.last" : "note.none");
  const more = best ? [t("note.looks", { currency: best.currency, looks: best.looks })] : [];
  if (notes.length > 1) more.push(t("note.others", { count: notes.length - 1 }));
  $("note-more").textContent = more.join(" ");
  const heard = best?.sure ? `${best.track}:${best.text}` : announced;
  if (heard !== announced) {
    announced = heard;
    $("said").textContent = t("note.said", { serial: [...best.text].join(" ") });
  }
}

export function tell() {
  const note = $("stage-note");
  const state = states.get(camera)?.state;
  const age = lastAt ? lastAge + (performance.now() - lastAt) / 1000 : Infinity;
  note.hidden = false;
  if (lost) say(note, "live.lost");
  else if (age === Infinity) say(note, "live.waiting");
  else if (age > 4) {
    const why = state && state !== "live" ? t(`state.${state}`) : "";
    say(note, "live.old", { age: Math.round(age), why });
  } else note.hidden = true;
}

setInterval(() => { if (line) tell(); }, 1000);
