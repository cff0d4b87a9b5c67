/**
 * Reads a GGUF file by npm `@huggingface/gguf`, which the hub's pages use: a JSON object `{ library, path }` on standard input, the
 * package and a file; what it found on standard output. Runs under Deno without this project's configuration.
 */
const { library, path } = await new Response(Deno.stdin.readable).json();
const { gguf } = await import(library);
const found = await gguf(path, { allowLocalFile: true, computeParametersCount: true });
console.log(JSON.stringify(found, (_, value) => typeof value === "bigint" ? Number(value) : value));
