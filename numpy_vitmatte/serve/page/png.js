// A trimap as a PNG of 8-bit grey. A canvas would write it in colors, which the trimap doctor rightly remarks on.

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(parts) {
  let crc = 0xffffffff;
  for (const part of parts) for (const byte of part) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function bigEndian(...numbers) {
  const bytes = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, index) => bytes.setUint32(4 * index, number));
  return new Uint8Array(bytes.buffer);
}

function chunk(kind, data) {
  const name = new TextEncoder().encode(kind);
  return [bigEndian(data.length), name, data, bigEndian(crc32([name, data]))];
}

const PIXELS_AT_ONCE = 2 ** 18; // so that no part keeps the page from answering the pointer

async function deflated(levels, width, height) {
  const stream = new CompressionStream("deflate");
  const result = new Response(stream.readable).arrayBuffer();
  const writer = stream.writable.getWriter();
  const step = Math.ceil(PIXELS_AT_ONCE / width);
  for (let top = 0; top < height; top += step) {
    const rows = Math.min(step, height - top);
    const lines = new Uint8Array(rows * (width + 1)); // each row begins with its filter, 0
    for (let row = 0; row < rows; row++) {
      const start = (top + row) * width;
      lines.set(levels.subarray(start, start + width), row * (width + 1) + 1);
    }
    await writer.write(lines);
    await pause();
  }
  await writer.close();
  return new Uint8Array(await result);
}

export async function grayPng(levels, width, height) {
  const header = new Uint8Array([...bigEndian(width, height), 8, 0, 0, 0, 0]);
  const signature = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = await deflated(levels, width, height);
  const parts = [signature, ...chunk("IHDR", header), ...chunk("IDAT", data), ...chunk("IEND", new Uint8Array(0))];
  return new Blob(parts, { type: "image/png" });
}

/** The levels of a picture that holds grey levels alone, as the service answers trimaps. */
export async function levelsOf(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const step = Math.ceil(PIXELS_AT_ONCE / width);
  const canvas = new OffscreenCanvas(width, Math.min(height, step));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const levels = new Uint8Array(width * height);
  for (let top = 0; top < height; top += step) {
    const rows = Math.min(step, height - top);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const colors = context.getImageData(0, 0, width, rows).data;
    for (let index = 0; index < rows * width; index++) levels[top * width + index] = colors[4 * index];
    await pause();
  }
  bitmap.close();
  return { levels, width, height };
}

export function pause() {
  return new Promise((resolve) => setTimeout(resolve));
}
