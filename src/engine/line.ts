import type { AllStage, EachStage, Identified } from "./stage.ts";

/** Either kind of stage, whatever it handles. */
// biome-ignore lint/suspicious/noExplicitAny: a line holds stages of different types; `through` checks that neighbours fit
export type AnyStage = EachStage<any, any> | AllStage<any, any>;

/** A line of stages over a source, as a value: nothing runs until it is executed. */
export interface Line<T extends Identified> {
  readonly source: AsyncIterable<Identified> | Iterable<Identified>;
  readonly stages: readonly AnyStage[];
  through<Out extends Identified>(stage: EachStage<T, Out>): Line<Out>;
  // biome-ignore lint/suspicious/noExplicitAny: the projection's type is the stage's own business
  through(stage: AllStage<T, any>): Line<T>;
}

/** Starts a line: `from(seeds).through(propose(…)).through(…)`. @throws {Error} when two stages share a name. */
export function from<T extends Identified>(source: AsyncIterable<T> | Iterable<T>): Line<T> {
  return line(source, []);
}

function line<T extends Identified>(source: Line<T>["source"], stages: readonly AnyStage[]): Line<T> {
  return {
    source,
    stages,
    // biome-ignore lint/suspicious/noExplicitAny: the overloads above carry the types
    through(stage: any): any {
      if (stages.some((other) => other.name === stage.name)) {
        throw new Error(`Expected stage names to be unique in a line, got \`${stage.name}\` twice`);
      }
      return line(source, [...stages, stage]);
    },
  };
}
