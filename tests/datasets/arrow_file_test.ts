import assert from "node:assert/strict";
import { Field, Float64, Schema } from "apache-arrow";
import { join } from "node:path";
import { ArrowFileReader, ArrowFileWriter, float64Column } from "../../datasets/arrow_file.ts";
import { pause } from "../../datasets/documents.ts";
import { sha256OfFile } from "../../base/mod.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

const schema = new Schema([new Field("value", new Float64(), false)]);
const rows = 2 ** 18; // 2 MiB
const batches = 20;

/** Appends batches `from … to`, each of its own number. */
async function write(writer: ArrowFileWriter, from: number, to: number): Promise<void> {
  for (let batch = from; batch < to; batch++) {
    writer.write([float64Column(new Float64Array(rows).fill(batch))]);
    await pause();
  }
}

Deno.test({
  name:
    "ArrowFileWriter: a file that goes to the disk while it grows is whole, also when it is gone on with",
  sanitizeOps: false, // its last stretch may still be on its way
  sanitizeResources: false,
  fn: () =>
    inTemporaryFolder(async (folder) => {
      const [path, other] = ["a.arrow", "b.arrow"].map((name) => join(folder, name));
      {
        using writer = new ArrowFileWriter(path, schema);
        await write(writer, 0, batches);
        writer.finish();
      }
      using reader = new ArrowFileReader(path, { value: "Float64" });
      assert.equal(reader.batches, batches);
      for (let batch = 0; batch < batches; batch++) {
        const { value } = reader.batch(batch);
        assert.deepEqual([value.length, value.get(0), value.get(rows - 1)], [rows, batch, batch]);
      }
      const stopped = new ArrowFileWriter(other, schema);
      await write(stopped, 0, 12);
      const position = stopped.position();
      await write(stopped, 12, 15); // is lost
      stopped[Symbol.dispose]();
      {
        using writer = new ArrowFileWriter(other, schema, position);
        await write(writer, 12, batches);
        writer.finish();
      }
      assert.equal(sha256OfFile(other), sha256OfFile(path));
    }),
});
