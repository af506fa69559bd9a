/**
 * A word from an exported model, in Node: the page's own modules, on onnxruntime-node.
 *
 *   node generate.mjs MODEL VOCODER WORD SEED OUT.wav
 *
 * MODEL is a folder of `scoresubnet export`; VOCODER one with a vocoder, such as vocoder/ of
 * `scoresubnet demo --out`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import * as ort from "onnxruntime-node";

import { classify, generate } from "../../src/scoresubnet/demo/generator.js";
import { openModel } from "../../src/scoresubnet/demo/model.js";
import { openVocoder } from "../../src/scoresubnet/demo/vocoder.js";
import { wavOf } from "../../src/scoresubnet/demo/wav.js";

const filesIn = (folder) => {
  const names = readdirSync(folder).filter((name) => /\.(safetensors|onnx)$/.test(name));
  return Object.fromEntries(
    names.map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]),
  );
};

const [modelFolder, vocoderFolder, word, seed, out] = process.argv.slice(2);
const model = await openModel(ort, filesIn(modelFolder));
const vocoder = await openVocoder(ort, filesIn(vocoderFolder));
const x = await generate(model, word, Number(seed));
writeFileSync(out, wavOf(await vocoder.sound(x), vocoder.mel.sample_rate));
const found = await classify(model, x); // null of a U-Net, which has no classifier
const heard = found && `, heard as ${found.heard} (${Math.round(100 * found.confidence)} %)`;
console.log(`${out}${heard ?? ""}`);
