// What every role reads off a conversation. Nothing is kept between requests: the whole state is in the messages.
import type { Draw } from "./draw.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** One chat-completions request, as far as the teacher reads it. */
export interface TeacherRequest {
  readonly messages: readonly ChatMessage[];
  readonly seed: number;
  /** The request asks for JSON (response_format), so that nothing may stand around it. */
  readonly bareJson: boolean;
  /** The JSON has to satisfy a schema that was sent, also where it errs. */
  readonly shaped?: boolean;
  readonly rates: ErrorRates;
}

/** A reply, with the errors that were put into it on purpose (for the truth log, which only tests read). */
export interface Reply {
  readonly text: string;
  readonly planted: readonly Planted[];
}

/** `subject` is what the error is in: a question's text, or the first user message of a solution or a review. */
export interface Planted {
  readonly role: "proposer" | "solver" | "judge";
  readonly kind: ErrorKind;
  readonly subject: string;
  readonly detail: string;
}

/** How often each error is made, as a share of the questions proposed, of the solutions, and of the reviews. */
export const defaultErrorRates = {
  // proposer
  wrong_reference: 0.04,
  broken_code: 0.02,
  nondeterministic_code: 0.02,
  near_duplicate: 0.03,
  ambiguous: 0.02,
  malformed_item: 0.02,
  leaked_answer: 0.01,
  hard_coded_answer: 0.01,
  // solver
  wrong_column: 0.06,
  forgotten_constraint: 0.06,
  exception_repaired: 0.12,
  hallucinated: 0.04,
  no_answer: 0.03,
  wrong_format: 0.04,
  early_stop: 0.04,
  off_by_one: 0.02,
  rounding_slip: 0.02,
  too_much_output: 0.02,
  ran_out_of_time: 0.002,
  // judge
  judge_harsh: 0.04,
  judge_lenient: 0.04,
  judge_malformed: 0.02,
} as const;
export type ErrorKind = keyof typeof defaultErrorRates;
export type ErrorRates = Readonly<Record<ErrorKind, number>>;
export const errorKinds = Object.keys(defaultErrorRates) as ErrorKind[];

/** At most one of `kinds`, each with its own rate. */
export function chooseError(kinds: readonly ErrorKind[], rates: ErrorRates, draw: Draw): ErrorKind | null {
  let at = draw.number();
  for (const kind of kinds) {
    at -= rates[kind];
    if (at < 0) return kind;
  }
  return null;
}

/** The first user message: what the conversation is about. */
export function opening(messages: readonly ChatMessage[]): string {
  return messages.find((message) => message.role === "user")?.content ?? "";
}

/** Outputs of code, in order, without their tags. */
export function observations(messages: readonly ChatMessage[]): string[] {
  return messages
    .filter((message) => message.role === "user")
    .slice(1)
    .flatMap((message) => {
      const found = /^\s*<information>\n?([\s\S]*?)\n?(?:<\/information>[\s\S]*)?$/.exec(message.content);
      return found ? [found[1] ?? ""] : [];
    });
}

/** Messages the agent still has, from the limit in the system prompt; 15 where there is none. */
export function turnsLeft(messages: readonly ChatMessage[]): number {
  const system = messages.find((message) => message.role === "system")?.content ?? "";
  const limit = Number(/You have (\d+) messages in all/.exec(system)?.[1] ?? 15);
  return limit - messages.filter((message) => message.role === "assistant").length;
}

/** Whether an output says that the code failed or that its state is gone. */
export function failed(observation: string): boolean {
  return /^Traceback \(most recent call last\)|^\s*\w*(?:Error|Exception)\b|^\[(?:The (?:step|interpreter|code)|The Python process)\b/m.test(
    observation,
  );
}

export function codeTurn(think: string, code: string): string {
  return `<reasoning>\n${think}\n</reasoning>\n<python>\n${code.trim()}\n</python>`;
}

export function answerTurn(think: string, answer: string): string {
  return `<reasoning>\n${think}\n</reasoning>\n<answer>\n${answer}\n</answer>`;
}
