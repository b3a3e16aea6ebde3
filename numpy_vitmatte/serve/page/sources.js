// Where a trimap comes from when it is not painted: a file, a mask, one label, a band around borders. And the doctor.

import * as api from "./api.js";
import { $, attempt, state } from "./page.js";
import { grayPng, levelsOf } from "./png.js";

export class Sources {
  constructor(stage, changed) {
    this.stage = stage;
    this.changed = changed; // called when the trimap is another one; { keepBand, examined } say what stays
    this.beforeBand = null; // the levels that the band is made around
    this.makingBand = null; // the width that is asked for while a band is made
    this.checking = null;
  }

  currentTrimap() {
    const { levels, width, height } = this.stage.trimap;
    return grayPng(levels, width, height);
  }

  takeTrimap(file) {
    return attempt(async () => {
      const { trimap, report } = await api.repairTrimap(file, state.photo.blob);
      await this.#replaceBy(trimap, { base: true, examined: true });
      showRemarks(report.lines); // the doctor has seen the file itself, which says more than what was made of it
      return true;
    });
  }

  takeMask(file) {
    return attempt(async () => {
      const { trimap, report } = await api.trimapOfMask(file);
      await this.#replaceBy(trimap, { base: true, examined: true });
      showRemarks([...report.trimap.lines, ...report.warnings]);
    });
  }

  fillAll(level) {
    return attempt(async () => {
      await this.stage.replace(new Uint8Array(state.photo.width * state.photo.height).fill(level), true);
      this.changed();
    });
  }

  async remark() {
    this.checking?.abort();
    this.checking = new AbortController();
    const { signal } = this.checking;
    const { lines } = await api.checkTrimap(await this.currentTrimap(), { signal });
    showRemarks(lines);
  }

  forgetBand() {
    this.beforeBand = null;
    showBand(0);
  }

  /** Make the band as wide as the slider says; widths that come meanwhile wait, and only the last of them counts. */
  makeBand() {
    const busy = this.makingBand !== null;
    this.makingBand = Number($("band").value);
    return busy ? undefined : attempt(async () => {
      try {
        for (let width = null; width !== this.makingBand;) await this.#makeBand((width = this.makingBand));
      } finally {
        this.makingBand = null;
      }
    });
  }

  async #makeBand(width) {
    const kept = (this.beforeBand ??= this.stage.trimap.levels.slice());
    const mask = await grayPng(kept, state.photo.width, state.photo.height);
    const { trimap } = await api.trimapOfMask(mask, width, width);
    if (this.beforeBand !== kept) return; // somebody has painted meanwhile
    await this.#replaceBy(trimap, { keepBand: true });
  }

  async #replaceBy(blob, options) {
    const { photo } = state;
    const { levels, width, height } = await levelsOf(blob);
    if (width !== photo.width || height !== photo.height) {
      throw new api.ServiceError(`that is ${width} x ${height} pixels, the photo ${photo.width} x ${photo.height}`);
    }
    await this.stage.replace(levels, options.base);
    this.checking?.abort();
    this.changed(options);
  }
}

export function showBand(width) {
  $("band").value = width;
  $("band-shown").textContent = `${width} px`;
}

function showRemarks(lines) {
  const items = lines.map((line) => Object.assign(document.createElement("li"), { textContent: line }));
  $("remarks").replaceChildren(...items);
}
