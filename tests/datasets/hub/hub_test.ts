import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  globPattern,
  isRemote,
  listHub,
  parseHubReference,
  remotePath,
  RemoteStore,
} from "../../../datasets/hub/mod.ts";
import { HttpClient } from "../../../datasets/http/mod.ts";
import { UsageError } from "../../../base/mod.ts";
import { temporaryFolder } from "../../support/command_line.ts";
import { HubServer, sha256 } from "../../support/hub_server.ts";

const text = (content: string) => new TextEncoder().encode(content);
const hasty = { firstDelayMs: 1, maxDelayMs: 2, maxAttempts: 3 };
const files = Object.fromEntries(
  Array.from({ length: 5 }, (_, i) => [`en/c4-train.0000${i}.json.gz`, text(`part ${i}`)]),
);

function hub(options = {}): HubServer {
  const server = new HubServer();
  server.addDataset("allenai/c4", { ...files, "en/README.md": text("#") }, {
    folder: "en",
    ...options,
  });
  return server;
}

Deno.test("parseHubReference() takes a revision or main, and says what it expects", () => {
  deepStrictEqual(parseHubReference("hf://datasets/allenai/c4/en/*.json.gz"), {
    owner: "allenai",
    name: "c4",
    revision: "main",
    glob: "en/*.json.gz",
  });
  strictEqual(
    parseHubReference("hf://datasets/a/b@refs%2Fconvert%2Fparquet/x").revision,
    "refs/convert/parquet",
  );
  throws(() => parseHubReference("hf://models/a/b/c"), UsageError);
  throws(() => parseHubReference("hf://datasets/a"), /expected hf:\/\/datasets\/<owner>\/<name>/);
  ok(isRemote("https://x.y/z") && isRemote("hf://datasets/a/b/c") && !isRemote("a/b.jsonl"));
  strictEqual(remotePath("https://x.y/a/b.jsonl.gz?download=true"), "/a/b.jsonl.gz");
});

Deno.test("globPattern() stays in a folder with *, and leaves it with **", () => {
  const matches = (glob: string, path: string) => globPattern(glob).test(path);
  ok(matches("en/*.gz", "en/a.gz") && !matches("en/*.gz", "en/x/a.gz"));
  ok(matches("**/*.gz", "a.gz") && matches("**/*.gz", "en/x/a.gz"));
  ok(matches("train/0[0-3].zst", "train/02.zst") && !matches("train/0[0-3].zst", "train/04.zst"));
  ok(matches("{val,test}.zst", "test.zst") && !matches("{val,test}.zst", "train.zst"));
  ok(matches("a?c+(1).gz", "abc+(1).gz") && !matches("a.c", "abc"));
  throws(() => globPattern("{a,b"), /expected "}"/);
});

Deno.test("listHub() lists all pages of the folder, sorted, with sizes and checksums", async () => {
  await using server = hub({ pageSize: 2 });
  const reference = parseHubReference("hf://datasets/allenai/c4/en/c4-train.*.json.gz");
  const listed = await listHub(reference, new HttpClient(hasty), `${server.url}/`);
  deepStrictEqual(listed.map(({ path }) => path), Object.keys(files));
  strictEqual(listed[0].sha256, sha256(files["en/c4-train.00000.json.gz"]));
  strictEqual(listed[0].size, 6);
  strictEqual(server.requests.length, 3);
  await rejects(
    listHub({ ...reference, glob: "en/*.parquet" }, new HttpClient(hasty), server.url),
    /expected files of that name, found others, as "en\/README.md"/,
  );
  await rejects(
    listHub({ ...reference, name: "c5" }, new HttpClient(hasty), server.url),
    /api\/datasets\/allenai\/c5\/tree\/main\/en": expected status 200, found 404/,
  );
});

Deno.test("listHub() refuses a page that is no list", async () => {
  await using server = hub();
  const page = "/api/datasets/allenai/c4/tree/main/en?recursive=true";
  const reference = parseHubReference("hf://datasets/allenai/c4/en/*");
  for (
    const [body, expected] of [["<html>", /expected JSON/], [
      '{"error": 1}',
      /expected a list of files/,
    ]] as const
  ) {
    server.pages.set(page, { body });
    await rejects(listHub(reference, new HttpClient(hasty), server.url), expected);
  }
});

Deno.test("RemoteStore fetches what it lists, and needs no network for it again", async () => {
  const commit = "a".repeat(40);
  await using server = hub({ revision: commit });
  using folder = temporaryFolder();
  const options = { hub: server.url, cacheFolder: folder.path, ...hasty };
  const pattern = `hf://datasets/allenai/c4@${commit}/en/c4-train.0000[01].json.gz`;
  const contents = async () => {
    const store = new RemoteStore(options);
    const found = [];
    for (const file of await store.list(pattern)) {
      found.push(`${file.name} ${Deno.readTextFileSync((await store.fetch(file)).path)}`);
    }
    return found;
  };
  const first = await contents();
  deepStrictEqual(first, ["c4-train.00000.json.gz part 0", "c4-train.00001.json.gz part 1"]);
  const { length } = server.requests;
  deepStrictEqual(await contents(), first);
  strictEqual(server.requests.length, length); // a commit never changes
});

