// Colors and frames: a map as pixels, one per token, which the style sheet enlarges.

// Stops of matplotlib's "inferno", in which equal steps look equal.
const INFERNO = [[0, 0, 4], [27, 12, 65], [74, 12, 107], [120, 28, 109], [165, 44, 96], [207, 68, 70], [237, 105, 37],
  [251, 155, 6], [247, 209, 61], [252, 255, 164]];

function inferno(share) {
  const place = Math.min(Math.max(share, 0), 1) * (INFERNO.length - 1);
  const [left, weight] = [Math.min(Math.floor(place), INFERNO.length - 2), place % 1 || (place === INFERNO.length - 1 ? 1 : 0)];
  return INFERNO[left].map((value, channel) => value + (INFERNO[left + 1][channel] - value) * weight);
}

// shares: numbers from 0 to 1. opacity: of a share; tokens that are not in `visible` stay clear.
function paint(canvas, shares, width, opacity = () => 1, visible = null) {
  canvas.width = width;
  canvas.height = shares.length / width;
  const image = new ImageData(canvas.width, canvas.height);
  for (let i = 0; i < shares.length; i++) {
    if (visible && !visible.has(i)) continue;
    image.data.set([...inferno(shares[i]), 255 * opacity(shares[i])], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function frame(element, left, top, side) {
  for (const [name, value] of Object.entries({ x: left, y: top, width: side, height: side })) {
    element.setAttribute(name, value);
  }
}
