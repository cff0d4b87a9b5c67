/**
 * The command `report` over real results: the same results give the same bytes, a browser has nothing to complain about, a run that
 * goes on is shown, and what stands in results stays text.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import axe from "axe-core";
import { project } from "../../commands/dept.ts";
import { runCommandLine } from "../../commands/main.ts";
import { markup, pageHtml, recordsOf, reportOf, serveReport } from "../../commands/report/mod.ts";
import { openSession } from "../../commands/session.ts";
import type { Page } from "../../stages/page/mod.ts";
import { BrowserPage, browserProgram } from "../support/browser.ts";
import { captured } from "../support/captured.ts";
import { makeReportStore, reportOptions } from "../support/report_store.ts";

const folder = Deno.makeTempDirSync({ prefix: "dept-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const stores = ["one", "two"].map((name) => join(folder, name));
for (const store of stores) await makeReportStore(store);

async function report(store: string, name: string, ...more: string[]): Promise<string> {
  const file = join(folder, `${name}.html`);
  const line = ["report", "-o", file, ...reportOptions, "--store", store, ...more];
  const { code, stderr, stdout } = await captured(() =>
    runCommandLine(line, () => Promise.resolve(project))
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /The report is in .*\.html/);
  return Deno.readTextFileSync(file);
}

const unless = browserProgram === undefined
  ? ": skipped: no browser (apt-get install -y chromium-headless-shell)"
  : "";

Deno.test("report --reproducible: results that were made twice give the same bytes", async () => {
  const one = await report(stores[0], "same", "--reproducible");
  const two = await report(stores[1], "same", "--reproducible");
  assert.equal(one, two);
  assert.doesNotMatch(
    one,
    new RegExp(`${folder}|${Deno.hostname()}|20\\d\\d-\\d\\d-\\d\\d|Timeline`),
  );
});

Deno.test("report shows all that there is, and where every number comes from", async () => {
  const page = await report(stores[0], "whole");
  const sections = [...page.matchAll(/<section id="([a-z]+)"/g)].map(([, id]) => id);
  assert.deepEqual(sections, [
    "learnt",
    "results",
    "training",
    "averaging",
    "costs",
    "data",
    "making",
  ]);
  const figures = [...page.matchAll(/<figure class="part" id="figure-([a-z]+)"/g)].map(([, id]) =>
    id
  );
  assert.deepEqual(figures, ["learning", "stability", "scaling", "drift", "costs", "overlap"]);
  assert.match(page, /Timeline/);
  // Twelve steps of a model of width 8 know less than counts of its text.
  assert.match(page, /Beware: <\/span>After continuation [^<]* worse than counted words \(unigram/);
  assert.match(page, /95 % interval/);
  const places = new Set([...page.matchAll(/id="made-(\d+)"/g)].map(([, place]) => place));
  const named = [...page.matchAll(/data-from="([\d ]+)"/g)].flatMap(([, from]) => from.split(" "));
  assert.ok(named.length > 100, `${named.length} origins`);
  assert.deepEqual(named.filter((place) => !places.has(place)), []);
  const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
  assert.deepEqual(links.filter((id) => !page.includes(` id="${id}"`)), []);
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assert.deepEqual(ids.filter((id, i) => ids.indexOf(id) !== i), []);
  const outside = page.replaceAll(/http:\/\/www\.w3\.org\/\d+\/\w+/g, "").match(
    /(https?:)?\/\/[a-z]/g,
  );
  assert.equal(outside, null);
});

Deno.test("report of a run that is not done is of what there is; of nothing it is refused", async () => {
  const more = ["--set", "pretrain.rounds=3"]; // text is there, models are not
  const page = await report(stores[0], "part", ...more);
  assert.match(page, /Nothing is evaluated yet/);
  assert.match(page, /id="examples"/);
  assert.match(page, /Not shown: [^<]*drift[^<]*<\/summary>/i);
  assert.match(page, /<td class="text">not there<\/td>/);
  const { code, stderr } = await captured(() =>
    runCommandLine(
      ["report", "-o", join(folder, "none.html"), ...reportOptions, "--store", join(folder, "no")],
      () => Promise.resolve(project),
    )
  );
  assert.equal(code, 2);
  assert.match(
    stderr,
    /Cannot make a report: expected results of "tiny" in .*, found none; do: deno task/,
  );
});

Deno.test(
  `report in a browser: no complaint, no request, nothing that keeps readers out${unless}`,
  {
    ignore: browserProgram === undefined,
  },
  async () => {
    await report(stores[0], "seen");
    const url = `file://${join(folder, "seen.html")}`;
    for (const [width, isDark] of [[360, true], [800, false], [1280, false]] as const) {
      await using page = await BrowserPage.open({ width, isDark });
      await page.goTo(url);
      const overflow =
        "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      assert.equal(await page.evaluate(overflow), 0, `wider than ${width} pixels`);
      if (width !== 800) {
        await page.evaluate("document.querySelectorAll('details').forEach((it) => it.open = true)");
        assert.deepEqual(await seriousFindings(page), [], `at ${width} pixels`);
      }
      if (width === 1280) await checkOrigins(page);
      assert.deepEqual(page.problems, []);
      assert.deepEqual(page.requests.filter((it) => !it.startsWith("data:")), [url]);
    }
  },
);

/** What axe-core calls serious or critical, with the places. */
async function seriousFindings(page: BrowserPage): Promise<string[]> {
  await page.evaluate(`${axe.source}; 0`);
  return await page.evaluate(`axe.run().then(({ violations }) => violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(" | ")))`);
}

