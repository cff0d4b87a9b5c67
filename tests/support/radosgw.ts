/**
 * A server of S3 for tests: Ceph's radosgw over one store in memory, on free ports, without the system's services.
 */
import { AwsV4Signer } from "aws4fetch";
import assert from "node:assert/strict";
import { join } from "node:path";
import type { S3Access } from "../../exchange/s3_access.ts";
import { temporaryFolder } from "./command_line.ts";
import { freePort } from "./free_port.ts";
import { areInstalled } from "./installed.ts";
import { makeCertificate } from "./test_certificate.ts";

/** Debian's packages of it. */
const packages = "radosgw ceph-mon ceph-osd ceph-common openssl";
const programs = [
  ...["ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin", "openssl"],
];

/** Why there can be no server here; undefined where there can. */
export function whyNoRadosgw(): string | undefined {
  return areInstalled(programs) ? undefined : `needs Debian's ${packages}`;
}

/** A server that runs until it is disposed of. */
export class Radosgw implements AsyncDisposable {
  readonly endpoint: string;
  /** Who owns the buckets. */
  readonly leader: S3Access;
  readonly #folder = temporaryFolder();
  readonly #processes: Deno.ChildProcess[] = [];
  readonly #tlsPort = freePort();
  #gateway: Deno.ChildProcess | undefined;

  private constructor(readonly port: number) {
    this.endpoint = `http://127.0.0.1:${port}`;
    this.leader = { endpoint: this.endpoint, accessKeyId: "leader", secretAccessKey: "of-leader" };
  }

