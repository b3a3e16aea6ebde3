// The page: its state is what is chosen; show() draws everything of it anew.

class AttentionPage {
  constructor(root, data, maps, gradientBytes) {
    Object.assign(this, { root, data, maps, gradientBytes });
    this.state = { token: data.stops.hair, block: data.stops.globals.at(-1), head: data.stops.band, direction: "to",
      heads: "each", scale: "root", picture: "photo", overlay: "attention" };
    this.stop = -1;
    this.#build();
    this.#listen();
    this.#readAddress();
    this.show();
    root.classList.add("ready");
  }

  $(name) {
    return this.root.querySelector(`#at-${name}`);
  }

  get token() {
    return this.state.token[0] * this.maps.grid + this.state.token[1];
  }

  // --- what is seen

  #build() {
    const rows = this.data.blocks.map(({ window }, block) => {
      const kind = window ? `the token's window of ${window} x ${window}` : "global: the whole photo";
      const heads = this.eachHead((head) => this.#button(block, head, window || this.maps.grid)).join("");
      return `<section class="at-block" aria-label="Block ${block}, ${kind}">
        <h3>Block ${block} <small>${kind}</small></h3><div class="at-heads">${heads}</div></section>`;
    });
    this.$("maps").innerHTML = rows.join("");
    this.buttons = [...this.root.querySelectorAll(".at-map")];
    this.gradients = new Map(this.data.gradients.tokens.map((each, index) => [String(each.token), { ...each, index }]));
    this.$("frames").setAttribute("viewBox", `0 0 ${this.data.side} ${this.data.side}`);
  }

