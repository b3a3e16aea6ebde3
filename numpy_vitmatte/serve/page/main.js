// What the page does: a photo, a trimap, the service, the result.

import * as api from "./api.js";
import { listenForFiles } from "./drop.js";
import { Matting } from "./matting.js";
import { $, attempt, listenForToken, say, state } from "./page.js";
import { Result } from "./result.js";
import { Sources, showBand } from "./sources.js";
import { Stage } from "./stage.js";

const PAUSE = 500; // milliseconds without a change, before the doctor and a preview are asked for
let pausing = 0;

const stage = new Stage(
  { stage: $("stage"), world: $("world"), photo: $("photo"), overlay: $("overlay"), ring: $("ring") },
  state,
  { changed, undo: () => travel("undo"), redo: () => travel("redo"), choose, resize },
);
const result = new Result({
  compare: $("compare"), backdrop: $("backdrop"), shown: $("shown"), trust: $("trust"), before: $("before"),
  handle: $("handle"), loupe: $("loupe"), split: $("split"),
});
const sources = new Sources(stage, changed);
const matting = new Matting(result, () => sources.currentTrimap());

// --- the photo

async function openPhoto(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    say("this browser cannot show that file; expected a photo as PNG, JPEG or WebP", true);
    return false;
  }
  matting.stop();
  if (state.photo) URL.revokeObjectURL(state.photo.url);
  state.photo = { blob, url: URL.createObjectURL(blob), width: bitmap.width, height: bitmap.height };
  bitmap.close();
  for (const id of ["paint", "compute", "matte"]) $(id).hidden = false;
  $("result").hidden = $("peek").hidden = true;
  $("choose").classList.add("opened");
  resizeTo(Math.max(8, Math.round(Math.min(state.photo.width, state.photo.height) / 12)));
  stage.open(state.photo.url, state.photo.width, state.photo.height);
  changed();
  say(`${state.photo.width} x ${state.photo.height} pixels. Paint the trimap, or bring one.`);
  return true;
}

async function openDemo() {
  const [image, trimap] = await Promise.all(["demo/photo.jpg", "demo/trimap.png"].map((path) => fetch(path)));
  if (!(await openPhoto(await image.blob()))) return;
  if (await sources.takeTrimap(await trimap.blob())) await matting.matte();
}

// --- the trimap

function changed({ keepBand = false, examined = false } = {}) {
  if (!keepBand) sources.forgetBand();
  $("undo").disabled = !stage.trimap.undos.length;
  $("redo").disabled = !stage.trimap.redos.length;
  $("stale").hidden = false;
  clearTimeout(pausing);
  pausing = setTimeout(() => attempt(() => afterPause(examined)), PAUSE);
}

async function afterPause(examined) {
  await Promise.all([examined ? null : sources.remark(), $("live").checked ? matting.matte({ preview: true }) : null]);
}

function travel(direction) {
  if (stage.busy || stage.painting) return;
  if (stage.trimap[direction]()) changed();
}

// --- tools

function choose(name, value) {
  const radio = document.querySelector(`input[name="${name}"][value="${value}"]`);
  radio.checked = true;
  state[name] = name === "label" && value !== "erase" ? Number(value) : value;
  $("stage").classList.toggle("hand", state.tool === "pan");
  stage.showRing();
}

function resizeTo(size) {
  state.size = Math.min(400, Math.max(1, Math.round(size)));
  $("size").value = state.size;
  $("size-shown").textContent = `${state.size} px`;
  stage.showRing();
}

function resize(factor) {
  resizeTo(factor > 1 ? Math.ceil(state.size * factor) : Math.floor(state.size * factor));
}

// --- wiring

function onFile(id, take) {
  $(id).addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = ""; // the same file may be chosen again
    if (file) take(file);
  });
}

function onRadio(name, take) {
  for (const radio of document.querySelectorAll(`input[name="${name}"]`)) {
    radio.addEventListener("change", () => take(radio.value));
  }
}

function onInput(handlers) {
  for (const [id, act] of Object.entries(handlers)) $(id).addEventListener("input", act);
}

function takePicture(file) {
  result.set("picture", file);
  result.update();
}

function showBehind(value) {
  result.behind = value;
  $("color-row").hidden = value !== "color";
  $("picture-row").hidden = value !== "picture";
  result.update();
}

function listenToFiles() {
  const takers = {
    photo: openPhoto, picture: takePicture,
    trimap: (file) => sources.takeTrimap(file), mask: (file) => sources.takeMask(file),
  };
  for (const [name, take] of Object.entries(takers)) onFile(`${name}-file`, take);
  listenForFiles($("drop"), takers);
}

function listenToButtons() {
  const clicks = {
    demo: () => attempt(openDemo), undo: () => travel("undo"), redo: () => travel("redo"),
    "zoom-in": () => stage.zoom(1.25), "zoom-out": () => stage.zoom(0.8), "zoom-fit": () => stage.fit(),
    "all-unknown": () => sources.fillAll(128), "all-background": () => sources.fillAll(0),
    matte: () => attempt(() => matting.matte()), stop: () => { matting.stop(); say("stopped"); },
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
}

function listenToChoices() {
  onRadio("label", (value) => choose("label", value));
  onRadio("tool", (value) => choose("tool", value));
  onRadio("view", (value) => { result.view = value; result.update(); });
  onRadio("behind", showBehind);
  onInput({
    size: () => resizeTo(Number($("size").value)),
    opacity: showOpacity,
    band: () => { $("band-shown").textContent = `${$("band").value} px`; },
    color: () => { result.color = $("color").value; result.update(); },
  });
  $("band").addEventListener("change", () => sources.makeBand());
  $("live").addEventListener("change", () => { if ($("live").checked) changed({ keepBand: true }); else $("peek").hidden = true; });
  $("show-trust").addEventListener("change", () => { $("trust").hidden = !$("show-trust").checked; });
  $("show-loupe").addEventListener("change", () => { $("loupe").hidden = !$("show-loupe").checked; result.drawLoupe(); });
}

function showOpacity() {
  $("overlay").style.opacity = $("opacity").value / 100;
}

async function loadModels() {
  const { models } = await api.models();
  $("model").replaceChildren(...models.map((name) => new Option(name, name)));
  say("");
}

listenToFiles();
listenToButtons();
listenToChoices();
listenForToken(loadModels);
showOpacity();
showBand(0);
resizeTo(state.size);
attempt(loadModels);
