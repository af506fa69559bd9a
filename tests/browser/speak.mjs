/** node speak.mjs URL OUT WORD:SEED ... : speaks words in the page; OUT/<word>-<seed>.json has each. */
import { writeFileSync } from "node:fs";

import { launch, opened, pressWord, spoken } from "./browser.mjs";

const [url, out, ...wanted] = process.argv.slice(2);
const browser = await launch();
const began = performance.now();
const page = await opened(browser, url);
const report = { ready: (performance.now() - began) / 1e3, seconds: [] };
for (const each of wanted) {
  const [word, seed] = each.split(":");
  const [take] = await spoken(page, async () => {
    // As typed, but without the event that speaks at once: the press on the word does.
    await page.$eval("#seed-A", (input, seed) => (input.value = seed), seed);
    await pressWord(page, word);
  });
  report.seconds.push(take.seconds);
  writeFileSync(`${out}/${word}-${seed}.json`, JSON.stringify(take));
}
report.problems = page.problems;
writeFileSync(`${out}/report.json`, JSON.stringify(report));
await browser.close();
