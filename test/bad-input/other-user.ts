import { statSync } from "node:fs";
import { dirname } from "node:path";
import { packageRoot } from "../../src/package.ts";

/** Why no case can be shown as another user; null where it can. Rights do not bite on root, so these cases run as `nobody`. */
export const noOtherUser = process.getuid?.() !== 0 ? "only root can become another user" : closedFolder();

function closedFolder(): string | null {
  for (let folder = packageRoot(); folder !== "/"; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return `another user cannot read ${folder}`;
  }
  return null;
}
