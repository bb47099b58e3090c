import { chmod, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Case, nobody } from "./case.ts";
import { noOtherUser } from "./other-user.ts";
import { goodTable } from "./run-case.ts";

/** A case of one file under `datasets:`. */
function file(
  did: string,
  name: string,
  content: string | Uint8Array,
  told: Pick<Case, "what" | "where" | "wayOut">,
): Case {
  return {
    did,
    arrange: async ({ write }) => {
      await write(name, content);
      return { config: { datasets: [`./${name}`] } };
    },
    code: 2,
    ...told,
  };
}

/** Data that is not there, cannot be read, or is no table. */
export const dataCases: readonly Case[] = [
  {
    did: "a data file that is not there",
    arrange: () => ({ config: { datasets: ["./cars.csv", "./crs.csv"] } }),
    code: 2,
    what: /there is no/,
    where: /datasets\[1\].*crs\.csv/s,
    wayOut: /relative paths start at|did you mean/,
  },
  {
    did: "a folder without data files",
    arrange: async ({ write }) => {
      await write("data/notes.txt", "hello\n");
      return { config: { datasets: ["./data"] } };
    },
    code: 2,
    what: /other files, such as `notes\.txt`/,
    where: /datasets\[0\].*data/s,
    wayOut: /\.csv.*\.parquet/s,
  },
  {
    did: "a pattern that finds nothing",
    arrange: () => ({ config: { datasets: ["./data/*.csv"] } }),
    code: 2,
    what: /finds no file/,
    where: /datasets\[0\].*data\/\*\.csv/s,
    wayOut: /relative paths start at|\.csv/,
  },
  file("a file of a kind that is not read", "notes.docx", "PK", {
    what: /data file|cannot be read|not a table/,
    where: /datasets\[0\].*notes\.docx/s,
    wayOut: /\.csv.*\.parquet|convert|save/s,
  }),
  {
    did: "an npm package that is not installed",
    arrange: () => ({ config: { datasets: ["package:no-such-package/data/x.csv"] } }),
    code: 2,
    what: /installed, but it is not/,
    where: /datasets\[0\].*no-such-package/s,
    wayOut: /npm install no-such-package/,
  },
  file("an empty CSV (0 bytes)", "empty.csv", "", {
    what: /empty/,
    where: /datasets\[0\].*empty\.csv/s,
    wayOut: /fill it|leave it out/,
  }),
  file("a CSV of white space", "blank.csv", "\n\n  \n", {
    what: /row|empty|header|column/,
    where: /blank\.csv/,
    wayOut: /fill it|leave (it|the file) out/,
  }),
  file("a CSV with a header and no rows", "header.csv", "a,b,c\n", {
    what: /at least one row|header only|no rows/,
    where: /header\.csv/,
    wayOut: /fill it|leave (it|the file) out/,
  }),
  file("a row with too many values (ragged rows)", "ragged.csv", "a,b\n1,2\n3,4,5\n6,7\n", {
    what: /2\D.*3|3\D.*2/s,
    where: /ragged\.csv.*line:? 3|line 3.*ragged\.csv/is,
    wayOut: /mend|quote|remove/,
  }),
  file("a quote that is never closed", "quote.csv", 'a,b\n1,"two\n3,4\n5,6\n', {
    what: /quote/,
    where: /quote\.csv.*line 2/s,
    wayOut: /close (it|or)/,
  }),
  file("a CSV in Latin-1", "latin.csv", Buffer.from("name,size\nMüller,3\nGröße,4\n", "latin1"), {
    what: /UTF-8|Latin-1/,
    where: /latin\.csv.*line:? 2|line 2.*latin\.csv/is,
    wayOut: /iconv/,
  }),
  file("a CSV in UTF-16 (what Excel calls Unicode text)", "wide.csv", Buffer.from(`\uFEFF${goodTable}`, "utf16le"), {
    what: /UTF-16/,
    where: /wide\.csv/,
    wayOut: /UTF-8/,
  }),
  file(
    "a picture called .csv",
    "picture.csv",
    Buffer.from("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489", "hex"),
    {
      what: /binary|PNG|picture|image/,
      where: /picture\.csv/,
      wayOut: /export|leave it out|CSV/,
    },
  ),
  file("a ZIP or Excel file called .csv", "sheet.csv", Buffer.from("504b0304140000000800a1b2c3d4000000000000", "hex"), {
    what: /binary|ZIP|Excel/,
    where: /sheet\.csv/,
    wayOut: /export|unpack|\.xlsx|CSV/,
  }),
  file(
    "a web page called .csv",
    "page.csv",
    "<!DOCTYPE html>\n<html><head><title>Sign in, please</title></head>\n<body></body></html>\n",
    {
      what: /web page|HTML/,
      where: /page\.csv/,
      wayOut: /download/,
    },
  ),
  file("a JSON file that is cut off", "cut.json", '[{"a": 1}, {"a": 2', {
    what: /JSON/,
    where: /cut\.json/,
    wayOut: /mend it|leave it out/,
  }),
  file("a Parquet file that is none", "fake.parquet", "a,b\n1,2\n", {
    what: /[Pp]arquet|PARQUET/,
    where: /fake\.parquet/,
    wayOut: /mend it|leave it out|rename/,
  }),
  file("a line break in a file's name", "two\nlines.csv", goodTable, {
    what: /control characters|line break/,
    where: /datasets\[0\].*two\\nlines\.csv/s,
    wayOut: /rename/,
  }),
  {
    did: "two files of one name in one dataset",
    arrange: async ({ write }) => {
      await write("a/sales.csv", goodTable);
      await write("b/sales.csv", goodTable);
      return { config: { datasets: [{ name: "shop", files: ["a/*.csv", "b/*.csv"] }] } };
    },
    code: 2,
    what: /different names/,
    where: /datasets\[0\].*a\/sales\.csv.*b\/sales\.csv/s,
    wayOut: /rename one/,
  },
  {
    did: "a link to a file that is gone",
    arrange: async ({ folder }) => {
      await symlink("gone.csv", join(folder, "link.csv"));
      return { config: { datasets: ["./link.csv"] } };
    },
    code: 2,
    what: /link/,
    where: /datasets\[0\].*link\.csv/s,
    wayOut: /gone\.csv|leads to/,
  },
  {
    did: "a link that leads to itself",
    arrange: async ({ folder }) => {
      await symlink("loop.csv", join(folder, "loop.csv"));
      return { config: { datasets: ["./loop.csv"] } };
    },
    code: 2,
    what: /link|ELOOP/,
    where: /datasets\[0\].*loop\.csv/s,
    wayOut: /remove|replace|leads? (back )?to itself/,
  },
  {
    did: "a folder that may not be read",
    arrange: async ({ folder, write }) => {
      await write("closed/cars.csv", goodTable);
      await chmod(join(folder, "closed"), 0o700);
      return { config: { datasets: ["./closed"] }, as: nobody };
    },
    code: 2,
    what: /permission denied|may not be read/,
    where: /datasets\[0\].*closed/s,
    wayOut: /chmod|rights/,
    lacks: noOtherUser,
  },
  {
    did: "a file that may not be read",
    arrange: async ({ write }) => {
      await chmod(await write("closed.csv", goodTable), 0o600);
      return { config: { datasets: ["./closed.csv"] }, as: nobody };
    },
    code: 2,
    what: /permission denied|may not be read/,
    where: /closed\.csv/,
    wayOut: /chmod|rights/,
    lacks: noOtherUser,
  },
  {
    did: "a folder below it that may not be read",
    arrange: async ({ folder, write }) => {
      await write("closed/open/cars.csv", goodTable);
      await write("closed/shut/more.csv", goodTable);
      await mkdir(join(folder, "closed/open"), { recursive: true });
      await chmod(join(folder, "closed/shut"), 0o700);
      return { config: { datasets: ["./closed"] }, as: nobody };
    },
    code: 2,
    what: /permission denied|may not be read/,
    where: /datasets\[0\].*closed/s,
    wayOut: /chmod|rights/,
    lacks: noOtherUser,
  },
];
