// Whether typed Python is a whole block, as the sandbox's Python says.
import type { Shell } from "./sandbox-shell.ts";

export interface Reader extends AsyncDisposable {
  /** False where Python waits for more, or where a block of indented lines was not ended by an empty one (`pasted`: by Enter alone). */
  isComplete(code: string, options: { readonly pasted: boolean }): Promise<boolean>;
}

// What Python refuses is complete: the session's own Python then says what is wrong with it.
const judge = `
import ast, codeop
def judge(source, pasted):
    compiler = codeop.CommandCompiler()
    compiler.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        if compiler(source, "<typed>", "exec") is None:
            return False
        body = ast.parse(source).body
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return True
    blocks = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
    return pasted or source.rpartition("\\n")[2].strip() == "" or not (body and isinstance(body[-1], blocks))
`;

/** Judges in a sandbox of its own, of the same backend: nothing of it can be seen in the session. */
export async function openReader({ open, signal }: Shell): Promise<Reader> {
  const sandbox = await open("shell's reader");
  const ready = sandbox.run(judge, { signal });
  ready.catch(() => {}); // told by the first block that is judged
  return {
    async isComplete(code, { pasted }) {
      await ready;
      const source = JSON.stringify(code.replaceAll(/[\ud800-\udfff]/gu, "\ufffd"));
      const told = await sandbox.run(`judge(${source}, ${pasted ? "True" : "False"})`, { signal });
      return told.result?.head !== "False";
    },
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}
