// The part of parquetjs-lite 0.8 that is used here; the package has no types of its own.
declare module "parquetjs-lite" {
  import type { Writable } from "node:stream";

  export class ParquetSchema {
    constructor(fields: object);
  }

  export class ParquetWriter {
    static openStream(
      schema: ParquetSchema,
      stream: Writable,
      options: { readonly rowGroupSize: number },
    ): Promise<ParquetWriter>;
    appendRow(row: object): Promise<void>;
    close(): Promise<void>;
  }
}
