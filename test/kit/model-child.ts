// A process of its own that asks a model: `node model-child.js <folder of a model lab> <models as JSON> <alias> <how many requests>`.
import { askEach, startModelLab } from "./model-lab.ts";

const [folder, models, alias, count] = process.argv.slice(2) as [string, string, string, string];
await using lab = await startModelLab({ folder });
const { [alias]: model } = await lab.open(JSON.parse(models));
if (model === undefined) throw new Error(`Expected a model \`${alias}\``);
process.stdout.write("open\n");
for (const { key, text } of await askEach(model, Number(count))) process.stdout.write(`${key} ${text}\n`);
