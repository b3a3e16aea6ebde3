// What the page does: a photo, a trimap, the service, the result.

import * as api from "./api.js";
import { listenForPhotos } from "./drop.js";
import { grayPng, levelsOf } from "./png.js";
import { Result } from "./result.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const LIVE_SIDE = 512;
const settings = { label: 255, tool: "brush", size: 60 };
let photo = null; // blob, url, width, height
let beforeBand = null; // the levels that the band is made around
let running = null; // what stops the matting that runs
let checking = null;
let liveTimer = 0;

const stage = new Stage(
  { stage: $("stage"), world: $("world"), photo: $("photo"), overlay: $("overlay"), ring: $("ring") },
  settings,
  { changed, undo: () => travel("undo"), redo: () => travel("redo"), choose, resize },
);
const result = new Result({
  compare: $("compare"), backdrop: $("backdrop"), shown: $("shown"), trust: $("trust"), before: $("before"),
  loupe: $("loupe"), split: $("split"),
});

function say(text, trouble = false) {
  $("status").textContent = text;
  $("status").classList.toggle("trouble", trouble);
}

/** Do something for the user; what goes wrong is said in words. */
async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (error.status === 401) $("token-row").hidden = $("compute").hidden = false;
    say(error.message, true);
    return undefined;
  }
}

// --- the photo

async function openPhoto(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    say("this browser cannot show that file; expected a photo as PNG, JPEG or WebP", true);
    $("compute").hidden = false;
    return false;
  }
  if (photo) URL.revokeObjectURL(photo.url);
  photo = { blob, url: URL.createObjectURL(blob), width: bitmap.width, height: bitmap.height };
  bitmap.close();
  for (const id of ["paint", "compute"]) $(id).hidden = false;
  $("result").hidden = true;
  resizeTo(Math.max(8, Math.round(Math.min(photo.width, photo.height) / 12)));
  stage.open(photo.url, photo.width, photo.height);
  setBand(0);
  beforeBand = null;
  changed();
  say(`${photo.width} x ${photo.height} pixels. Paint the trimap, or bring one.`);
  return true;
}

async function openDemo() {
  const [image, trimap] = await Promise.all(["demo/photo.jpg", "demo/trimap.png"].map((path) => fetch(path)));
  if (!(await openPhoto(await image.blob()))) return;
  if (await takeTrimap(await trimap.blob())) await matteNow();
}

// --- the trimap

function changed({ keepBand = false } = {}) {
  if (!keepBand) {
    beforeBand = null;
    setBand(0);
  }
  $("undo").disabled = !stage.trimap.undos.length;
  $("redo").disabled = !stage.trimap.redos.length;
  clearTimeout(liveTimer);
  liveTimer = setTimeout(() => attempt(afterPause), 500);
}

async function afterPause() {
  await Promise.all([remark(), $("live").checked ? matteNow(LIVE_SIDE) : null]);
}

async function remark() {
  checking?.abort();
  checking = new AbortController();
  const { signal } = checking;
  const { lines } = await api.checkTrimap(await currentTrimap(), { signal });
  showRemarks(lines);
}

function showRemarks(lines) {
  $("remarks").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
}

function travel(direction) {
  if (stage.busy || stage.painting) return;
  if (stage.trimap[direction]()) changed();
}

function currentTrimap() {
  const { levels, width, height } = stage.trimap;
  return grayPng(levels, width, height);
}

async function replaceBy(blob, options = {}) {
  const { levels, width, height } = await levelsOf(blob);
  if (width !== photo.width || height !== photo.height) {
    throw new api.ServiceError(`that is ${width} x ${height} pixels, the photo ${photo.width} x ${photo.height}`);
  }
  await stage.trimap.replace(levels, options.base);
  changed(options);
}

function takeTrimap(file) {
  return attempt(async () => {
    const { trimap, report } = await api.repairTrimap(file, photo.blob);
    await replaceBy(trimap, { base: true });
    clearTimeout(liveTimer); // the doctor has seen the file itself, which says more than what was made of it
    showRemarks(report.lines);
    return true;
  });
}

function takeMask(file) {
  return attempt(async () => {
    const { trimap, report } = await api.trimapOfMask(file);
    await replaceBy(trimap, { base: true });
    clearTimeout(liveTimer);
    showRemarks([...report.trimap.lines, ...report.warnings]);
  });
}

function setBand(width) {
  $("band").value = width;
  $("band-shown").textContent = `${width} px`;
}

function makeBand() {
  return attempt(async () => {
    const width = Number($("band").value);
    beforeBand ??= stage.trimap.levels.slice();
    const kept = beforeBand;
    const mask = await grayPng(kept, photo.width, photo.height);
    const { trimap } = await api.trimapOfMask(mask, width, width);
    await replaceBy(trimap, { keepBand: true });
    beforeBand = kept;
  });
}

