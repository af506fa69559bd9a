/** The page: what is chosen, who computes it, and what is shown of it. */
import { exportedAmong, filesOf } from "./dropped.js";
import { SCHEDULE_NAMES } from "./guidance.js";
import { SAMPLERS } from "./samplers.js";
import { Take } from "./take.js";
import { TIME_GRIDS } from "./time-grids.js";

const get = (id) => document.getElementById(id);
const worker = new Worker(new URL(`worker.js${location.search}`, import.meta.url), {
  type: "module",
});

let site = null; // what the server has: of models.json
let about = null; // of the model that is open
let opening = null; // the files of the model that was asked for last
let jobs = 0;
const takes = [];
const running = new Map(); // job -> {take, label, seed, then}

/* ---- The worker ---- */

worker.onmessage = ({ data }) => answers[data.kind](data);
worker.onerror = (event) =>
  fail(`The page's worker does not start: ${event.message ?? "no reason given"}`);

const answers = {
  progress: ({ text, share }) => say(`${text} …`, share),

  opened(data) {
    if (data.vocoder) {
      ready(true);
      return say(`Ready: the vocoder ${data.name} is in use.`);
    }
    about = data;
    if (!isShipped(data.name)) own.set(data.name, opening);
    if (![...get("model").options].some((option) => option.value === data.name)) {
      get("model").add(new Option(`${data.name} (yours)`, data.name));
    }
    get("model").value = data.name;
    showWords();
    recommend();
    ready(true);
    say("Ready. Choose a word.");
  },

  step({ job, step, x }) {
    const take = running.get(job)?.take;
    if (take?.job === job) take.step(step, x);
  },

  async spoken(data) {
    const asked = running.get(data.job);
    running.delete(data.job);
    if (!asked || asked.take.job !== data.job) return;
    const { take, label, seed, then } = asked;
    take.end(label, seed, data);
    const seconds = Object.values(data.seconds).reduce((sum, each) => sum + each);
    const heard = data.heard === undefined ? "" : `, heard as ${data.heard}`;
    say(`${label ?? "no word"}, seed ${seed}${heard}: ${seconds.toFixed(1)} s`);
    // For programs, such as the tests.
    document.dispatchEvent(new CustomEvent("spoken", { detail: { ...data, label, seed } }));
    then(data);
  },

  stopped({ job }) {
    running.delete(job);
  },

  failed({ job, text }) {
    const asked = running.get(job);
    if (asked) Object.assign(asked.take, { wanted: null }).fail();
    running.delete(job);
    fail(`${text}.`);
    if (!asked && about) {
      // The model before stays in use.
      get("model").value = about.name;
      ready(true);
    }
  },
};

/* ---- What the page says ---- */

function say(text, share = undefined) {
  get("status").classList.remove("failed");
  // Read aloud now and then, and not with every megabyte.
  if (get("status").textContent.split(":")[0] !== text.split(":")[0])
    get("aloud").textContent = text;
  get("status").textContent = text;
  get("progress").hidden = share === undefined;
  if (share === null) get("progress").removeAttribute("value");
  else if (share !== undefined) get("progress").value = share;
}

function fail(text) {
  say(`That did not work: ${text}`);
  get("status").classList.add("failed");
}

/* ---- What is chosen ---- */

function showWords() {
  const before = chosenWord();
  const spellings = {};
  for (const [alias, label] of Object.entries(about.aliases)) (spellings[label] ??= []).push(alias);
  const entries = about.canBeGuided ? [...about.labels] : [];
  const words = [...entries, null].map((label) => {
    const [input, name] = [document.createElement("input"), document.createElement("span")];
    Object.assign(input, { type: "radio", name: "word", value: label ?? "" });
    input.dataset.none = label === null ? "yes" : "no";
    name.append(label ?? "no word");
    for (const alias of spellings[label] ?? []) {
      const bdi = document.createElement("bdi");
      bdi.textContent = alias;
      name.append(" ", bdi);
    }
    const choice = document.createElement("label");
    choice.append(input, name);
    // A press of the pointer speaks at once; arrow keys choose, and Enter speaks.
    input.addEventListener("click", (event) => event.detail && speak());
    return choice;
  });
  get("words").replaceChildren(...words);
  const inputs = [...get("words").querySelectorAll("input")];
  (inputs.find((input) => input.value === before) ?? inputs[0]).checked = true;
}

const chosenInput = () => get("words").querySelector("input:checked");
const chosenWord = () => chosenInput()?.value;

function chosenLabel() {
  const input = chosenInput();
  return input.dataset.none === "yes" ? null : input.value;
}

/** Set every setting as the weights ask. */
function recommend() {
  for (const name of ["guidance", "steps", "sampler", "grid"])
    get(name).value = about.sampling[name];
  const schedule = about.sampling.schedule;
  if (![...get("schedule").options].some((option) => option.value === schedule)) {
    get("schedule").add(new Option(schedule, schedule));
  }
  get("schedule").value = schedule;
  showGuidance();
}

function showGuidance() {
  get("guidance-now").textContent = Number(get("guidance").value).toFixed(1);
}

