#!/usr/bin/env node
// What a user starts: says so where Node is too old, before anything is loaded that an old Node cannot read. No static imports.
const [oldestMajor, oldestMinor] = [20, 19];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
  process.stderr.write(
    `tracemill: Expected Node.js ${oldestMajor}.${oldestMinor} or newer to run Tracemill, got ${process.versions.node} (${process.execPath}): ` +
      "install a newer one, or put it first in PATH\n",
  );
  process.exitCode = 2;
} else {
  await import("./cli.ts");
}

export {};
