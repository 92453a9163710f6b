/**
 * Firefox for the tests, with a profile of its own: node drive.js PATH. Each line that comes in is an order,
 * {"open": url}, {"evaluate": script}, {"click": selector}, {"reload": true} or {"errors": true}; each line that goes out
 * answers one, {"value": ...} or {"error": sentence}. Ends with its input.
 */

import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  browser: "firefox",
  protocol: "webDriverBiDi",
  executablePath: process.argv[2],
  headless: true,
});
const page = await browser.newPage();
/** @type {string[]} */
const errors = [];
page.on("pageerror", (error) => errors.push(String(error)));
page.on("console", (line) => line.type() === "error" && errors.push(line.text()));

const orders = /** @type {Record<string, (value: any) => Promise<unknown>>} */ ({
  open: async (url) => void (await page.goto(url)),
  reload: async () => void (await page.reload()),
  evaluate: (script) => page.evaluate(script),
  click: (selector) => page.click(selector),
  errors: async () => errors,
});
for await (const line of createInterface({ input: process.stdin })) {
  const [[name, value]] = Object.entries(JSON.parse(line));
  const answer = await orders[name](value).then(
    (value) => ({ value: value ?? null }),
    (error) => ({ error: String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
