// The test kit's server that breaks by chance, as a process of its own:
// node dist/bench/fault-server.js '{"latency":{"kind":"fixed","ms":50},"faults":{"share":0.3,"weights":{"500":1,"429":1}}}'
// It prints its address as a line of JSON, answers GET /stats beside /v1, and ends when its standard input does, or with Ctrl-C.
import { type FaultServerOptions, startFaultServer } from "../test/kit/fault-server.ts";

const server = await startFaultServer(JSON.parse(process.argv[2] ?? "{}") as FaultServerOptions);
process.stdout.write(`${JSON.stringify({ baseUrl: server.baseUrl })}\n`);
process.stdin.on("end", () => process.exit(0)).resume();