/** A link that has the focus shows what its row is made from; Escape hides it; following it opens the list. */
async function checkOrigins(page: BrowserPage): Promise<void> {
  await page.evaluate("document.querySelectorAll('details').forEach((it) => it.open = false)");
  await page.evaluate(
    "[...document.querySelectorAll('#table-bits-random tbody a')].at(-1).focus()",
  );
  const shown = await page.evaluate<string>("document.getElementById('origin').innerText");
  assert.match(shown, /evaluate\/trim\/random[\s\S]*key: [0-9a-f]{16}[\s\S]*processor: /);
  await page.press("Escape");
  assert.equal(await page.evaluate("document.getElementById('origin').hidden"), true);
  await page.evaluate("document.activeElement.click()");
  await page.until("document.getElementById('provenance-list').open");
}

Deno.test("report --serve: loopback only, to be read only, and new when there is more", async () => {
  const options = {
    recipe: reportOptions[1],
    set: [...reportOptions].filter((_, i) => i % 2 === 1).slice(1),
  };
  const session = await openSession(project, { ...options, store: stores[1] }, {
    create: false,
    targets: ["report/recipe"],
  });
  const ending = new AbortController();
  const listening = Promise.withResolvers<string>();
  const served = serveReport(session, reportOf(session, undefined), {
    port: 0,
    isReproducible: false,
    command: "deno task pipeline report",
    onListen: listening.resolve,
    signal: ending.signal,
  });
  const url = await listening.promise;
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const [before, all] = await madeIn(url);
  assert.equal(before, all);
  const asked = async (init: RequestInit, path = "") => {
    const answer = await fetch(url + path, init);
    await answer.body?.cancel();
    return answer.status;
  };
  assert.equal(await asked({ method: "POST" }), 405);
  assert.equal(await asked({}, "objects"), 404);
  assert.equal(await statusFor(new URL(url).port, "elsewhere.example"), 403);
  const [first] = [...session.store.manifests()].filter(({ instance }) =>
    instance === "evaluate/trim/random"
  );
  Deno.renameSync(session.store.manifestPath(first.key), join(folder, "away"));
  const [less] = await madeIn(url);
  assert.ok(less < before, `${less} of ${before}`);
  Deno.renameSync(join(folder, "away"), session.store.manifestPath(first.key));
  assert.deepEqual(await madeIn(url), [before, all]);
  ending.abort();
  await served;
});

/** How many results a served page says are made, and of how many. */
async function madeIn(url: string): Promise<number[]> {
  const text = await (await fetch(url)).text();
  return /<strong>(\d+) of (\d+) results/.exec(text)!.slice(1).map(Number);
}

/** The status for a request that names another host: \`fetch\` would not send one. */
async function statusFor(port: string, host: string): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await connection.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
  const bytes = new Uint8Array(64);
  await connection.read(bytes);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(new TextDecoder().decode(bytes))![1]);
}

Deno.test("pageHtml() shows what stands in results as text, whatever it is", () => {
  const evil = `</script><script>alert(1)</script><img src=x onerror='alert("2")'>\u0000\u001b[31m`;
  const table = {
    ...{ name: "bits", title: evil, columns: ["", evil], notes: [evil], mark: evil },
    rows: [{ label: evil, cells: [{ value: evil, paper: evil, best: true }] }],
  };
  const page: Page = {
    format: 1,
    recipe: { name: evil, description: evil, facts: [[evil, evil]] },
    statements: [{ tone: "bad", text: evil, from: [] }],
    sections: [{
      ...{ id: "results", title: evil, intro: evil },
      parts: [
        { kind: "table", table, origins: {} },
        { kind: "absent", title: evil, why: evil },
        {
          kind: "examples",
          sources: [{ source: "a", from: "a#b", texts: [{ text: evil, isCut: true }] }],
        },
      ],
    }],
    styles: {},
  };
  const text = pageHtml(page, recordsOf(new Map(), new Map(), true), {
    isReproducible: true,
    command: evil,
    runs: [],
  });
  assert.equal(text.match(/<script/g)?.length, 1); // the page's own
  assert.doesNotMatch(text, /<img|(?!\n)\p{Cc}/u);
  assert.equal(
    markup`<b>${`"&'`}${null}${false}${[1, markup`<i>`]}</b>`.text,
    "<b>&#34;&#38;&#39;1<i></b>",
  );
});