  #button(block, head, side) {
    return `<button type="button" class="at-map" data-block="${block}" data-head="${head}">
      <span class="at-square"><canvas></canvas><svg viewBox="0 0 ${side} ${side}"><rect class="at-token"/></svg></span>
      <span class="at-name"></span><span class="at-bar"><i></i><i></i><i></i></span></button>`;
  }

  show() {
    const { state, data } = this;
    for (const [name, value] of Object.entries(state)) {
      const input = this.root.querySelector(`input[name="at-${name}"][value="${value}"]`);
      if (input) input.checked = true;
    }
    this.$("photo").src = data.pictures[state.picture];
    this.$("photo").alt = { photo: "The photo", trimap: "The trimap", alpha: "The alpha" }[state.picture];
    for (const button of this.buttons) this.#showMap(button);
    this.#showStage();
    this.#showGuide();
    this.#writeAddress();
  }

  headsOf(head) {
    return this.state.heads === "mean" ? [...Array(this.maps.heads).keys()] : [head];
  }

  shares(values) {
    const largest = Math.max(...values) || 1;
    return Array.from(values, (value) => (this.state.scale === "root" ? Math.sqrt(value / largest) : value / largest));
  }

  #showMap(button) {
    const [block, head] = [Number(button.dataset.block), Number(button.dataset.head)];
    const { state, maps } = this;
    button.hidden = state.heads === "mean" && head > 0;
    const values = maps.map(block, this.headsOf(head), this.token, state.direction);
    const numbers = maps.numbers(values, this.token);
    const side = maps.blocks[block].window || maps.grid; // a window fills its square
    const shares = this.shares(values);
    paint(button.querySelector("canvas"), maps.neighbors(block, this.token).map((token) => shares[token]), side);
    frame(button.querySelector("rect"), state.token[1] % side, state.token[0] % side, 1);
    const reach = `${Math.round(numbers.distance)} px`;
    const first = state.direction === "to" ? `${numbers.bits.toFixed(1)} bits` : `${numbers.total.toFixed(1)} x even`;
    const name = state.heads === "mean" ? "mean" : `head ${head}`;
    button.querySelector(".at-name").innerHTML = `<b>${name}</b> ${first} &middot; ${reach}`;
    [...button.querySelectorAll("i")].forEach((bar, index) => { bar.style.flexGrow = numbers.shares[index]; });
    const chosen = block === state.block && (state.heads === "mean" || head === state.head);
    button.setAttribute("aria-pressed", chosen);
    button.setAttribute("aria-label", `Block ${block}, ${name}: ${this.#words(numbers)}`);
  }

  // A map for those who do not see it.
  #words({ largest, shares, bits, distance, total }) {
    if (!total) return "is looked at by no token";
    const verb = this.state.direction === "to" ? "looks most at" : "is looked at most by";
    const places = largest.map(([token, value]) => `${this.place(token)} (${percent(value)})`).join(", ");
    const amount = this.state.direction === "to" ? `${bits.toFixed(1)} bits` : `${total.toFixed(1)} times the even share`;
    return `${verb} ${places}; ${amount}, ${Math.round(distance)} pixels away on average; ${percent(shares[1])} on
      unknown, ${percent(shares[2])} on foreground, ${percent(shares[0])} on background tokens`.replace(/\s+/g, " ");
  }

  place(token) {
    return `row ${Math.floor(token / this.maps.grid)} column ${token % this.maps.grid}`;
  }

  #showStage() {
    const { state, maps } = this;
    const { patch } = maps;
    const values = maps.map(state.block, this.headsOf(state.head), this.token, state.direction);
    const on = state.overlay === "attention";
    const visible = new Set(on ? maps.neighbors(state.block, this.token) : []);
    paint(this.$("heat"), this.shares(values), maps.grid, (share) => 0.35 + 0.6 * share, visible);
    this.$("stage").classList.toggle("plain", state.overlay === "none");
    const [row, column] = state.token;
    frame(this.$("token"), column * patch, row * patch, patch);
    const window = maps.blocks[state.block].window;
    const corner = (place) => Math.floor(place / window) * window * patch;
    this.$("window").toggleAttribute("hidden", !window || !on);
    if (window) frame(this.$("window"), corner(column), corner(row), window * patch);
    const label = ["background", "unknown", "foreground"][maps.labels[this.token]];
    const gradient = this.#showGradient();
    const name = state.heads === "mean" ? "mean of the heads" : `head ${state.head}`;
    const words = {
      attention: `Block ${state.block}, ${name}: it ${this.#words(maps.numbers(values, this.token))}.`,
      gradient,
      none: "",
    }[state.overlay];
    this.$("status").textContent = `Token in ${this.place(this.token)}, ${label}. ${words}`;
  }

  #showGradient() {
    const found = this.state.overlay === "gradient" && this.gradients.get(String(this.state.token));
    const [canvas, pixel] = [this.$("gradient"), this.$("pixel")];
    for (const element of [canvas, pixel]) element.toggleAttribute("hidden", !found);
    this.#enlarge(found);
    if (!found) return "No gradient is kept for this token, because hardly any of its pixels is unknown.";
    const { crop, levels } = this.data.gradients;
    const bytes = this.gradientBytes.subarray(found.index * crop ** 2, (found.index + 1) * crop ** 2);
    const shares = Array.from(bytes, (level) => (this.state.scale === "root" ? level / levels : (level / levels) ** 2));
    paint(canvas, shares, crop, (share) => Math.min(1, 0.6 + share));
    const part = (length) => `${(100 * length) / this.data.side}%`;
    Object.assign(canvas.style, { left: part(found.corner[1]), top: part(found.corner[0]), width: part(crop) });
    pixel.setAttribute("cx", found.pixel[1] + 0.5);
    pixel.setAttribute("cy", found.pixel[0] + 0.5);
    return `Half of the gradient of the marked pixel's alpha lies within ${Math.round(found.half)} pixels, and 90 % within
      ${Math.round(found.most)}; ${percent(found.trimap)} of it is by the trimap.`.replace(/\s+/g, " ");
  }

  // The square that a gradient was computed in fills the stage.
  #enlarge(found) {
    const times = this.data.side / this.data.gradients.crop;
    const part = (place) => `${(-100 * place) / this.data.side}%`;
    this.$("stage").classList.toggle("enlarged", Boolean(found));
    this.$("world").style.transform = found ?
      `scale(${times}) translate(${part(found.corner[1])}, ${part(found.corner[0])})` : "";
  }

  #showGuide() {
    const stop = ATTENTION_GUIDE[this.stop];
    this.$("previous").disabled = this.stop <= 0;
    this.$("next").textContent = stop ? "Next" : "Start the tour";
    this.$("next").disabled = this.stop === ATTENTION_GUIDE.length - 1;
    this.$("stop").textContent = stop ? `Stop ${this.stop + 1} of ${ATTENTION_GUIDE.length}: ${stop.title}` : "A guided tour";
    this.$("told").textContent = stop ? stop.text(this, this.data.stops).replace(/\s+/g, " ") :
      "Seven stops show what there is to see. Or click a place of the photo and look around yourself.";
  }

  // --- what the guide's words ask for

  of(token, block, head, direction = "to") {
    const index = token[0] * this.maps.grid + token[1];
    return this.maps.numbers(this.maps.map(block, [head].flat(), index, direction), index);
  }

  mean(token, block) {
    return this.of(token, block, this.eachHead((head) => head));
  }

  eachHead(each) {
    return Array.from({ length: this.maps.heads }, (_, head) => each(head));
  }

  reach(block) {
    return this.maps.blocks[block].size;
  }

  unknown() {
    return this.maps.labels.filter((label) => label === 1).length / this.maps.tokens;
  }

  windowBlocks() {
    return [...this.maps.blocks.keys()].filter((block) => this.maps.blocks[block].window);
  }

  // The block whose heads have the lowest entropy, as a share of the largest possible one, over every ninth token.
  sharpest() {
    const tokens = Array.from({ length: Math.floor(this.maps.tokens / 9) }, (_, index) => 9 * index);
    const entropy = (block) => tokens.reduce((sum, index) => {
      const token = [Math.floor(index / this.maps.grid), index % this.maps.grid];
      return sum + this.eachHead((head) => this.of(token, block, head).bits).reduce((a, b) => a + b);
    }, 0) / Math.log2(this.reach(block));
    this.entropies ??= [...this.maps.blocks.keys()].map(entropy);
    return this.entropies.indexOf(Math.min(...this.entropies));
  }

  // --- what is done

  change(part) {
    Object.assign(this.state, part);
    this.show();
  }

  visit(stop) {
    this.stop = Math.min(Math.max(stop, 0), ATTENTION_GUIDE.length - 1);
    this.change({ direction: "to", heads: "each", scale: "root", picture: "photo", overlay: "attention",
      ...ATTENTION_GUIDE[this.stop].set(this.data.stops) });
  }

  #at(event) {
    const box = this.$("world").getBoundingClientRect();
    const place = (share) => Math.min(this.maps.grid - 1, Math.max(0, Math.floor(share * this.maps.grid)));
    return [place((event.clientY - box.top) / box.height), place((event.clientX - box.left) / box.width)];
  }

  #listen() {
    const stage = this.$("stage");
    stage.addEventListener("click", (event) => this.change({ token: this.#at(event) }));
    stage.addEventListener("pointermove", (event) => {
      const [row, column] = this.#at(event);
      frame(this.$("hovered"), column * this.maps.patch, row * this.maps.patch, this.maps.patch);
    });
    stage.addEventListener("keydown", (event) => this.#key(event));
    this.root.addEventListener("change", ({ target }) => this.change({ [target.name.replace("at-", "")]: target.value }));
    for (const button of this.buttons) {
      const shown = { block: Number(button.dataset.block), head: Number(button.dataset.head) };
      button.addEventListener("click", () => this.change(shown));
    }
    this.$("previous").addEventListener("click", () => this.visit(this.stop - 1));
    this.$("next").addEventListener("click", () => this.visit(this.stop + 1));
    window.addEventListener("hashchange", () => { this.#readAddress(); this.show(); });
  }

  #key(event) {
    const step = event.shiftKey ? Math.max(...this.maps.blocks.map(({ window }) => window)) || 1 : 1;
    const moves = { ArrowLeft: [0, -step], ArrowRight: [0, step], ArrowUp: [-step, 0], ArrowDown: [step, 0] };
    const blocks = { PageUp: -1, PageDown: 1 };
    const within = (value, count) => Math.min(count - 1, Math.max(0, value));
    if (moves[event.key]) {
      this.change({ token: this.state.token.map((place, axis) => within(place + moves[event.key][axis], this.maps.grid)) });
    } else if (blocks[event.key]) {
      this.change({ block: within(this.state.block + blocks[event.key], this.maps.blocks.length) });
    } else if (event.key >= "0" && event.key < String(this.maps.heads)) {
      this.change({ head: Number(event.key) });
    } else return;
    event.preventDefault();
  }

  // #t=4,13&b=5&h=0: the address keeps what is looked at.
  #readAddress() {
    const found = /^#t=(\d+),(\d+)&b=(\d+)&h=(\d+)$/.exec(location.hash)?.slice(1).map(Number);
    if (!found) return;
    const [row, column, block, head] = found;
    if (Math.max(row, column) < this.maps.grid && block < this.maps.blocks.length && head < this.maps.heads) {
      Object.assign(this.state, { token: [row, column], block, head });
    }
  }

  #writeAddress() {
    history.replaceState(null, "", `#t=${this.state.token}&b=${this.state.block}&h=${this.state.head}`);
  }
}

document.addEventListener("DOMContentLoaded", async () => {
  const root = document.querySelector("#attention");
  const complain = (words) => { root.querySelector("#at-status").textContent = words; };
  if (typeof ATTENTION === "undefined") complain("The data of this page are missing: build the site.");
  else if (typeof DecompressionStream === "undefined") complain("This browser is too old for this page: it lacks DecompressionStream.");
  else {
    const [maps, gradients] = await Promise.all([AttentionMaps.open(ATTENTION), unpacked(ATTENTION.gradients.maps)]);
    window.attentionPage = new AttentionPage(root, ATTENTION, maps, gradients);
  }
});
