/** What a frame may use: the size of the terminal, and whether it can show colour and more than ASCII. */
export interface Look {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
  readonly unicode: boolean;
}

/** Whether this environment's locale is UTF-8, so that more than ASCII can be shown. */
export function isUnicode(env: Readonly<Record<string, string | undefined>>, platform: string): boolean {
  if (platform === "win32") return env.WT_SESSION !== undefined || env.TERM_PROGRAM === "vscode";
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== "");
  return /utf-?8/i.test(locale ?? "");
}

/** The signs that differ between terminals. */
export interface Signs {
  readonly passed: string;
  readonly rejected: string;
  readonly failed: string;
  readonly underWay: string;
  readonly waiting: string;
  readonly done: string;
  readonly todo: string;
  readonly none: string;
  readonly between: string;
  readonly cut: string;
  readonly running: string;
  readonly draining: string;
  readonly good: string;
  readonly bad: string;
  readonly rule: string;
}

// In colour one thin line tells its parts by colour; without, its parts need shapes.
const unicodeShapes: Signs = {
  ...{ passed: "█", rejected: "▒", failed: "×", underWay: "▓", waiting: "░", done: "█", todo: "░" },
  ...{ none: "·", between: " · ", cut: "…", running: "●", draining: "◐", good: "✔", bad: "✖", rule: "─" },
};
const unicodeLines: Signs = {
  ...unicodeShapes,
  ...{ passed: "━", rejected: "━", failed: "━", underWay: "━", waiting: "─", done: "━", todo: "─" },
};
const ascii: Signs = {
  ...{ passed: "#", rejected: "-", failed: "!", underWay: ">", waiting: ".", done: "#", todo: "." },
  ...{ none: "-", between: ", ", cut: "...", running: "*", draining: "~", good: "+", bad: "x", rule: "-" },
};

/** The signs that this look can show. */
export function signsOf(look: Pick<Look, "colour" | "unicode">): Signs {
  if (!look.unicode) return ascii;
  return look.colour ? unicodeLines : unicodeShapes;
}
