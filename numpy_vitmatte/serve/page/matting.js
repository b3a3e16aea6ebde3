// Asking the service for the alpha: progress, stopping, and the result on the page.

import * as api from "./api.js";
import { $, say, state } from "./page.js";

const LIVE_SIDE = 512;

export class Matting {
  constructor(result, currentTrimap) {
    this.result = result;
    this.currentTrimap = currentTrimap;
    this.running = null; // what stops the matting that runs
  }

  stop() {
    this.running?.abort();
  }

  /** Matte at the size that is chosen, or as a preview. */
  async matte({ preview = false } = {}) {
    this.stop();
    const mine = (this.running = new AbortController());
    const began = performance.now();
    const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
    let doing = "computing";
    const clock = setInterval(() => say(`${doing}, ${seconds()} s`), 500);
    this.#setWorking(true);
    try {
      const { photo } = state;
      const trimap = await this.currentTrimap();
      const onwait = (pause, why) => { doing = `${why} (again in ${pause} s)`; };
      const parts = { image: photo.blob, trimap, model: $("model").value, ...options(preview) };
      const answer = await api.matte(parts, { signal: mine.signal, onwait });
      this.#show(answer, photo, trimap, preview);
      say(`done in ${seconds()} s${preview ? ", a preview" : ""}`);
    } finally {
      clearInterval(clock);
      if (this.running === mine) this.#setWorking(false);
    }
  }

  #setWorking(working) {
    $("progress").hidden = $("stop").hidden = !working;
    $("compute").setAttribute("aria-busy", String(working));
  }

  #show({ alpha, cutout, trust }, photo, trimap, preview) {
    const { result } = this;
    $("result").hidden = false;
    $("stale").hidden = true;
    $("approximate").hidden = !preview;
    result.show({ alpha, cutout, trust }, photo.url, photo.width, photo.height);
    $("save-alpha").href = result.urls.alpha;
    $("save-cutout").href = $("peek").src = result.urls.cutout;
    $("peek").hidden = !$("live").checked;
    $("save-trimap").href = result.set("trimap", trimap);
    $("show-trust").disabled = !trust;
    $("trust-hint").hidden = !trust;
    if (!trust) $("show-trust").checked = false;
    $("trust").hidden = !$("show-trust").checked;
  }
}

function options(preview) {
  if (preview) return { max_side: LIVE_SIDE, colors: "photo" };
  return { max_side: $("max-side").value, trust: $("with-trust").checked ? true : null };
}
