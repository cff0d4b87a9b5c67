import assert from "node:assert/strict";
import { inTemporaryFolder, toyCommandLine } from "../support/toy_cli.ts";

Deno.test({
  name: "run: a low limit of open files is named, without a stack",
  ignore: Deno.build.os === "windows", // has no such limit
  async fn() {
    await inTemporaryFolder(async (store) => {
      const [program, ...args] = toyCommandLine(store, ["run"]);
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", 'ulimit -n 24 && exec "$0" "$@"', program, ...args],
      }).output();
      assert.equal(code, 1);
      assert.match(
        new TextDecoder().decode(stderr),
        /^error: Cannot .*: found a limit on open files \(ulimit -n\); raise it.*\n$/,
      );
    });
  },
});
