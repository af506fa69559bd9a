/** What a visitor does with the page. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, opened, pressWord, ready, spoken, text, WIDE } from "./browser.mjs";

const { URL_ISOLATED, URL_STATIC, EXPORTED, OTHER_GRAPH, SCREENSHOTS } = process.env;
const PHONE = { width: 390, height: 844, isMobile: true, hasTouch: true };

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** A test with a page of its own, on which nothing may have gone wrong. */
function visit(name, action, url = URL_ISOLATED, viewport = WIDE) {
  test(name, async () => {
    const page = await opened(browser, url, viewport);
    await action(page);
    assert.deepEqual(page.problems, []);
    await page.close();
  });
}

const shot = async (page, name) => {
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
};

visit("a word by one press: picture step by step, sound, file", async (page) => {
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  const [take] = await spoken(page, () => pressWord(page, "seven"));
  assert.deepEqual([take.label, take.seed, take.heard], ["seven", 0, "seven"]);
  assert.equal(take.audio.length, 16000);
  assert.match(await text(page, ".heard"), /The classifier hears seven, \d+ %/);
  assert.match(await text(page, "#status"), /^seven, seed 0, heard as seven: \d+\.\d s$/);

  const picture = () => page.$eval(".picture", (canvas) => canvas.toDataURL());
  const [word, at] = [await picture(), await text(page, ".where")];
  assert.equal(at, "step 16 of 16");
  await page.focus("#step-A");
  await page.keyboard.press("Home");
  assert.equal(await text(page, ".where"), "noise");
  assert.notEqual(await picture(), word);
  await page.keyboard.press("End");
  assert.equal(await picture(), word);

  const folder = mkdtempSync(join(tmpdir(), "scoresubnet-"));
  const session = await page.createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder });
  await page.keyboard.press("d");
  const file = join(folder, "seven-0.wav");
  for (let k = 0; k < 100 && !existsSync(file); k++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(readFileSync(file).length, 44 + 2 * 16000);
  rmSync(folder, { recursive: true });
  await page.waitForFunction(() => document.querySelector(".sound").ended);
});

visit("by keyboard alone", async (page) => {
  for (let k = 0; k < 2; k++) await page.keyboard.press("Tab"); // past the link to the words
  assert.equal(await page.evaluate(() => document.activeElement.value), "zero");
  await page.keyboard.press("ArrowRight");
  const [one] = await spoken(page, () => page.keyboard.press("Enter"));
  assert.equal(one.label, "one");
  const [next] = await spoken(page, () => page.keyboard.press("n"));
  assert.deepEqual([next.label, next.seed], ["one", 1]);
  const both = await spoken(page, () => page.keyboard.press("c"), 1);
  assert.equal(both[0].seed, 1); // take B
  await page.keyboard.press("c");
  await page.focus("#guidance");
  const [stronger] = await spoken(page, () => page.keyboard.press("ArrowRight"));
  assert.notDeepEqual(stronger.x, next.x);
  await page.click("details:nth-of-type(3) summary");
  await page.click("#shortcuts");
  await page.keyboard.press("c");
  assert.equal(await page.$eval("#compare", (box) => box.checked), false);
  const ring = await page.$eval("#shortcuts", (box) => getComputedStyle(box).outlineStyle);
  assert.equal(ring, "solid");
});

visit("two seeds side by side, the first kept as it is", async (page) => {
  await spoken(page, () => pressWord(page, "happy"));
  const [other] = await spoken(page, () => page.click("#compare"));
  assert.deepEqual([other.label, other.seed], ["happy", 1]);
  const tops = await page.$$eval(".take", (takes) =>
    takes.map((take) => take.getBoundingClientRect().top),
  );
  assert.equal(tops[0], tops[1]);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await page.evaluate(() => window.scrollTo(0, 0));
  await shot(page, "dark");
});

visit("every setting of the sampling, and no word", async (page) => {
  await page.click("details summary");
  const [fewer] = await spoken(page, async () => {
    await page.select("#sampler", "ddim");
    await page.select("#grid", "log-snr");
    await page.select("#schedule", "adaptive");
    await page.$eval("#steps", (input) => (input.value = 4));
    await page.click("#words label:last-child input");
  });
  assert.equal(fewer.label, null);
  assert.equal(await text(page, ".where"), "step 4 of 4");
  await page.click("#recommended");
  assert.equal(await page.$eval("#steps", (input) => input.value), "16");
});

visit("a wrong seed is refused", async (page) => {
  await page.$eval("#seed-A", (input) => (input.value = "-1"));
  await pressWord(page, "go");
  assert.match(await text(page, "#status"), /a seed is a whole number/);
  assert.equal(await page.$eval("#seed-A", (input) => input.getAttribute("aria-invalid")), "true");
});

