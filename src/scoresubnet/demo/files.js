/** Files over the network, with progress. */

/**
 * @param files [{url, bytes}], in turn
 * @param progress called with the bytes that have come, of all files together
 * @returns name (without folders) -> Uint8Array
 */
export async function fetchAll(files, progress) {
  const found = {};
  let before = 0;
  for (const { url, bytes } of files) {
    const name = url.slice(url.lastIndexOf("/") + 1);
    found[name] = await fetchBytes(url, (come) => progress(before + come));
    before += bytes;
  }
  return found;
}

async function fetchBytes(url, progress) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: the server says ${answer.status}`);
  const parts = [];
  let come = 0;
  const reader = answer.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    progress((come += part.value.length));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** What was packed by gzip, unless the server has unpacked it on the way. */
export async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
