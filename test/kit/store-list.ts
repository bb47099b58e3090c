import { openStore } from "../../src/engine/store.ts";
import type { StoreEntry } from "./store-contract.ts";

/** Every Store there is, for the conformance kit. */
export const stores: readonly StoreEntry[] = [
  { name: "lmdb", open: (folder) => openStore(folder, { leasePollMs: 5 }) },
];
