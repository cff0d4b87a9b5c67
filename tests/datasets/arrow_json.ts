/**
 * Rows of Arrow's integration JSON, decoded apart from the reader: what its files must give.
 */

interface JsonField {
  readonly name: string;
  readonly type: { readonly name: string } & Record<string, unknown>;
  readonly children: readonly JsonField[];
  readonly dictionary?: { readonly id: number };
}

interface JsonColumn {
  readonly count: number;
  readonly VALIDITY?: readonly number[];
  readonly DATA?: readonly unknown[];
  readonly OFFSET?: readonly (number | string)[];
  readonly SIZE?: readonly (number | string)[];
  readonly TYPE_ID?: readonly number[];
  readonly VIEWS?: readonly Record<string, never>[];
  readonly VARIADIC_DATA_BUFFERS?: readonly string[];
  readonly children?: readonly JsonColumn[];
}

interface JsonFile {
  readonly schema: { readonly fields: readonly JsonField[] };
  readonly batches: readonly { readonly count: number; readonly columns: readonly JsonColumn[] }[];
  readonly dictionaries?: readonly {
    readonly id: number;
    readonly data: { readonly columns: readonly JsonColumn[] };
  }[];
}

/** Rows as arrays of values, in the order of the columns. */
export function arrowJsonRows(file: JsonFile): unknown[][] {
  const dictionaries = new Map<number, unknown[]>();
  const valuesOf = (field: JsonField, column: JsonColumn): unknown[] => {
    if (field.dictionary !== undefined) {
      const words = dictionaryOf(field.dictionary.id, field);
      return presence(column).map((isThere, i) => isThere ? words[Number(column.DATA![i])] : null);
    }
    return decode(field, column, valuesOf);
  };
  const dictionaryOf = (id: number, field: JsonField): unknown[] => {
    const known = dictionaries.get(id);
    if (known !== undefined) return known;
    const [column] = file.dictionaries!.find((one) => one.id === id)!.data.columns;
    const values = valuesOf({ ...field, dictionary: undefined }, column);
    dictionaries.set(id, values);
    return values;
  };
  return file.batches.flatMap(({ count, columns }) => {
    const values = columns.map((column, i) => valuesOf(file.schema.fields[i], column));
    return Array.from({ length: count }, (_, row) => values.map((column) => column[row]));
  });
}

function presence({ VALIDITY, count }: JsonColumn): boolean[] {
  return Array.from({ length: count }, (_, i) => VALIDITY === undefined || VALIDITY[i] === 1);
}

function decode(
  field: JsonField,
  column: JsonColumn,
  valuesOf: (field: JsonField, column: JsonColumn) => unknown[],
): unknown[] {
  const { type, children } = field;
  const { DATA = [], OFFSET = [], SIZE = [], TYPE_ID = [] } = column;
  const there = presence(column);
  const each = (read: (i: number) => unknown) =>
    there.map((isThere, i) => isThere ? read(i) : null);
  const inner = (i: number) => valuesOf(children[i], column.children![i]);
  switch (type.name) {
    case "null":
      return there.map(() => null);
    case "bool":
      return each((i) => Boolean(DATA[i]));
    case "int":
      return each((i) => type.bitWidth === 64 ? BigInt(DATA[i] as string) : DATA[i]);
    case "floatingpoint":
      return each((i) => type.precision === "SINGLE" ? Math.fround(DATA[i] as number) : DATA[i]);
    case "utf8":
    case "largeutf8":
      return each((i) => DATA[i]);
    case "binary":
    case "largebinary":
    case "fixedsizebinary":
      return each((i) => fromHex(DATA[i] as string));
    case "utf8view":
    case "binaryview":
      return each((i) => viewed(column, i, type.name === "utf8view"));
    case "list": {
      const values = inner(0);
      return each((i) => values.slice(Number(OFFSET[i]), Number(OFFSET[i + 1])));
    }
    case "listview":
    case "largelistview": {
      const values = inner(0);
      return each((i) => values.slice(Number(OFFSET[i]), Number(OFFSET[i]) + Number(SIZE[i])));
    }
    case "fixedsizelist": {
      const values = inner(0);
      const size = type.listSize as number;
      return each((i) => values.slice(i * size, (i + 1) * size));
    }
    case "map": {
      const [entry] = children;
      const [keys, values] = column.children![0].children!.map((one, i) =>
        valuesOf(entry.children[i], one)
      );
      return each((i) =>
        keys.slice(Number(OFFSET[i]), Number(OFFSET[i + 1])).map((
          key,
          j,
        ) => [key, values[Number(OFFSET[i]) + j]])
      );
    }
    case "struct": {
      const names = unique(children.map(({ name }) => name));
      const values = children.map((_, c) => inner(c));
      return each((i) => Object.fromEntries(names.map((name, c) => [name, values[c][i]])));
    }
    case "union": {
      const values = children.map((_, c) => inner(c));
      const ids = type.typeIds as number[];
      return each((i) =>
        values[ids.indexOf(TYPE_ID[i])][type.mode === "DENSE" ? Number(OFFSET[i]) : i]
      );
    }
    default:
      throw new Error(`Cannot decode "${type.name}" of the expected values`);
  }
}

function viewed(column: JsonColumn, i: number, isText: boolean): unknown {
  const view = column.VIEWS![i] as Record<string, number | string>;
  const inlined = view.INLINED as string | undefined;
  if (inlined !== undefined) return isText ? inlined : fromHex(inlined);
  const buffer = fromHex(column.VARIADIC_DATA_BUFFERS![view.BUFFER_INDEX as number]);
  const start = view.OFFSET as number;
  const bytes = buffer.slice(start, start + (view.SIZE as number));
  return isText ? new TextDecoder().decode(bytes) : bytes;
}

/** Second columns of a name are called `name#2`. */
export function unique(names: readonly string[]): string[] {
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((other) => other === name).length;
    return before === 0 ? name : `${name}#${before + 1}`;
  });
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}