function fillAll(level) {
  return attempt(async () => {
    await stage.trimap.replace(new Uint8Array(photo.width * photo.height).fill(level), true);
    changed();
  });
}

// --- tools

function choose(name, value) {
  const radio = document.querySelector(`input[name="${name}"][value="${value}"]`);
  radio.checked = true;
  settings[name] = name === "label" && value !== "erase" ? Number(value) : value;
  $("stage").classList.toggle("hand", settings.tool === "pan");
  stage.showRing();
}

function resizeTo(size) {
  settings.size = Math.min(400, Math.max(1, Math.round(size)));
  $("size").value = settings.size;
  $("size-shown").textContent = `${settings.size} px`;
  stage.showRing();
}

function resize(factor) {
  resizeTo(factor > 1 ? Math.ceil(settings.size * factor) : Math.floor(settings.size * factor));
}

// --- matting

async function matteNow(maxSide = null) {
  running?.abort();
  const mine = (running = new AbortController());
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
  let doing = "computing";
  const clock = setInterval(() => say(`${doing}, ${seconds()} s`), 500);
  setWorking(true);
  try {
    const trimap = await currentTrimap();
    const live = maxSide !== null;
    const answer = await api.matte(
      {
        image: photo.blob, trimap, model: $("model").value, max_side: maxSide ?? $("max-side").value,
        trust: !live && $("with-trust").checked ? true : null,
        colors: live ? "photo" : null,
      },
      { signal: mine.signal, onwait: (pause, why) => { doing = `${why} (again in ${pause} s)`; } },
    );
    showResult(answer, trimap);
    say(`done in ${seconds()} s: ${answer.report.trimap.lines[0]}`);
  } finally {
    clearInterval(clock);
    if (running === mine) setWorking(false);
  }
}

function setWorking(working) {
  $("progress").hidden = $("stop").hidden = !working;
  $("compute").setAttribute("aria-busy", String(working));
}

function showResult({ alpha, cutout, trust }, trimap) {
  $("result").hidden = false;
  result.show({ alpha, cutout, trust }, photo.url, photo.width, photo.height);
  $("save-alpha").href = result.urls.alpha;
  $("save-cutout").href = result.urls.cutout;
  $("save-trimap").href = result.set("trimap", trimap);
  $("show-trust").disabled = !trust;
  $("trust-hint").hidden = !trust;
  if (!trust) $("show-trust").checked = false;
  $("trust").hidden = !$("show-trust").checked;
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

function listen() {
  onFile("photo-file", openPhoto);
  onFile("trimap-file", takeTrimap);
  onFile("mask-file", takeMask);
  onFile("picture-file", (file) => { result.set("picture", file); result.update(); });
  onRadio("label", (value) => choose("label", value));
  onRadio("tool", (value) => choose("tool", value));
  onRadio("view", (value) => { result.view = value; result.update(); });
  onRadio("behind", (value) => {
    result.behind = value;
    $("color-row").hidden = value !== "color";
    $("picture-row").hidden = value !== "picture";
    result.update();
  });
  const clicks = {
    demo: () => attempt(openDemo), undo: () => travel("undo"), redo: () => travel("redo"),
    "zoom-in": () => stage.zoom(1.25), "zoom-out": () => stage.zoom(0.8), "zoom-fit": () => stage.fit(),
    "all-unknown": () => fillAll(128), "all-background": () => fillAll(0),
    matte: () => attempt(() => matteNow()), stop: () => { running?.abort(); say("stopped"); },
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  $("size").addEventListener("input", () => resizeTo(Number($("size").value)));
  $("opacity").addEventListener("input", showOpacity);
  $("band").addEventListener("input", () => { $("band-shown").textContent = `${$("band").value} px`; });
  $("band").addEventListener("change", makeBand);
  $("color").addEventListener("input", () => { result.color = $("color").value; result.update(); });
  $("show-trust").addEventListener("change", () => { $("trust").hidden = !$("show-trust").checked; });
  $("show-loupe").addEventListener("change", () => { $("loupe").hidden = !$("show-loupe").checked; result.drawLoupe(); });
  $("token").addEventListener("change", () => { api.useToken($("token").value); attempt(loadModels); });
  listenForPhotos($("drop"), openPhoto);
}

function showOpacity() {
  $("overlay").style.opacity = $("opacity").value / 100;
}

async function loadModels() {
  const { models } = await api.models();
  $("model").replaceChildren(...models.map((name) => new Option(name, name)));
  $("token-row").hidden = true;
  say("");
}

listen();
showOpacity();
resizeTo(settings.size);
attempt(loadModels);