visit("another model of the server, in two scripts", async (page) => {
  await page.$eval(".more", (more) =>
    more.querySelectorAll("details").forEach((each) => (each.open = true)),
  );
  await page.select("#model", "arabic16-small");
  await page.waitForFunction(() => document.querySelector("#words input")?.value === "sifr");
  assert.match(await text(page, "#words label"), /sifr\s+صفر/);
  const [take] = await spoken(page, () => pressWord(page, "naam"));
  assert.equal(take.heard, "naam");
});

visit("your own model, as scoresubnet export writes it", async (page) => {
  const files = readdirSync(EXPORTED).map((name) => `${EXPORTED}/${name}`);
  const chooser = await page.$("#own");
  await chooser.uploadFile(...files);
  await page.waitForFunction(() => document.querySelector("#words input")?.value === "ja");
  const [take] = await spoken(page, () => pressWord(page, "nein"));
  assert.equal(take.label, "nein");
  assert.match(await page.$eval("#model", (select) => select.selectedOptions[0].text), /yours/);

  // Dropped as a folder, which a test can only pretend to do.
  await page.select("#model", "words18-small");
  await page.waitForFunction(() => document.querySelector("#words input")?.value === "zero");
  await ready(page);
  await page.evaluate(async () => {
    const given = [...document.querySelector("#own").files];
    const entries = given.map((file) => ({ isFile: true, file: (done) => done(file) }));
    const folder = {
      isFile: false,
      createReader: () => ({ readEntries: (done) => done(entries) }),
    };
    const drop = new Event("drop", { bubbles: true, cancelable: true });
    drop.dataTransfer = { items: [{ webkitGetAsEntry: () => folder }] };
    document.body.dispatchEvent(drop);
  });
  await page.waitForFunction(() => document.querySelector("#words input")?.value === "ja");
  await ready(page);

  // Half of it, or a graph of other weights: said, and the model before stays.
  await chooser.uploadFile(files.find((name) => name.endsWith(".safetensors")));
  await page.waitForSelector("#status.failed");
  assert.match(await text(page, "#status"), /graph \.guided\.onnx is missing/);
  await chooser.uploadFile(
    files.find((name) => name.endsWith(".safetensors")),
    OTHER_GRAPH,
  );
  await page.waitForFunction(() =>
    /export it again/.test(document.querySelector("#status").textContent),
  );
  await ready(page);
  await spoken(page, () => pressWord(page, "ja"));
});

visit(
  "any static host, without threads",
  async (page) => {
    assert.equal(await page.evaluate(() => crossOriginIsolated), false);
    const [take] = await spoken(page, () => pressWord(page, "two"));
    assert.equal(take.heard, "two");
    await page.evaluate(() => window.scrollTo(0, 0));
    await shot(page, "light");
  },
  URL_STATIC,
);

visit(
  "a phone's width",
  async (page) => {
    await page.click("#compare");
    await spoken(page, () => pressWord(page, "cat"), 2);
    await page.$eval(".more", (more) =>
      more.querySelectorAll("details").forEach((each) => (each.open = true)),
    );
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    const small = await page.$$eval("button, #words label, select", (all) =>
      all
        .filter((each) => each.offsetParent && each.getBoundingClientRect().height < 44)
        .map((each) => each.textContent),
    );
    assert.deepEqual(small, []);
    await page.click("#compare");
    await page.$eval(".more", (more) =>
      more.querySelectorAll("details").forEach((each) => (each.open = false)),
    );
    await page.evaluate(() => window.scrollTo(0, 0));
    await shot(page, "phone");
  },
  URL_ISOLATED,
  PHONE,
);

visit("every control has a name", async (page) => {
  const tree = await page.accessibility.snapshot();
  const nameless = [];
  const look = (node) => {
    const controls = [
      "button",
      "radio",
      "checkbox",
      "slider",
      "spinbutton",
      "combobox",
      "link",
      "image",
    ];
    if (controls.includes(node.role) && !node.name) nameless.push(node.role);
    node.children?.forEach(look);
  };
  look(tree);
  assert.deepEqual(nameless, []);
});

test("text stands out from its ground, in light and dark", async () => {
  const page = await opened(browser, URL_ISOLATED);
  for (const value of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
    const weak = await page.evaluate(() => {
      const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
      const luminance = (colour) => {
        const [r, g, b] = numbers(colour)
          .map((v) => v / 255)
          .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = (element) => {
        for (let each = element; each; each = each.parentElement) {
          const { backgroundColor } = getComputedStyle(each);
          if (numbers(backgroundColor)[3] !== 0) return backgroundColor;
        }
        return "rgb(255, 255, 255)";
      };
      return [
        ...document.querySelectorAll("h1, p, label, summary, button:not(:disabled), a, .axis span"),
      ]
        .filter((each) => each.offsetParent && each.textContent.trim())
        .map((each) => {
          const pair = [luminance(getComputedStyle(each).color), luminance(ground(each))].sort(
            (a, b) => b - a,
          );
          return [each.textContent.trim().slice(0, 30), (pair[0] + 0.05) / (pair[1] + 0.05)];
        })
        .filter(([, contrast]) => contrast < 4.5);
    });
    assert.deepEqual(weak, [], value);
  }
  await page.close();
});
