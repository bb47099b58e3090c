// How far a plain piece of work is: redrawn on a terminal, a line now and then elsewhere.
import { count } from "../audit/text.ts";

/** Counts what is done; `end` leaves the terminal as it was. */
export interface SteadyCount {
  add(): void;
  end(): void;
}

const redrawMs = 200;
const lineMs = 10_000;

/** `total` gives a share and the time left. Says nothing of work that is done before the first line would be due, elsewhere than on a terminal. */
export function steadyCount(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
  {
    what,
    total,
    quiet = false,
    now = Date.now,
  }: { readonly what: string; readonly total?: number; readonly quiet?: boolean; readonly now?: () => number },
): SteadyCount {
  const started = now();
  let last = started;
  let done = 0;
  const drawn = stream.isTTY === true;
  const text = () => {
    const seconds = Math.max(0.001, (now() - started) / 1000);
    const rate = done / seconds;
    const of = total === undefined ? "" : ` of ${count(total)}`;
    const left = total === undefined || rate === 0 ? "" : `, ${Math.ceil((total - done) / rate)} s left`;
    return `${count(done)}${of} ${what}, ${count(Math.round(rate))}/s${left}`;
  };
  return {
    add() {
      done += 1;
      if (quiet || now() - last < (drawn ? redrawMs : lineMs)) return;
      last = now();
      stream.write(drawn ? `\r\u001b[K${text()}` : `${text()}\n`);
    },
    end() {
      if (drawn && !quiet && last !== started) stream.write("\r\u001b[K");
    },
  };
}
