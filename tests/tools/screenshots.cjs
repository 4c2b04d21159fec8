// Copyright (c) 2026, the flyover contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// screenshots.cjs CHROMIUM FOLDER: take a picture of each of FOLDER/pages/*.html, and of each of FOLDER/*.svg.
// Fails if axe-core finds a violation, a page asks for anything from outside, or is wider than its window.
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const puppeteer = require("puppeteer-core");
const axe = fs.readFileSync(require.resolve("axe-core"), "utf8");

const [chromium, folder] = process.argv.slice(2);
const WIDTHS = { 1280: 900, 390: 844 };
let wrong = 0;

async function look(browser, file, width, scheme) {
  const page = await browser.newPage();
  const asked = [];
  page.on("request", (request) => request.url().startsWith("file:") || asked.push(request.url()));
  await page.setViewport({ width, height: WIDTHS[width], isMobile: width < 500, hasTouch: width < 500 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(pathToFileURL(path.join(folder, "pages", file)).href);
  const picture = `${path.parse(file).name}-${width}-${scheme}`;
  await page.screenshot({ path: path.join(folder, `${picture}.png`), fullPage: true });
  await page.screenshot({ path: path.join(folder, `${picture}-top.png`) });
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => axe.run());
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const kB = Math.round(fs.statSync(path.join(folder, `${picture}.png`)).size / 1000);
  console.log(`| ${picture} | ${kB} | ${passes.length} | ${violations.length} | ${asked.length} | ${Math.max(wider, 0)} |`);
  for (const one of violations) {
    for (const node of one.nodes) console.log(`  ${one.id}: ${one.help}: ${node.html.slice(0, 200)}: ${node.failureSummary}`);
  }
  for (const url of asked) console.log(`  asked for ${url}`);
  if (violations.length || asked.length || wider > 0) wrong += 1;
  await page.close();
}

async function main() {
  const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--hide-scrollbars"] });
  console.log("| picture | kB | axe-core passes | violations | requests | pixels too wide |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const file of fs.readdirSync(path.join(folder, "pages")).filter((name) => name.endsWith(".html")))
    for (const width of Object.keys(WIDTHS).map(Number))
      for (const scheme of ["light", "dark"]) await look(browser, file, width, scheme);
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".svg"))) {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(path.join(folder, file)).href);
    await (await page.$("svg")).screenshot({ path: path.join(folder, `${path.parse(file).name}.png`) });
  }
  await browser.close();
  process.exitCode = wrong ? 1 : 0;
}

main();
