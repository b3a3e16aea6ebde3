// The photo with the trimap over it: zoom, pan, brush, keys. Everything here is measured in the photo's pixels.

import { TILE, Trimap } from "./trimap.js";

const MOST_OVERLAY = 16e6; // pixels; some browsers on phones make no larger canvas
const FRAME = 8; // milliseconds of drawing in a frame
const COLORS = { 0: 0xff025fd9, 128: 0x5a8a8a8a, 255: 0xffff7316 }; // little-endian ABGR of the swatches
const KEYS = { f: "255", b: "0", u: "128", e: "erase" };
const TOOLS = { g: "fill", p: "brush", h: "pan" };

export class Stage {
  constructor(elements, settings, actions) {
    Object.assign(this, elements); // stage, world, photo, overlay, ring
    this.settings = settings; // label, tool, size: what is chosen on the page
    this.actions = actions; // changed, undo, redo, choose, resize
    this.scale = 1;
    this.offset = { x: 0, y: 0 };
    this.pointers = new Map();
    this.cursor = null;
    this.dirty = new Map();
    this.busy = false;
    this.fitted = true;
    this.palette = new Uint32Array(256);
    for (const [level, color] of Object.entries(COLORS)) this.palette[level] = color;
    this.#listen();
  }

  open(url, width, height) {
    this.photo.src = url;
    this.trimap = new Trimap(width, height, 128);
    this.trimap.onchange = (...rectangle) => this.#mark(...rectangle);
    this.coarse = Math.ceil(Math.sqrt((width * height) / MOST_OVERLAY));
    this.overlay.width = Math.ceil(width / this.coarse);
    this.overlay.height = Math.ceil(height / this.coarse);
    for (const [name, value] of [["width", width], ["height", height]]) {
      for (const element of [this.world, this.photo, this.overlay]) element.style[name] = `${value}px`;
    }
    this.context = this.overlay.getContext("2d");
    this.cursor = { x: width / 2, y: height / 2 };
    this.#mark(0, 0, width, height);
    this.fit();
  }

  // --- what is seen

  fit() {
    const { clientWidth, clientHeight } = this.stage;
    this.scale = Math.min(clientWidth / this.trimap.width, clientHeight / this.trimap.height) || 1;
    this.offset.x = (clientWidth - this.trimap.width * this.scale) / 2;
    this.offset.y = (clientHeight - this.trimap.height * this.scale) / 2;
    this.fitted = true;
    this.#place();
  }

  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const scale = Math.min(32, Math.max(0.02, this.scale * factor));
    this.offset.x = x - ((x - this.offset.x) * scale) / this.scale;
    this.offset.y = y - ((y - this.offset.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.#place();
  }

  pan(dx, dy) {
    this.offset.x += dx;
    this.offset.y += dy;
    this.fitted = false;
    this.#place();
  }

  #place() {
    this.world.style.transform = `translate(${this.offset.x}px, ${this.offset.y}px) scale(${this.scale})`;
    this.world.classList.toggle("close", this.scale >= 2);
    this.showRing();
  }

  showRing(visible = !this.ring.hidden) {
    this.ring.hidden = !visible || this.settings.tool === "pan";
    if (!this.cursor) return;
    const diameter = this.settings.tool === "fill" ? 8 : Math.max(4, this.settings.size * this.scale);
    Object.assign(this.ring.style, {
      left: `${this.cursor.x * this.scale + this.offset.x}px`,
      top: `${this.cursor.y * this.scale + this.offset.y}px`,
      width: `${diameter}px`,
      height: `${diameter}px`,
    });
  }

  #mark(left, top, width, height) {
    for (let row = Math.floor(top / TILE); row * TILE < top + height; row++) {
      for (let column = Math.floor(left / TILE); column * TILE < left + width; column++) {
        const tile = row * this.trimap.columns + column;
        const known = this.dirty.get(tile) ?? [Infinity, Infinity, 0, 0];
        this.dirty.set(tile, [
          Math.min(known[0], Math.max(left, column * TILE)),
          Math.min(known[1], Math.max(top, row * TILE)),
          Math.max(known[2], Math.min(left + width, (column + 1) * TILE, this.trimap.width)),
          Math.max(known[3], Math.min(top + height, (row + 1) * TILE, this.trimap.height)),
        ]);
      }
    }
    this.frame ??= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const began = performance.now();
    this.frame = null;
    for (const [tile, rectangle] of this.dirty) {
      this.dirty.delete(tile);
      this.#drawRectangle(...rectangle);
      if (performance.now() - began > FRAME) break;
    }
    if (this.dirty.size) this.frame = requestAnimationFrame(() => this.#draw());
  }

