/**
 * Compiled rules of normalisation, made without SentencePiece: a plain builder of the layout that `charsmap.ts` reads.
 */

/** Rules as SentencePiece compiles them. */
export function charsmapOf(rules: Readonly<Record<string, string>>): Uint8Array {
  const encoder = new TextEncoder();
  const texts: number[] = [];
  interface Node {
    readonly children: Map<number, Node>;
    value?: number;
  }
  const root: Node = { children: new Map() };
  for (const [key, value] of Object.entries(rules)) {
    let node = root;
    for (const byte of encoder.encode(key)) {
      if (!node.children.has(byte)) node.children.set(byte, { children: new Map() });
      node = node.children.get(byte)!;
    }
    node.value = texts.length;
    texts.push(...encoder.encode(value), 0);
  }
  // First fit: a child for byte b at base ^ b, a value at base; no two nodes share a base.
  const bases = new Set<number>();
  const units: (number | undefined)[] = [0];
  const place = (node: Node, slot: number) => {
    const labels = [...node.children.keys()];
    if (node.value !== undefined) labels.push(0);
    let base = 256;
    while (bases.has(base) || labels.some((label) => units[base ^ label] !== undefined)) base++;
    bases.add(base);
    for (const label of labels) units[base ^ label] = label;
    if (node.value !== undefined) units[base] = (0x80000000 | node.value) >>> 0;
    const offset = base ^ slot;
    units[slot] = (units[slot]! | (offset << 10) | (node.value === undefined ? 0 : 0x100)) >>> 0;
    for (const [label, child] of node.children) place(child, base ^ label);
  };
  place(root, 0);
  const size = Math.ceil(units.length / 256) * 256;
  const file = new Uint8Array(4 + 4 * size + texts.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 4 * size, true);
  // What is free must not look like a child: its label is that of another slot.
  for (let i = 0; i < size; i++) view.setUint32(4 + 4 * i, units[i] ?? ((i & 0xff) ^ 0xff), true);
  file.set(texts, 4 + 4 * size);
  return file;
}
