/**
 * A certificate for this machine, signed by an authority that nobody else trusts. Made by openssl.
 */
import assert from "node:assert/strict";
import { join } from "node:path";

/** Writes `ca.pem`, `server.pem` and `server.key` into a folder. */
export async function makeCertificate(folder: string): Promise<void> {
  const openssl = async (...args: readonly string[]) => {
    const command = new Deno.Command("openssl", { args: [...args], cwd: folder, stdin: "null" });
    const { success, stderr } = await command.output();
    assert.ok(success, `openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  };
  Deno.writeTextFileSync(join(folder, "san"), "subjectAltName=IP:127.0.0.1");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const ca = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA"];
  await openssl("req", "-x509", ...key, ...ca);
  const asked = ["-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=test"];
  await openssl("req", ...key, ...asked);
  const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san"];
  await openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...signing);
}
