/**
 * All that computes, beside the page: graphs, sampler and vocoder.
 *
 * It is told {kind: "open", name, files} with files to fetch or dropped ones, {kind: "speak", job,
 * label, seed, sampling} and {kind: "stop", job}; it tells {kind: "progress" | "opened" | "step" |
 * "spoken" | "stopped" | "failed"}.
 */
import { fetchAll, unpacked } from "./files.js";
import { classify, generate } from "./generator.js";
import { openModel } from "./model.js";
import * as ort from "./ort/ort.js";
import { openVocoder } from "./vocoder.js";

const MOST_THREADS = 4; // more of them wait for one another

let model = null;
let vocoder = null;
let runtime = null;
const stopped = new Set(); // jobs
const WARMING = "warming up";

/** Starts once: the runtime and the vocoder. */
async function start(site) {
  const progress = progressOf("Loading the runtime and the vocoder", site.base);
  const files = await fetchAll(site.base, progress);
  ort.env.wasm.wasmBinary = await unpacked(files["ort.wasm.gz"]);
  delete files["ort.wasm.gz"];
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads();
  say("Starting the runtime");
  vocoder = await openVocoder(ort, files);
}

/** One for every two cores, which may be halves of one, but two if there are; or ?threads=1. */
function threads() {
  // They share memory, which browsers allow where the server isolates the page.
  if (!globalThis.crossOriginIsolated) return 1;
  const asked = Number(new URLSearchParams(location.search).get("threads"));
  if (asked >= 1) return Math.round(asked);
  const cores = navigator.hardwareConcurrency ?? 1;
  return Math.min(cores, Math.max(2, Math.floor(cores / 2)), MOST_THREADS);
}

async function open({ site, name, files }) {
  runtime ??= start(site);
  await runtime;
  const whole = Array.isArray(files);
  const given = whole ? await fetchAll(files, progressOf(`Loading ${name}`, files)) : files;
  say(`Opening ${name}`);
  if (Object.keys(given).some((file) => file.endsWith(".pitch.onnx"))) {
    const its = await openVocoder(ort, given);
    if (model !== null) refuseOthers(model, its);
    vocoder = its;
    return tell({ kind: "opened", name, vocoder: true });
  }
  const opened = await openModel(ort, given);
  refuseOthers(opened, vocoder);
  say(`Warming up ${name}`);
  await generate(opened, null, 0, { steps: 2 });
  await vocoder.sound(new Float32Array(opened.size).fill(-1));
  model?.release();
  model = opened;
  const { labels, aliases, sampling, mel, hears, canBeGuided } = model;
  tell({ kind: "opened", name, labels, aliases, sampling, mel, hears, canBeGuided });
  await warmUp();
}

/** Go on until the visitor asks for something: a browser translates WebAssembly as it is used. */
async function warmUp() {
  stopped.delete(WARMING);
  await generate(model, null, 0, { steps: 10 }, () => unlessStopped(WARMING));
  await vocoder.sound(new Float32Array(model.size).fill(-1));
}

/** Refuse a model whose log-Mels the vocoder does not know. */
function refuseOthers(model, { mel }) {
  const differing = Object.keys(model.mel).filter((key) => model.mel[key] !== mel[key]);
  if (differing.length) {
    throw new Error(`the vocoder was made for other log-Mels: ${differing.join(", ")} differ`);
  }
}

async function speak({ job, label, seed, sampling }) {
  const began = performance.now();
  const x = await generate(model, label, seed, sampling, async (step, x) => {
    tell({ kind: "step", job, step, x });
    await unlessStopped(job);
  });
  const sampled = performance.now();
  const audio = await vocoder.sound(x);
  const sounded = performance.now();
  const heard = await classify(model, x);
  const ended = performance.now();
  const seconds = {
    sampling: (sampled - began) / 1e3,
    vocoder: (sounded - sampled) / 1e3,
    classifier: (ended - sounded) / 1e3,
  };
  tell({ kind: "spoken", job, x, audio, rate: vocoder.mel.sample_rate, ...heard, seconds });
}

class Stopped extends Error {}

/** Let messages in, and end the job if one of them stops it. */
async function unlessStopped(job) {
  await messages();
  if (stopped.has(job)) throw new Stopped();
}

const tell = (message) => postMessage(message);
const say = (text) => tell({ kind: "progress", text, share: null });

function progressOf(text, files) {
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const mb = (bytes) => (bytes / 1e6).toFixed(1);
  return (come) => {
    const share = Math.min(come / all, 1);
    tell({ kind: "progress", text: `${text}: ${mb(share * all)} of ${mb(all)} MB`, share });
  };
}

/** Lets messages in that have come meanwhile; a timer would wait for 4 ms. */
const channel = new MessageChannel();
let goOn = null;
channel.port1.onmessage = () => goOn();
const messages = () =>
  new Promise((resolve) => {
    goOn = resolve;
    channel.port2.postMessage(null);
  });

// One after another; a stop comes in between.
let queue = Promise.resolve();
onmessage = ({ data }) => {
  if (data.kind === "stop") {
    stopped.add(data.job);
    return;
  }
  const { job } = data;
  stopped.add(WARMING);
  queue = queue
    .then(() => {
      if (stopped.has(job)) throw new Stopped();
      return data.kind === "open" ? open(data) : speak(data);
    })
    .catch((error) => {
      if (error instanceof Stopped) tell({ kind: "stopped", job });
      else tell({ kind: "failed", job, text: error.message ?? String(error) });
    })
    .finally(() => stopped.delete(job));
};