Deno.test("RemoteStore sends a token of the environment to the hub, not to where it redirects", async () => {
  await using server = hub();
  await using store = new HubServer();
  store.files.set("/blob", { bytes: text("signed") });
  const path = "/datasets/allenai/c4/resolve/main/en/c4-train.00000.json.gz";
  server.redirects.set(path, `${store.url}/blob?signature=x`);
  using folder = temporaryFolder();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      `
      import { RemoteStore } from "${import.meta.resolve("../../../datasets/hub/mod.ts")}";
      const store = new RemoteStore();
      const [file] = await store.list("hf://datasets/allenai/c4/en/c4-train.00000.json.gz");
      console.log(Deno.readTextFileSync((await store.fetch(file)).path));`,
    ],
    env: { HF_TOKEN: "hush", DEPT_HUB_URL: server.url, DEPT_CACHE: folder.path, NO_COLOR: "1" },
  });
  const { stdout, stderr } = await child.output();
  strictEqual(new TextDecoder().decode(stdout), "signed\n", new TextDecoder().decode(stderr));
  ok(server.requests.every(({ headers }) => headers.authorization === "Bearer hush"));
  ok(store.requests.length > 0 && store.requests.every(({ headers }) => !headers.authorization));
});

/** Runs `act` with variables of the environment. */
async function withEnvironment(
  variables: Readonly<Record<string, string>>,
  act: () => Promise<void> | void,
): Promise<void> {
  const names = Object.keys(variables);
  const before = names.map((name) => Deno.env.get(name));
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    await act();
  } finally {
    for (const [i, name] of names.entries()) {
      if (before[i] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[i]);
    }
  }
}

Deno.test("RemoteStore sends no token to a hub that a recipe names, unless the environment names it too", async () => {
  await using server = hub();
  using folder = temporaryFolder();
  const pattern = "hf://datasets/allenai/c4/en/*.gz";
  const named = { ...hasty, hub: server.url, cacheFolder: folder.path };
  const tokens = async (variables: Readonly<Record<string, string>>) => {
    const before = server.requests.length;
    await withEnvironment(variables, async () => {
      const store = new RemoteStore(named);
      const [file] = await store.list(pattern);
      await store.fetch(file);
    });
    return [...new Set(server.requests.slice(before).map((r) => r.headers.authorization))];
  };
  deepStrictEqual(await tokens({ HF_TOKEN: "hush", DEPT_HUB_URL: "" }), [undefined]);
  const trusted = { HF_TOKEN: "hush\n", DEPT_HUB_URL: `${server.url}/` };
  deepStrictEqual(await tokens(trusted), ["Bearer hush"]); // as a file gives it, with a line feed
  await withEnvironment({ HF_TOKEN: "hu sh" }, () => {
    throws(() => new RemoteStore(named), (error: Error) => {
      ok(error instanceof UsageError && !error.message.includes("hu sh"), error.message);
      return true;
    });
  });
});

Deno.test("listHub() ends where pages go round in a circle", async () => {
  await using server = hub();
  const tree = "/api/datasets/allenai/c4/tree/main/en?recursive=true";
  const link = (cursor: number) => ({ link: `<${tree}&cursor=${cursor}>; rel="next"` });
  const reference = parseHubReference("hf://datasets/allenai/c4/en/*.gz");
  server.pages.set(tree, { body: "[]", headers: link(1) });
  server.pages.set(`${tree}&cursor=1`, { body: "[]", headers: link(1) });
  const client = new HttpClient(hasty);
  await rejects(listHub(reference, client, server.url), /expected other pages, found the same/);
});

Deno.test("names of remote files stay inside a folder, and odd ones are no stack", async () => {
  await using server = new HubServer();
  server.addDataset("o/n", { "100%.jsonl": text("{}"), "a%20b.jsonl": text("{}") });
  using folder = temporaryFolder();
  const store = new RemoteStore({ ...hasty, hub: server.url, cacheFolder: folder.path });
  const names = async (pattern: string) => (await store.list(pattern)).map(({ name }) => name);
  deepStrictEqual(await names("hf://datasets/o/n/*.jsonl"), ["100%.jsonl", "a%20b.jsonl"]);
  deepStrictEqual(await names(`${server.url}/x/..%2F..%2Ftokenizer.json`), ["tokenizer.json"]);
  deepStrictEqual(await names(`${server.url}/x/100%.jsonl?a=b`), ["100%.jsonl"]);
  await rejects(store.list("http://["), UsageError);
  throws(() => remotePath("https://"), UsageError);
  throws(() => globPattern("[z-a].json"), /expected characters in ascending order/);
  strictEqual(parseHubReference("hf://datasets/o/n@5%/x").revision, "5%");
});

Deno.test("a kept listing that is damaged is asked for again", async () => {
  await using server = hub();
  using folder = temporaryFolder();
  const store = new RemoteStore({ ...hasty, hub: server.url, cacheFolder: folder.path });
  const pattern = `hf://datasets/allenai/c4@main/en/c4-train.0000[01].json.gz`;
  await store.list(pattern);
  const [{ name }] = [...Deno.readDirSync(`${folder.path}/listings`)];
  server.pages.clear(); // the hub has no answer any more
  for (const damaged of ["null", "[null]", '[{"path": 5}]', "{"]) {
    Deno.writeTextFileSync(`${folder.path}/listings/${name}`, damaged);
    await rejects(store.list(pattern), /expected status 200, found 404/);
  }
});

Deno.test("RemoteStore refuses a hub that is no URL", () => {
  throws(() => new RemoteStore({ hub: "hub" }), UsageError);
  match(new RemoteStore({ cacheFolder: "/x" }).folder, /^\/x$/);
});
