/**
 * Attempts of a stage to touch what it has not declared.
 */

/** Each way, on something that no stage is given. @param folder An output of the stage. */
const attempts: Readonly<Record<string, (folder: string) => unknown>> = {
  read: (folder) => Deno.readTextFileSync(`${folder}/../../../format`),
  "read by fetch": (folder) => fetch(`file://${folder}/../../../format`),
  write: (folder) => Deno.writeTextFileSync(`${folder}/../../../format`, "2"),
  link: (folder) => Deno.linkSync(`${folder}/../../../format`, `${folder}/linked`),
  remove: (folder) => Deno.removeSync(`${folder}/../../../format`),
  run: () => new Deno.Command("true").outputSync(),
  "kill the runner": () => Deno.kill(Deno.ppid, "SIGTERM"),
  connect: () => Deno.connect({ hostname: "127.0.0.1", port: 8009 }),
  fetch: () => fetch("http://127.0.0.1:8009/"),
  listen: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  "load a library": (folder) => Deno.dlopen(`${folder}/library.so`, {}),
  "import a file": (folder) => import(`file://${folder}/../../../module.js`),
  "import from elsewhere": () => import(["https://esm.sh", "module.js"].join("/")),
  "start a thread of other code": (folder) =>
    new Promise((_, reject) => {
      const worker = new Worker(`file://${folder}/../../../module.js`, { type: "module" });
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    }),
  environment: () => Deno.env.get("HOME"),
  system: () => Deno.hostname(),
};

/** The same on what instances were given that this process has run before. @param folders An input, an output and checkpoints */
const attemptsAfter: Readonly<Record<string, (folders: readonly string[]) => unknown>> = {
  "read an input of another": ([input]) => Deno.readTextFileSync(`${input}/words.txt`),
  "read checkpoints of another": ([, , checkpoints]) => [...Deno.readDirSync(checkpoints)],
  "write for another": ([, output]) => Deno.writeTextFileSync(`${output}/walk.txt`, "1"),
};

/** What came of each attempt. @param before Folders of an instance that this process has run before, if it has */
export async function trespass(
  folder: string,
  before: readonly string[],
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const ways = [
    ...Object.entries(attempts).map(([way, attempt]) => [way, () => attempt(folder)] as const),
    ...(before.length === 0 ? [] : Object.entries(attemptsAfter))
      .map(([way, attempt]) => [way, () => attempt(before)] as const),
  ];
  for (const [way, attempt] of ways) {
    try {
      await attempt();
      found[way] = "allowed";
    } catch (error) {
      found[way] = String(error);
    }
  }
  return found;
}
