/** Chromium for the tests: a page that fails the test on any error, and that may reach this machine alone. */
import puppeteer from "puppeteer-core";

export const WIDE = { width: 900, height: 1200 };

export function launch() {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    // Containers have no sandbox of their own to give; the page is ours.
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage"],
  });
}

/** @returns a page that is ready to speak; `page.problems` has what went wrong in it */
export async function opened(browser, url, viewport = WIDE) {
  const page = await browser.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) page.problems.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(blob:)?http:\/\/127\.0\.0\.1:|^data:/.test(request.url()))
      page.problems.push(request.url());
  });
  await page.setViewport(viewport);
  await page.goto(url);
  await ready(page);
  return page;
}

export const ready = (page) => page.waitForSelector("body.ready", { timeout: 120_000 });

/** Do something, and wait for so many takes: what they say, with `x` and `audio` as plain arrays. */
export async function spoken(page, action, count = 1) {
  const takes = await page.evaluateHandle(
    (count) => ({
      all: new Promise((resolve) => {
        const found = [];
        document.addEventListener("spoken", function note({ detail }) {
          found.push({ ...detail, x: [...detail.x], audio: [...detail.audio] });
          if (found.length < count) return;
          document.removeEventListener("spoken", note);
          resolve(found);
        });
      }),
    }),
    count,
  );
  await action();
  return page.evaluate((takes) => takes.all, takes);
}

export const pressWord = (page, word) => page.click(`#words input[value="${word}"]`);
export const text = (page, selector) =>
  page.$eval(selector, (element) => element.textContent.trim());