function chosenSampling() {
  const [sampler, grid, schedule] = ["sampler", "grid", "schedule"].map((id) => get(id).value);
  const steps = Math.round(Math.min(Math.max(Number(get("steps").value) || 1, 1), 1000));
  get("steps").value = steps;
  return { sampler, grid, schedule, steps, guidance: Number(get("guidance").value) };
}

/* ---- Speaking ---- */

const shownTakes = () => takes.filter((take) => !take.element.hidden);
let turn = 0; // of playing: a new one ends the one before

/** Speak what is chosen, in the takes that have not spoken it already; play those, or else all. */
function speak() {
  if (!about || !document.body.classList.contains("ready")) return;
  const label = chosenLabel();
  const sampling = chosenSampling();
  const shown = shownTakes();
  if (shown.some((take) => take.seed === null))
    return fail("a seed is a whole number of 0 to 4294967295.");
  const wanted = (take) => JSON.stringify([about.name, label, sampling, take.seed]);
  const others = shown.filter((take) => take.wanted !== wanted(take));
  for (const take of others) {
    if (running.has(take.job)) worker.postMessage({ kind: "stop", job: take.job });
    const [job, seed] = [++jobs, take.seed];
    take.wanted = wanted(take);
    take.begin(job, about.mel, sampling.steps);
    take.made = new Promise((resolve) => running.set(job, { take, label, seed, then: resolve }));
    worker.postMessage({ kind: "speak", job, label, seed, sampling });
  }
  if (others.length) say(`Speaking ${label ?? "no word in particular"} …`, null);
  playInTurn(others.length ? others : shown);
}

/** The sounds one after another, each when it is there and the one before has ended. */
async function playInTurn(some) {
  const mine = ++turn;
  for (const take of some) {
    await take.made;
    if (mine !== turn) return;
    if (!(await take.play())) return say("The browser waits for you: press Play to hear it.");
  }
}

/** Speak again where something has changed, once something was spoken. */
function changed() {
  if (jobs) speak();
}

/* ---- Models ---- */

const own = new Map(); // name -> files of models that were dropped
const isShipped = (name) => site.models.some((model) => model.name === name);

/** @param files of `openModel`, or of the server; left out, those of a model of this name */
function open(
  name,
  files = own.get(name) ?? site.models.find((model) => model.name === name).files,
) {
  ready(false);
  for (const take of takes) take.wanted = null;
  opening = files;
  worker.postMessage({ kind: "open", site, name, files });
}

function ready(is) {
  document.body.classList.toggle("ready", is);
  get("speak").disabled = !is;
}

async function openOwn(list) {
  const { name, files } = await exportedAmong(list);
  if (name === null) return fail("give model.safetensors and its model.guided.onnx together.");
  open(name, files);
}

/* ---- Wiring ---- */

const SHORTCUTS = {
  p: () => takes[0].play(),
  b: () => !takes[1].element.hidden && takes[1].play(),
  n: () => takes[0].next(changed),
  c: () => get("compare").click(),
  d: () => takes[0].find("download").href && takes[0].find("download").click(),
};

function wire() {
  takes.push(new Take("A", 0, changed), new Take("B", 1, changed));
  for (const take of takes) get("takes").append(take.element);
  takes[1].element.hidden = true;

  for (const name of Object.keys(SAMPLERS)) get("sampler").add(new Option(name));
  for (const name of Object.keys(TIME_GRIDS)) get("grid").add(new Option(name));
  for (const name of SCHEDULE_NAMES) get("schedule").add(new Option(name));

  get("form").addEventListener("submit", (event) => {
    event.preventDefault();
    speak();
  });
  get("guidance").addEventListener("input", showGuidance);
  for (const id of ["guidance", "steps", "sampler", "grid", "schedule"])
    get(id).addEventListener("change", changed);
  get("recommended").addEventListener("click", () => {
    recommend();
    changed();
  });
  get("compare").addEventListener("change", () => {
    takes[1].element.hidden = !get("compare").checked;
    document.body.classList.toggle("comparing", get("compare").checked);
    changed();
  });
  get("model").addEventListener("change", () => open(get("model").value));
  get("own").addEventListener("change", () => openOwn(get("own").files));
  for (const kind of ["dragover", "drop"])
    addEventListener(kind, (event) => event.preventDefault());
  addEventListener("dragover", () => document.body.classList.add("dropping"));
  for (const kind of ["dragleave", "drop"])
    addEventListener(kind, () => document.body.classList.remove("dropping"));
  addEventListener("drop", async (event) => openOwn(await filesOf(event.dataTransfer)));

  document.addEventListener("keydown", (event) => {
    const writing = event.target.matches(
      "input:not([type=radio], [type=checkbox], [type=range]), select",
    );
    if (writing || event.ctrlKey || event.metaKey || event.altKey || !get("shortcuts").checked)
      return;
    SHORTCUTS[event.key]?.();
  });
}

async function begin() {
  wire();
  say("Looking for models …", null);
  const answer = await fetch("models.json");
  if (!answer.ok) return fail(`models.json: the server says ${answer.status}.`);
  site = await answer.json();
  for (const { name } of site.models) get("model").add(new Option(name));
  open(site.models[0].name);
}

begin().catch((error) => fail(`${error.message}.`));
