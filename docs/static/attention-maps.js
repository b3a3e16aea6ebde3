// Attention probabilities out of the page's bytes, and what numbers say of one map.
// A row of bytes q holds the probabilities q^2 / (sum of the row's q^2).

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

class AttentionMaps {
  // Decompress everything that a data script holds.
  static async open(data) {
    const maps = new AttentionMaps();
    Object.assign(maps, { grid: data.grid, heads: data.heads, patch: data.patch });
    maps.labels = await unpacked(data.labels); // of each token: 0 background, 1 unknown, 2 foreground
    maps.blocks = await Promise.all(data.blocks.map(async ({ window, maps: text }) => {
      const levels = await unpacked(text);
      const size = (window || data.grid) ** 2; // tokens that attend to each other
      const sums = new Float64Array(levels.length / size);
      for (let i = 0; i < levels.length; i++) sums[Math.floor(i / size)] += levels[i] ** 2;
      return { window, levels, size, sums };
    }));
    return maps;
  }

  get tokens() {
    return this.grid ** 2;
  }

  // The window's number and the place in it, both counted row by row; a global block is one window.
  #place(block, token) {
    const { window } = this.blocks[block];
    if (!window) return [0, token];
    const [row, column] = [Math.floor(token / this.grid), token % this.grid];
    const across = this.grid / window;
    return [Math.floor(row / window) * across + Math.floor(column / window), (row % window) * window + (column % window)];
  }

  // The tokens of a token's window.
  neighbors(block, token) {
    const { window } = this.blocks[block];
    if (!window) return Array.from({ length: this.tokens }, (_, index) => index);
    const top = Math.floor(token / this.grid / window) * window;
    const left = Math.floor((token % this.grid) / window) * window;
    return Array.from({ length: window ** 2 }, (_, index) =>
      (top + Math.floor(index / window)) * this.grid + left + (index % window));
  }

  // Where a token looks ("to"), or which tokens look at it ("from"); a head, or the mean of several.
  map(block, heads, token, direction = "to") {
    const { levels, size, sums } = this.blocks[block];
    const [window, own] = this.#place(block, token);
    const values = new Float64Array(this.tokens);
    for (const head of heads) {
      const first = (window * this.heads + head) * size; // the first row of this window and head
      this.neighbors(block, token).forEach((other, place) => {
        const [query, key] = direction === "to" ? [own, place] : [place, own];
        values[other] += levels[(first + query) * size + key] ** 2 / sums[first + query] / heads.length;
      });
    }
    return values;
  }

  // total: 1 for "to"; for "from", how many times the even share. The rest is of the map divided by its total.
  numbers(values, token) {
    const total = values.reduce((sum, value) => sum + value, 0);
    const shares = [0, 0, 0];
    let [bits, distance] = [0, 0];
    values.forEach((value, other) => {
      const share = value / (total || 1);
      if (share > 0) bits -= share * Math.log2(share);
      shares[this.labels[other]] += share;
      distance += share * this.distance(token, other);
    });
    const largest = Array.from(values.keys()).sort((a, b) => values[b] - values[a]).slice(0, 3);
    return { total, bits, distance, shares, largest: largest.map((other) => [other, values[other]]) };
  }

  // Between the middles of two tokens, in pixels.
  distance(one, other) {
    const rows = Math.floor(one / this.grid) - Math.floor(other / this.grid);
    return this.patch * Math.hypot(rows, (one % this.grid) - (other % this.grid));
  }
}