  /** Starts a server: some 7 s. */
  static async start(): Promise<Radosgw> {
    const server = new Radosgw(freePort());
    try {
      await server.#start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Who is asked over TLS, and whose certificate one must trust for that. */
  overTls(access: S3Access): S3Access {
    const certificates = Deno.readTextFileSync(join(this.#folder.path, "ca.pem"));
    return { ...access, endpoint: `https://127.0.0.1:${this.#tlsPort}`, certificates };
  }

  /** Makes a user. */
  async user(name: string): Promise<S3Access> {
    const access = { endpoint: this.endpoint, accessKeyId: name, secretAccessKey: `of-${name}` };
    const { accessKeyId, secretAccessKey } = access;
    await this.#ask("PUT", "/admin/user", {
      uid: name,
      "display-name": name,
      "access-key": accessKeyId,
      "secret-key": secretAccessKey,
      "generate-key": "false",
    });
    return access;
  }

  /** Makes a bucket of the leader. */
  async bucket(name: string, policy?: unknown): Promise<void> {
    await this.#ask("PUT", `/${name}`);
    if (policy !== undefined) {
      await this.#ask("PUT", `/${name}`, { policy: "" }, JSON.stringify(policy));
    }
  }

  /** Ends the gateway as a crash does. What it has acknowledged stays. */
  async kill(): Promise<void> {
    this.#gateway?.kill("SIGKILL");
    await this.#gateway?.status;
    this.#gateway = undefined;
  }

  /** Starts the gateway, on the same port. */
  async serve(): Promise<void> {
    this.#gateway = this.#spawn("radosgw", "-n", "client.rgw.a", "-f");
    for (const until = Date.now() + 120_000;;) {
      try {
        await (await fetch(this.endpoint)).body?.cancel();
        return;
      } catch (cause) {
        if (Date.now() > until) throw new Error("Cannot start radosgw", { cause });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    for (const process of this.#processes.reverse()) {
      process.kill("SIGKILL");
      await process.status;
    }
    this.#folder[Symbol.dispose]();
  }

  async #start(): Promise<void> {
    const folder = this.#folder.path;
    const [fsid, osd] = [crypto.randomUUID(), crypto.randomUUID()];
    const monitor = `[v2:127.0.0.1:${freePort()}]`;
    for (const name of ["mon", "osd0", "log", "run"]) Deno.mkdirSync(join(folder, name));
    const ports = { plain: this.port, tls: this.#tlsPort };
    Deno.writeTextFileSync(join(folder, "ceph.conf"), configuration(folder, fsid, monitor, ports));
    await makeCertificate(folder);
    Deno.writeTextFileSync(join(folder, "keyring"), keyring());
    await this.#do("monmaptool", "--create", "--addv", "a", monitor, "--fsid", fsid, "monmap");
    await this.#do("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring");
    Deno.copyFileSync(join(folder, "keyring"), join(folder, "mon/keyring"));
    this.#processes.push(this.#spawn("ceph-mon", "-i", "a", "-f"));
    await this.#do("ceph", "auth", "import", "-i", "keyring");
    await this.#do("ceph", "osd", "create", osd);
    await this.#do("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd);
    await this.#do("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=h");
    this.#processes.push(this.#spawn("ceph-osd", "-i", "0", "-f"));
    await this.serve();
    const { accessKeyId, secretAccessKey } = this.leader;
    await this.#do(
      ...["radosgw-admin", "user", "create", "--uid=leader", "--display-name=leader"] as const,
      ...[`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`, "--caps=users=*"],
    );
  }

  async #do(program: string, ...args: string[]): Promise<void> {
    const { success, stderr } = await this.#command(program, args, "piped").output();
    assert.ok(success, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }

  #spawn(program: string, ...args: string[]): Deno.ChildProcess {
    return this.#command(program, args, "null").spawn();
  }

  #command(program: string, args: readonly string[], output: "piped" | "null"): Deno.Command {
    const configured = program === "monmaptool" ? args : ["-c", "ceph.conf", ...args];
    return new Deno.Command(program, {
      args: [...configured],
      cwd: this.#folder.path,
      stdin: "null",
      stdout: output,
      stderr: output,
    });
  }

  async #ask(
    method: string,
    path: string,
    query: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<void> {
    const url = `${this.endpoint}${path}?${new URLSearchParams(query)}`;
    const signer = new AwsV4Signer({ ...this.leader, service: "s3", method, url });
    const { headers } = await signer.sign();
    const answer = await fetch(url, { method, headers, body });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${url}: ${answer.status} ${text}`);
  }
}

/** `$name` is a variable of Ceph. Monitors wait a second before each change, of which a start makes dozens: not here. */
function configuration(
  folder: string,
  fsid: string,
  monitor: string,
  ports: { readonly plain: number; readonly tls: number },
): string {
  return `[global]
fsid = ${fsid}
mon host = ${monitor}
mon initial members = a
keyring = ${folder}/keyring
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
ms bind ipv6 = false
paxos propose interval = 0.02
paxos min wait = 0.01
osd objectstore = memstore
memstore device bytes = 4294967296
log file = ${folder}/log/$name.log
admin socket = ${folder}/run/$name.asok
run dir = ${folder}/run
pid file = ${folder}/run/$name.pid
[mon.a]
mon data = ${folder}/mon
[osd.0]
osd data = ${folder}/osd0
[client.rgw.a]
rgw data = ${folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:${ports.plain} ssl_endpoint=127.0.0.1:${ports.tls} ssl_certificate=${folder}/server.pem ssl_private_key=${folder}/server.key
`;
}

/** Keys of all daemons, each of which may do everything. */
function keyring(): string {
  const daemons = ["mon.", "client.admin", "osd.0", "client.rgw.a"];
  return daemons.map((name) =>
    `[${name}]\nkey = ${cephKey()}\ncaps mon = "allow *"\ncaps osd = "allow *"\n`
  ).join("");
}

/** A key as `ceph-authtool --gen-key` makes it: type 1, when it was made, length, 16 random bytes. */
function cephKey(): string {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 1, true);
  view.setUint32(2, Math.floor(Date.now() / 1000), true);
  view.setUint16(10, 16, true);
  crypto.getRandomValues(bytes.subarray(12));
  return btoa(String.fromCharCode(...bytes));
}
