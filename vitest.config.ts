import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Minutes each: begun first, they run beside everything else. Without this a fresh clone begins them last, by their size.
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification) =>
      moduleId.endsWith("/kill.test.ts") ? 0 : moduleId.includes("/test/pipeline/") ? 1 : 2;
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    // Tests that run at once in one file, each with a command of its own.
    maxConcurrency: 3,
    sequence: { sequencer: LongestFirst },
  },
});
