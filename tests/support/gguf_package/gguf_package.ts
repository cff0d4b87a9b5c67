/** npm `@huggingface/gguf` in a process of its own. */
import { packageMissing, runApart } from "../package_apart.ts";

const library = "npm:@huggingface/gguf@0.4.6";

interface ReadFile {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tensorInfos: readonly {
    readonly name: string;
    /** Innermost first. */
    readonly shape: readonly number[];
    /** 0 for F32, 1 for F16. */
    readonly dtype: number;
  }[];
  readonly parameterCount: number;
}

/** Fetches the package unless it is there. Returns why it cannot be had, or undefined. */
export const ggufPackageMissing = () => packageMissing(library);

export async function readByPackage(path: string): Promise<ReadFile> {
  return await runApart(new URL("read_file.ts", import.meta.url), { library, path }) as ReadFile;
}
