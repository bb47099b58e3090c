import { holdsOf, identifier, literal, query, type TableFormat } from "./table.ts";

export const parquet: TableFormat = {
  extensions: [".parquet"],
  mayBeGzip: false,
  async open(connection, { path }) {
    const source = `read_parquet(${literal(path)})`;
    const columns = (await query(connection, `DESCRIBE SELECT * FROM ${source}`)).map((row) => ({
      name: String(row.column_name),
      holds: holdsOf(String(row.column_type)),
    }));
    const selected = columns.map(({ name }, index) => `${identifier(name)} AS c${index}`);
    return [{ columns, select: `SELECT ${selected.join(", ")} FROM ${source}` }];
  },
};