  #drawRectangle(left, top, right, bottom) {
    const { coarse, palette } = this;
    const { levels, width } = this.trimap;
    const [x, y] = [Math.floor(left / coarse), Math.floor(top / coarse)];
    const [columns, rows] = [Math.ceil(right / coarse) - x, Math.ceil(bottom / coarse) - y];
    const image = new ImageData(columns, rows);
    const colors = new Uint32Array(image.data.buffer);
    for (let row = 0; row < rows; row++) {
      let from = (y + row) * coarse * width + x * coarse;
      for (let column = 0; column < columns; column++, from += coarse) {
        colors[row * columns + column] = palette[levels[from]];
      }
    }
    this.context.putImageData(image, x, y);
  }

  // --- what is done

  point(event) {
    const box = this.stage.getBoundingClientRect();
    return {
      x: (event.clientX - box.left - this.offset.x) / this.scale,
      y: (event.clientY - box.top - this.offset.y) / this.scale,
    };
  }

  async #fillAt(point) {
    if (this.busy) return;
    this.busy = true;
    this.trimap.begin();
    await this.trimap.fill(Math.floor(point.x), Math.floor(point.y), this.settings.label);
    this.busy = false;
    if (this.trimap.end()) this.actions.changed();
  }

  /** Take other levels, which nobody paints on meanwhile. */
  async replace(levels, base = false) {
    this.#finish();
    this.busy = true;
    try {
      await this.trimap.replace(levels, base);
    } finally {
      this.busy = false;
    }
  }

  #strokeTo(point) {
    const from = this.last ?? point;
    this.trimap.stroke(from.x, from.y, point.x, point.y, this.settings.size / 2, this.settings.label);
    this.last = point;
  }

  #finish() {
    if (!this.painting) return;
    this.painting = false;
    this.last = null;
    if (this.trimap.end()) this.actions.changed();
  }

  #begin(point) {
    if (this.busy) return;
    this.painting = true;
    this.trimap.begin();
    this.#strokeTo(point);
  }

  #listen() {
    const { stage } = this;
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.#up(event));
    stage.addEventListener("pointerleave", () => this.showRing(document.activeElement === stage));
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = stage.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    stage.addEventListener("keydown", (event) => this.#key(event));
    stage.addEventListener("keyup", (event) => event.key === " " && this.#finish());
    stage.addEventListener("focus", () => this.showRing(true));
    stage.addEventListener("blur", () => { this.#finish(); this.showRing(false); });
    new ResizeObserver(() => this.trimap && this.fitted && this.fit()).observe(stage);
  }

  #down(event) {
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 2 && this.painting) { // two fingers pan and zoom: the dab of the first is taken back
      this.painting = false;
      this.last = null;
      this.trimap.cancel();
    }
    const hand = this.settings.tool === "pan" || event.button === 1 || this.pointers.size > 1;
    if (hand || event.button !== 0) return;
    this.cursor = this.point(event);
    if (this.settings.tool === "fill") this.#fillAt(this.cursor);
    else this.#begin(this.cursor);
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (before) this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.painting) {
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.#strokeTo(this.point(each));
    } else if (before && this.pointers.size === 2) {
      this.#pinch(event, before);
    } else if (before && (this.settings.tool === "pan" || event.buttons & 4)) {
      this.pan(event.clientX - before.x, event.clientY - before.y);
    }
    this.cursor = this.point(event);
    this.showRing(true);
  }

  #pinch(event, before) {
    const [, other] = [...this.pointers].find(([id]) => id !== event.pointerId);
    const box = this.stage.getBoundingClientRect();
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    const now = { x: event.clientX, y: event.clientY };
    this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.zoom(distance(now) / distance(before), (now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    this.#finish();
  }

  #key(event) {
    const key = event.key.toLowerCase();
    const step = (event.shiftKey ? 5 : 1) * Math.max(1, this.settings.size / 4);
    const arrows = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") this.actions[event.shiftKey ? "redo" : "undo"]();
      else if (key === "y") this.actions.redo();
      else return;
    } else if (arrows[key]) this.#walk(arrows[key], step);
    else if (key === " " || key === "enter") this.#press(event.repeat, key === "enter");
    else if (KEYS[key]) this.actions.choose("label", KEYS[key]);
    else if (TOOLS[key]) this.actions.choose("tool", TOOLS[key]);
    else if (key === "[" || key === "]") this.actions.resize(key === "]" ? 1.25 : 0.8);
    else if (key === "+" || key === "=") this.zoom(1.25);
    else if (key === "-") this.zoom(0.8);
    else if (key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  #walk([dx, dy], step) {
    if (this.settings.tool === "pan") {
      this.pan(-dx * 40, -dy * 40);
      return;
    }
    this.cursor.x = Math.min(this.trimap.width - 1, Math.max(0, this.cursor.x + dx * step));
    this.cursor.y = Math.min(this.trimap.height - 1, Math.max(0, this.cursor.y + dy * step));
    if (this.painting) this.#strokeTo({ ...this.cursor });
    this.showRing(true);
  }

  #press(repeated, once) {
    if (repeated || this.settings.tool === "pan") return;
    if (this.settings.tool === "fill") this.#fillAt(this.cursor);
    else {
      this.#begin({ ...this.cursor });
      if (once) this.#finish();
    }
  }
}
