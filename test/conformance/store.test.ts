import { storeContract } from "../kit/store-contract.ts";
import { stores } from "../kit/store-list.ts";

for (const entry of stores) storeContract(entry);
