/**
 * Places where parties of a run meet, whose lines can be cut and whose servers can be killed.
 */
import { join } from "node:path";
import { temporaryFolder } from "./command_line.ts";
import { NatsServer, whyNoNatsServer } from "./nats_server.ts";
import { Radosgw, whyNoRadosgw } from "./radosgw.ts";
import { s3Keys } from "./s3_exchange.ts";

export type PlaceName = "folder" | "s3" | "nats";

/** Why there can be none here. */
export const whyNoPlace: Readonly<Record<PlaceName, string | undefined>> = {
  folder: undefined,
  s3: whyNoRadosgw(),
  nats: whyNoNatsServer(),
};

/** A server that comes back on the same port after it was killed, with what it has acknowledged. */
export interface HarmedServer extends AsyncDisposable {
  readonly port: number;
  /** How a party says where an exchange is, to which a line of its own leads. @param port Of that line */
  reach(exchange: string, port: number): {
    readonly url: string;
    readonly environment: Readonly<Record<string, string>>;
  };
  kill(): Promise<void>;
  serve(): Promise<void>;
}

/** The server of a kind of place; undefined for a folder, which has none. */
export async function startServer(name: PlaceName): Promise<HarmedServer | undefined> {
  switch (name) {
    case "folder":
      return undefined;
    case "s3":
      return await startRadosgw();
    case "nats":
      return await startNats();
    default:
      return name satisfies never;
  }
}

async function startRadosgw(): Promise<HarmedServer> {
  const server = await Radosgw.start();
  await server.bucket("bucket");
  return {
    port: server.port,
    reach: (exchange, port) => ({
      url: `s3://bucket/${exchange}`,
      environment: {
        AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
        ...s3Keys(server.leader),
      },
    }),
    kill: () => server.kill(),
    serve: () => server.serve(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function startNats(): Promise<HarmedServer> {
  const server = await NatsServer.start({});
  const folder = temporaryFolder();
  const certificates = join(folder.path, "ca.pem");
  Deno.writeTextFileSync(certificates, server.trusted({}).certificates!);
  return {
    port: server.port,
    reach: (exchange, port) => ({
      url: `tls://127.0.0.1:${port}/${exchange}`,
      environment: { NATS_CA: certificates },
    }),
    kill: () => server.kill(),
    serve: () => server.serve(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
