/**
 * A model as graphs: what backends/graph_model.py is in Python.
 *
 * Which graphs there are, with inputs and outputs, stands in docs/light.md.
 */
import { softmax, weighted } from "./arrays.js";
import { readAbout, refuseOtherLayout } from "./safetensors.js";
import { scoreFromOutput } from "./score.js";
import { VPSDE } from "./sde.js";

/** How these weights are sampled if they do not say: the preset "fast" of sampling.py. */
const FAST = {
  sampler: "dpmpp-2m-sde",
  steps: 10,
  grid: "uniform",
  guidance: 3,
  schedule: "interval:low=0,high=0.7",
  clamp: null,
  renormalise: false,
};

export class Model {
  /**
   * @param ort onnxruntime-web or -node
   * @param about of `readAbout`
   * @param sessions role -> session
   */
  constructor(ort, { metadata }, sessions) {
    const { config, labels, mel, sampling, aliases } = metadata;
    Object.assign(this, { ort, sessions, labels, mel });
    this.aliases = aliases ?? {};
    this.sampling = { ...FAST, ...sampling };
    this.sde = new VPSDE(config.sde);
    this.parametrisation = config.parametrisation;
    this.hears = "guided" in sessions;
    const told = config.subnet?.label_taps || config.unet?.label_conditioned;
    this.canBeGuided = this.hears || Boolean(told);
    this.size = mel.n_mels * mel.frames;
  }

  /** The outputs of a graph by name, for x at the time t and one label; -1 is none. */
  async run(role, x, t, label) {
    const { Tensor } = this.ort;
    const outputs = await this.sessions[role].run({
      x: new Tensor("float32", x, [1, 1, this.mel.n_mels, this.mel.frames]),
      t: new Tensor("float32", Float32Array.of(t), [1]),
      labels: new Tensor("int64", BigInt64Array.of(BigInt(label)), [1]),
    });
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
  }

  async score(x, t, label) {
    const { output } = await this.run("score" in this.sessions ? "score" : "guided", x, t, label);
    return scoreFromOutput(output, x, t, this.sde, this.parametrisation);
  }

  /** Score, gradient of log p(label | x, t), and that probability: all in one step. */
  async withClassGradient(x, t, label) {
    if (!this.hears) {
      // Classifier-free guidance (Ho & Salimans 2022).
      const [told, free] = [await this.score(x, t, label), await this.score(x, t, -1)];
      return { score: told, gradient: weighted([1, told], [-1, free]), probability: null };
    }
    const { output, class_gradient, logits } = await this.run("guided", x, t, label);
    const score = scoreFromOutput(output, x, t, this.sde, this.parametrisation);
    return { score, gradient: class_gradient, probability: softmax(logits)[label] };
  }

  /** Free the memory of the graphs. */
  release() {
    for (const session of Object.values(this.sessions)) session.release();
  }

  /** What the classifier gives each of the labels in x. */
  async probabilities(x) {
    return softmax((await this.run("guided", x, Math.fround(this.sde.tEps), -1)).logits);
  }
}

/** @param files of `scoresubnet export`: name -> Uint8Array */
export async function openModel(ort, files, options = {}) {
  const { about, sessions } = await openGraphs(ort, files, ["guided", "score"], options);
  const { config } = about.metadata;
  if (!(config.subnet || config.unet)) {
    throw new Error("these weights are a classifier alone; train a Score Subnet on it");
  }
  const needed = config.unet ? "score" : "guided";
  if (!(needed in sessions)) {
    throw new Error(`the graph .${needed}.onnx is missing; write it with scoresubnet export`);
  }
  return new Model(ort, about, sessions);
}

/** The safetensors file among files, and the sessions of its graphs by role. */
export async function openGraphs(ort, files, roles, options = {}) {
  const weights = Object.keys(files).filter((name) => name.endsWith(".safetensors"));
  if (weights.length !== 1) {
    throw new Error(`one .safetensors file is needed beside its graphs, not ${weights.length}`);
  }
  const [name] = weights;
  const about = await readAbout(files[name], name);
  const sessions = {};
  for (const role of roles) {
    const graph = name.replace(/safetensors$/, `${role}.onnx`);
    if (!(graph in files)) continue;
    refuseOtherLayout(files[graph], about.layout, graph);
    const externalData = [{ path: name, data: files[name] }];
    sessions[role] = await ort.InferenceSession.create(files[graph], { ...options, externalData });
  }
  return { about, sessions };
}
