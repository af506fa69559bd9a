/** Files that a visitor gives: dropped, in folders or not, or chosen. */

/** @returns {name, files}: of the weights, null if there are none; and name -> Uint8Array */
export async function exportedAmong(list) {
  const files = {};
  for (const file of list) {
    if (!/\.(safetensors|onnx)$/.test(file.name)) continue;
    files[file.name] = new Uint8Array(await file.arrayBuffer());
  }
  const weights = Object.keys(files).find((name) => name.endsWith(".safetensors"));
  return { name: weights?.replace(/\.safetensors$/, "") ?? null, files };
}

/** The files of what was dropped, those of folders among them. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return (await Promise.all(entries.map(filesIn))).flat();
}

async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
  const inside = await new Promise((done, fail) => entry.createReader().readEntries(done, fail));
  return (await Promise.all(inside.filter((one) => one.isFile).map(filesIn))).flat();
}
