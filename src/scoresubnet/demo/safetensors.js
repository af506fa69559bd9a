/** What a safetensors file says of itself: metadata, and where its tensors lie. */

const FORMATS = ["scoresubnet/1", "scoresubnet-vocoder/3"];

/**
 * @param bytes Uint8Array, the whole file
 * @returns {metadata, layout}: values of the metadata, parsed where they are JSON; and what
 *   `graphs.files.layout` makes of the tensors, or null where the page may not hash
 */
export async function readAbout(bytes, name) {
  let header;
  let size;
  try {
    size = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)));
  } catch {
    throw new Error(`${name} is no safetensors file, or not whole`);
  }
  const { __metadata__: said = {}, ...tensors } = header;
  if (!FORMATS.includes(said.format)) throw new Error(`${name} has no weights of scoresubnet`);
  const ends = Object.values(tensors).map((tensor) => tensor.data_offsets[1]);
  if (8 + size + Math.max(...ends) !== bytes.length) throw new Error(`${name} is not whole`);
  const metadata = {};
  for (const [key, value] of Object.entries(said)) {
    metadata[key] = /^[[{]/.test(value) ? JSON.parse(value) : value;
  }
  return { metadata, layout: await layoutOf(tensors, 8 + size) };
}

/** Sixteen hex digits that change with any name, type, shape or place of a tensor. */
async function layoutOf(tensors, start) {
  if (!globalThis.crypto?.subtle) return null; // a page that is served neither locally nor by https
  const places = Object.keys(tensors)
    .sort()
    .map((name) => {
      const { dtype, shape, data_offsets: offsets } = tensors[name];
      const place = `${start + offsets[0]}, ${offsets[1] - offsets[0]}`;
      return `["${name}", ["${dtype}", [${shape.join(", ")}], ${place}]]`;
    });
  const text = new TextEncoder().encode(`[${places.join(", ")}]`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return [...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Refuse a graph that was exported from weights of another layout. */
export function refuseOtherLayout(graph, layout, name) {
  const text = new TextDecoder("latin1").decode(graph);
  const made = text.match(/"layout": "([0-9a-f]{16})"/);
  if (made === null) throw new Error(`${name} is no graph of scoresubnet export`);
  if (layout !== null && made[1] !== layout) {
    throw new Error(`${name} was made of other weights than those beside it; export it again`);
  }
}
