// The trimap that is painted: levels 0, 128 and 255 and nothing else, and what undo needs to know.

import { pause } from "./png.js";

export const TILE = 512;
const MOST_STEPS = 200;
const MOST_BYTES = 256e6;
const SLICE = 12; // milliseconds of filling between two looks at the page

export class Trimap {
  constructor(width, height, level) {
    this.width = width;
    this.height = height;
    this.columns = Math.ceil(width / TILE);
    this.levels = new Uint8Array(width * height).fill(level);
    this.base = level; // what the eraser gives back: a level, or levels
    this.undos = [];
    this.redos = [];
    this.step = null;
    this.onchange = () => {};
  }

  /** Everything until `end` is undone at once. */
  begin() {
    this.step = new Map();
  }

  end() {
    const step = this.step;
    this.step = null;
    if (!step?.size) return false;
    this.undos.push(step);
    this.redos = [];
    let bytes = 0;
    for (let index = this.undos.length - 1; index >= 0; index--) {
      for (const kept of this.undos[index].values()) bytes += kept.length;
      if (bytes > MOST_BYTES || this.undos.length - index > MOST_STEPS) {
        this.undos.splice(0, index + 1);
        break;
      }
    }
    return true;
  }

  /** Take back what was done since `begin`, as if it had never been. */
  cancel() {
    const step = this.step;
    this.step = null;
    this.#swap([step], []);
  }

  undo() {
    return this.#swap(this.undos, this.redos);
  }

  redo() {
    return this.#swap(this.redos, this.undos);
  }

  #swap(from, to) {
    const step = from.pop();
    if (!step) return false;
    const other = new Map();
    for (const [tile, kept] of step) {
      other.set(tile, this.#copy(tile));
      const { left, top, width, height } = this.rectangle(tile);
      for (let row = 0; row < height; row++) {
        this.levels.set(kept.subarray(row * width, (row + 1) * width), (top + row) * this.width + left);
      }
      this.onchange(left, top, width, height);
    }
    to.push(other);
    return true;
  }

  rectangle(tile) {
    const left = (tile % this.columns) * TILE;
    const top = Math.floor(tile / this.columns) * TILE;
    return { left, top, width: Math.min(TILE, this.width - left), height: Math.min(TILE, this.height - top) };
  }

  #copy(tile) {
    const { left, top, width, height } = this.rectangle(tile);
    const kept = new Uint8Array(width * height);
    for (let row = 0; row < height; row++) {
      const start = (top + row) * this.width + left;
      kept.set(this.levels.subarray(start, start + width), row * width);
    }
    return kept;
  }

  /** Keep, for undo, the tiles that a rectangle touches. */
  #keep(left, top, right, bottom) {
    for (let row = Math.floor(top / TILE); row * TILE < bottom; row++) {
      for (let column = Math.floor(left / TILE); column * TILE < right; column++) {
        const tile = row * this.columns + column;
        if (!this.step.has(tile)) this.step.set(tile, this.#copy(tile));
      }
    }
  }

  /** Set pixels [left, right) of a row to a level, or back to the base. */
  #run(row, left, right, label) {
    const start = row * this.width;
    if (label !== "erase") this.levels.fill(label, start + left, start + right);
    else if (typeof this.base === "number") this.levels.fill(this.base, start + left, start + right);
    else this.levels.set(this.base.subarray(start + left, start + right), start + left);
  }

  /** A stroke of a round brush from one point to another. */
  stroke(x0, y0, x1, y1, radius, label) {
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius));
    const right = Math.min(this.width, Math.ceil(Math.max(x0, x1) + radius) + 1);
    const bottom = Math.min(this.height, Math.ceil(Math.max(y0, y1) + radius) + 1);
    if (left >= right || top >= bottom) return;
    this.#keep(left, top, right, bottom);
    const dabs = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / Math.max(0.5, radius / 4)));
    for (let dab = 0; dab <= dabs; dab++) {
      this.#dab(x0 + ((x1 - x0) * dab) / dabs, y0 + ((y1 - y0) * dab) / dabs, radius, label);
    }
    this.onchange(left, top, right - left, bottom - top);
  }

  #dab(x, y, radius, label) {
    const last = Math.min(this.height - 1, Math.floor(y + radius - 0.5));
    for (let row = Math.max(0, Math.ceil(y - radius - 0.5)); row <= last; row++) {
      const offset = row + 0.5 - y;
      const half = Math.sqrt(Math.max(0, radius * radius - offset * offset));
      const left = Math.max(0, Math.round(x - half));
      const right = Math.min(this.width, Math.round(x + half));
      if (right > left) this.#run(row, left, right, label);
    }
  }

  /** Fill what is connected to a pixel and has its level, a slice at a time. */
  async fill(x, y, label) {
    const { width, height, levels } = this;
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const from = levels[y * width + x];
    if (from === label || (label === "erase" && from === this.base)) return;
    const done = new Uint8Array(width * height);
    const inside = (column, row) => levels[row * width + column] === from && !done[row * width + column];
    const waiting = [[x, y]];
    let slice = performance.now();
    while (waiting.length) {
      const [column, row] = waiting.pop();
      if (!inside(column, row)) continue;
      let left = column;
      let right = column + 1;
      while (left > 0 && inside(left - 1, row)) left--;
      while (right < width && inside(right, row)) right++;
      for (const next of [row - 1, row + 1]) {
        if (next < 0 || next >= height) continue;
        for (let at = left; at < right; at++) {
          if (inside(at, next) && (at === left || !inside(at - 1, next))) waiting.push([at, next]);
        }
      }
      done.fill(1, row * width + left, row * width + right);
      this.#keep(left, row, right, row + 1);
      this.#run(row, left, right, label);
      this.onchange(left, row, right - left, 1);
      if (performance.now() - slice > SLICE) {
        await pause();
        slice = performance.now();
      }
    }
  }

  /** Take other levels, as one step; `base`: the eraser gives these back from now on. */
  async replace(levels, base = false) {
    this.begin();
    for (let top = 0; top < this.height; top += TILE) {
      const bottom = Math.min(this.height, top + TILE);
      this.#keep(0, top, this.width, bottom);
      this.levels.set(levels.subarray(top * this.width, bottom * this.width), top * this.width);
      this.onchange(0, top, this.width, bottom - top);
      await pause();
    }
    if (base) this.base = levels;
    return this.end();
  }
}
