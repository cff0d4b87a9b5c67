import assert from "node:assert/strict";
import { packageOf, Packages } from "../../pipeline/packages.ts";
import { projectRoot } from "../support/paths.ts";

Deno.test("packageOf() takes the package out of an import specifier", () => {
  assert.equal(packageOf("yaml"), "yaml");
  assert.equal(packageOf("apache-arrow/ipc/reader"), "apache-arrow");
  assert.equal(packageOf("@scope/name/deep"), "@scope/name");
  assert.equal(packageOf("npm:/zod@4.6.7/v4"), "zod@4.6.7");
  assert.equal(packageOf("node:fs"), undefined);
});

Deno.test("deno.lock pins every package that the project imports, with its integrity", () => {
  const { imports } = JSON.parse(Deno.readTextFileSync(`${projectRoot}/deno.json`));
  // What is missing here is added when it is first imported, and would then change keys.
  for (const name of Object.keys(imports)) {
    const locked = new Packages(projectRoot).closure([name]);
    for (const [each, text] of Object.entries(locked)) {
      assert.match(text, /^\S+ sha512-/, `${each}, needed by ${name}: run deno install`);
    }
  }
});
