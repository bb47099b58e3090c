import { createSecrets, type Secrets, secretsOfEnvironment } from "../domain/secrets.ts";

let known: Secrets | undefined;

/** The secrets of this process, with those its environment holds: one place for everything it prints and writes. */
export function processSecrets(): Secrets {
  if (known === undefined) {
    known = createSecrets();
    for (const secret of secretsOfEnvironment(process.env)) known.add(secret);
  }
  return known;
}
