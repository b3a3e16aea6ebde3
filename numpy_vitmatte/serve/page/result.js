// The result: cut-out or alpha before a background, the photo beside it, the trust map over it, a loupe.

const CHECK = 16;

export class Result {
  constructor(elements) {
    Object.assign(this, elements); // compare, backdrop, shown, trust, before, handle, loupe, split
    this.urls = {};
    this.view = "cutout";
    this.behind = "checks";
    this.color = "#1e90ff";
    this.point = { x: 0.5, y: 0.5 };
    this.split.addEventListener("input", () => this.#clip());
    this.compare.addEventListener("pointermove", (event) => this.#look(event));
    this.compare.addEventListener("pointerdown", (event) => { this.compare.setPointerCapture(event.pointerId); this.#look(event); });
    this.compare.addEventListener("keydown", (event) => this.#key(event));
    for (const image of [this.shown, this.before]) image.addEventListener("load", () => this.drawLoupe());
  }

  /** Show new pictures; what was shown before is let go. */
  set(name, blob) {
    if (this.urls[name]) URL.revokeObjectURL(this.urls[name]);
    this.urls[name] = blob ? URL.createObjectURL(blob) : "";
    return this.urls[name];
  }

  show({ alpha, cutout, trust }, photoUrl, width, height) {
    this.set("alpha", alpha);
    this.set("cutout", cutout);
    this.set("trust", trust);
    this.before.src = photoUrl;
    this.compare.style.aspectRatio = `${width} / ${height}`;
    this.compare.style.width = `min(100%, ${Math.round((40 * 16 * width) / height)}px)`;
    if (trust) this.trust.src = this.urls.trust;
    this.update();
  }

  update() {
    this.shown.src = this.urls[this.view] ?? "";
    this.backdrop.className = `layer ${this.behind === "checks" ? "checks" : ""}`;
    this.backdrop.style.background = this.behind === "color" ? this.color : "";
    if (this.behind === "picture" && this.urls.picture) {
      this.backdrop.style.background = `center / cover url("${this.urls.picture}")`;
    }
    this.#clip();
    this.drawLoupe();
  }

  #clip() {
    this.before.style.clipPath = `inset(0 ${100 - this.split.value}% 0 0)`;
    this.handle.style.left = `${this.split.value}%`;
  }

  #look(event) {
    const box = this.compare.getBoundingClientRect();
    this.point = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    if (event.buttons & 1 && this.loupe.hidden) { // the photo is drawn over the result, or back
      this.split.value = Math.round(100 * this.point.x);
      this.#clip();
    }
    this.drawLoupe();
  }

  #key(event) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const step = event.shiftKey ? 0.05 : 0.01;
    this.point.x = Math.min(1, Math.max(0, this.point.x + move[0] * step));
    this.point.y = Math.min(1, Math.max(0, this.point.y + move[1] * step));
    this.drawLoupe();
  }

  /** One pixel of the photo on one pixel of the screen. */
  drawLoupe() {
    const { loupe, shown } = this;
    if (loupe.hidden || !shown.naturalWidth) return;
    loupe.style.left = `${100 * this.point.x}%`;
    loupe.style.top = `${100 * this.point.y}%`;
    const side = Math.round(240 * devicePixelRatio);
    if (loupe.width !== side) loupe.width = loupe.height = side;
    const context = loupe.getContext("2d");
    const left = Math.round(this.point.x * shown.naturalWidth - side / 2);
    const top = Math.round(this.point.y * shown.naturalHeight - side / 2);
    for (let y = 0; y < side; y += CHECK) {
      for (let x = 0; x < side; x += CHECK) {
        context.fillStyle = this.behind === "color" ? this.color : (x + y) % (2 * CHECK) ? "#666" : "#999";
        context.fillRect(x, y, CHECK, CHECK);
      }
    }
    context.drawImage(shown, -left, -top);
  }
}
