/**
 * The settings of `--executor kubernetes:DIR,NAME=VALUE,…`.
 */
import { isAbsolute, join, resolve } from "node:path";
import { UsageError } from "../../base/mod.ts";
import type { KubernetesSettings, KubernetesVolume } from "./kubernetes_manifest.ts";

/** What is the same for all who say nothing else. */
export const kubernetesDefaults = {
  image: `denoland/deno:${Deno.version.deno}`,
  gpus: "0",
  grace: "120",
  deno: "/usr/bin/deno",
  scratch: "/scratch",
};

const names = [...Object.keys(kubernetesDefaults), "namespace", "volume", "deno-dir", "user"];

/** @param text What stands after `kubernetes:`. @throws UsageError */
export function parseKubernetes(text: string): KubernetesSettings {
  const [folder, ...parts] = text.split(",");
  if (folder === "" || folder.includes("=")) {
    throw refusal(text, `a folder for manifests first, as kubernetes:jobs`, `"${folder}"`);
  }
  const said = new Map<string, string[]>();
  for (const part of parts) {
    const [, name, value] = /^([a-z-]+)=(.+)$/s.exec(part) ?? [];
    if (name === undefined || !names.includes(name)) {
      throw refusal(text, `NAME=VALUE with a name of ${names.join(", ")}`, `"${part}"`);
    }
    said.set(name, [...said.get(name) ?? [], value]);
  }
  const last = (name: keyof typeof kubernetesDefaults) =>
    said.get(name)?.at(-1) ?? kubernetesDefaults[name];
  const whole = (name: "gpus" | "grace") => {
    if (/^\d{1,6}$/.test(last(name))) return Number(last(name));
    throw refusal(text, `a whole number as ${name}`, `"${last(name)}"`);
  };
  const own = `${Deno.uid()}:${Deno.gid()}`;
  const [, user, group] = /^(\d+):(\d+)$/.exec(said.get("user")?.at(-1) ?? own) ?? [];
  if (user === undefined) throw refusal(text, "user=UID:GID", `"${said.get("user")?.at(-1)}"`);
  const volumes = (said.get("volume") ?? []).map((volume) => volumeOf(volume, text));
  if (volumes.length === 0) {
    throw refusal(text, "volume=CLAIM:PATH, which has the store in it", "no volume");
  }
  const namespace = said.get("namespace")?.at(-1);
  return {
    folder: resolve(folder),
    image: last("image"),
    ...(namespace === undefined ? {} : { namespace }),
    volumes,
    gpus: whole("gpus"),
    graceSeconds: whole("grace"),
    user: Number(user),
    group: Number(group),
    scratch: last("scratch"),
    deno: last("deno"),
    denoCache: said.get("deno-dir")?.at(-1) ?? denoCache(),
  };
}

/** Where Deno keeps packages here. */
function denoCache(): string {
  const caches = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/root", ".cache");
  return Deno.env.get("DENO_DIR") ?? join(caches, "deno");
}

/** `store:/work`: the name of a claim, and where it is mounted. */
function volumeOf(volume: string, text: string): KubernetesVolume {
  const [, claim, path] = /^([a-z0-9](?:[a-z0-9.-]{0,50}[a-z0-9])?):(.+)$/s.exec(volume) ?? [];
  if (claim !== undefined && isAbsolute(path)) return { claim, path: resolve(path) };
  throw refusal(text, "volume=CLAIM:PATH with the whole path", `"${volume}"`);
}

/** @throws UsageError if a folder that jobs read or write is on none of the volumes */
export function checkOnVolumes(
  what: string,
  path: string,
  { volumes }: KubernetesSettings,
): void {
  const isOn = volumes.some((volume) => `${path}/`.startsWith(`${volume.path}/`));
  if (isOn) return;
  throw new UsageError(
    `Cannot run jobs on Kubernetes: expected ${what} on one of the volumes ` +
      `(${volumes.map((volume) => volume.path).join(", ")}), found "${path}"; ` +
      `add volume=CLAIM:PATH, mounted there at the path that it has here`,
  );
}

function refusal(text: string, expected: string, found: string): UsageError {
  return new UsageError(
    `Cannot accept --executor kubernetes:${text}: expected ${expected}, found ${found}`,
  );
}
