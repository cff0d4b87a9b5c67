/** The peer: Debian's PyTorch, when it is installed. */
import { fileURLToPath } from "node:url";

export interface PyTorch {
  /** The interpreter that has it. */
  readonly python: string;
  readonly version: string;
  /** The file of the BLAS library that it loads. */
  readonly blas: string;
}

const installHint = "apt-get install -y python3-torch libopenblas0-pthread";

export const script = fileURLToPath(new URL("./train.py", import.meta.url));

/** What is asked of an interpreter: the version, and which libraries a product loads. */
const probe = `
import json, torch
torch.ones(64, 64) @ torch.ones(64, 64)
paths = {line.split()[-1] for line in open("/proc/self/maps") if "blas" in line or "mkl" in line}
print(json.dumps({"version": torch.__version__, "libraries": sorted(paths)}))
`;

/** PyTorch of Debian's interpreter or the first `python3` that has it, or why there is none. */
export async function findPyTorch(): Promise<PyTorch | string> {
  for (const python of ["/usr/bin/python3", "python3"]) {
    const output = await new Deno.Command(python, { args: ["-c", probe], stderr: "null" }).output()
      .catch(() => undefined);
    if (output === undefined || !output.success) continue;
    const { version, libraries } = JSON.parse(new TextDecoder().decode(output.stdout)) as {
      version: string;
      libraries: string[];
    };
    return judge({ python, version, libraries });
  }
  return `no PyTorch beside it: ${installHint}`;
}

/** The peer, or why it is refused: with the reference BLAS it is some fifty times slower than it can be. */
export function judge(
  { python, version, libraries }: { python: string; version: string; libraries: readonly string[] },
): PyTorch | string {
  const fast = libraries.find((path) => /libopenblas/.test(path)) ??
    libraries.find((path) => /openblas|mkl_|\/blis|atlas/.test(path));
  if (fast !== undefined) return { python, version, blas: fast };
  return `PyTorch ${version} refused: expected OpenBLAS or another fast BLAS, found the reference BLAS (${
    libraries.join(", ") || "none"
  }): apt-get install -y libopenblas0-pthread`;
}
