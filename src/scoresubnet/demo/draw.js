/** A scaled log-Mel as a picture: low bands at the bottom, colours as in the pictures of Python. */

// magma of matplotlib, in 16 equal steps.
const MAGMA =
  "000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f b73779 d0416f e75263 f56b5c fc8961 fea772 fec488 fde2a3 fcfdbf";
const ANCHORS = MAGMA.split(" ").map((hex) =>
  [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)),
);
const COLOURS = Array.from({ length: 256 }, (_, k) => {
  const place = (k / 255) * (ANCHORS.length - 1);
  const [low, high] = [ANCHORS[Math.floor(place)], ANCHORS[Math.ceil(place)]];
  return low.map((value, c) => value + (place % 1) * (high[c] - value));
});

/** @param x (bands x frames), drawn from -1 to 1 */
export function draw(canvas, x, bands) {
  const frames = x.length / bands;
  canvas.width = frames;
  canvas.height = bands;
  const context = canvas.getContext("2d");
  const image = context.createImageData(frames, bands);
  x.forEach((value, k) => {
    const [band, frame] = [Math.floor(k / frames), k % frames];
    const share = (Math.min(Math.max(value, -1), 1) + 1) / 2;
    const colour = COLOURS[Math.round(share * 255)];
    image.data.set([...colour, 255], ((bands - 1 - band) * frames + frame) * 4);
  });
  context.putImageData(image, 0, 0);
}
