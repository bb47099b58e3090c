// Rows 11 to 13: everything that could be a way out by a socket. The host listens, and must hear nothing.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { chmodSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { type Attempts, attempts, done, inWords, printed, recordOf } from "../attempts.ts";
import type { HostileCase, HostileContext } from "../case.ts";

interface Ears extends AsyncDisposable {
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly path: string;
  readonly abstractName: string;
  /** How often anything was heard. */
  heard(): number;
}

/** Listens on every address of the host: TCP, UDP, and Unix sockets by path and by abstract name. */
async function listen(context: HostileContext): Promise<Ears> {
  let heard = 0;
  const hear = () => void heard++;
  const path = join(context.hostDir, "..", `hostile-${process.pid}.sock`);
  const abstractName = `hostile-${process.pid}`;
  const [tcp, byPath, byName] = [createServer(hear), createServer(hear), createServer(hear)];
  const udp = createSocket("udp4", hear);
  await Promise.all([
    listening(tcp, { port: 0, host: "0.0.0.0" }),
    listening(byPath, { path }),
    listening(byName, { path: `\0${abstractName}` }),
    new Promise<void>((resolve) => udp.bind(0, "0.0.0.0", resolve)),
  ]);
  chmodSync(path, 0o777);
  return {
    tcpPort: (tcp.address() as { port: number }).port,
    udpPort: udp.address().port,
    path,
    abstractName,
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      udp.close();
      await Promise.all([tcp, byPath, byName].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

function listening(server: Server, where: { port: number; host: string } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, resolve);
  });
}

/** Runs the attempts while the host listens; all must fail, and the host must have heard nothing. */
function unreachable(
  row: number,
  name: string,
  pieces: (ears: Ears, addresses: readonly string[]) => Record<string, string>,
): HostileCase {
  return {
    row,
    name,
    kind: "network",
    async run(context) {
      await using ears = await listen(context);
      const session = await context.open();
      const told: Attempts = await attempts(session, pieces(ears, hostAddresses()));
      assert.deepEqual(done(told), [], "these went through");
      const late = Object.entries(told).filter(([, how]) => /timed? ?out/i.test(how));
      assert.deepEqual(late, [], "these were waited for: packets leave the sandbox");
      assert.equal(ears.heard(), 0, "the host heard it");
      return { agentSees: inWords(told), record: "ok" };
    },
  };
}

function hostAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ family }) => family === "IPv4").map(({ address }) => address),
  );
}

const connect = (host: string, port: number) => `socket.create_connection(("${host}", ${port}), timeout=0.5).close()`;

export const network: readonly HostileCase[] = [
  unreachable(11, "TCP, UDP, ICMP, DNS, IPv6 and raw sockets", (ears, addresses) => ({
    "tcp 192.0.2.1": connect("192.0.2.1", 80),
    "tcp 1.1.1.1": connect("1.1.1.1", 443),
    "tcp ipv6": connect("2001:db8::1", 80),
    udp: `socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))`,
    "udp to the host": `socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("${addresses.find((address) => address !== "127.0.0.1") ?? "192.0.2.1"}", ${ears.udpPort}))`,
    "udp broadcast": `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); s.sendto(b"x", ("255.255.255.255", ${ears.udpPort}))`,
    dns: `socket.getaddrinfo("example.com", 80)`,
    icmp: `socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)`,
    "icmp unprivileged": `socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).sendto(b"\\x08\\0\\0\\0\\0\\0\\0\\0", ("192.0.2.1", 0))`,
    packet: `socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)`,
    "raw ipv6": `socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)`,
    vsock: `s = socket.socket(40, socket.SOCK_STREAM); s.settimeout(0.5); s.connect((2, 1024))`,
  })),
  {
    row: 11,
    name: "no interface but loopback",
    kind: "network",
    async run(context) {
      const session = await context.open();
      const step = await session.run(`
import json
names = sorted(line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:])
routes = open("/proc/net/route").readlines()[1:]
print(json.dumps({"names": names, "routes": [line.split()[0] for line in routes]}))
`);
      const { names, routes } = printed<{ names: string[]; routes: string[] }>(step);
      assert.deepEqual(
        names.filter(
          (name) =>
            ![
              "lo",
              "tunl0",
              "sit0",
              "ip6tnl0",
              "gre0",
              "gretap0",
              "erspan0",
              "ip_vti0",
              "ip6_vti0",
              "ip6gre0",
            ].includes(name),
        ),
        [],
      );
      assert.deepEqual(
        routes.filter((name) => name !== "lo"),
        [],
      );
      return { agentSees: `interfaces: ${names.join(", ")}; no route`, record: recordOf(step) };
    },
  },
  unreachable(12, "cloud metadata, gateways, and services of the host", (ears, addresses) => ({
    metadata: connect("169.254.169.254", 80),
    "metadata by name": connect("metadata.google.internal", 80),
    "metadata ipv6": connect("fd00:ec2::254", 80),
    "docker's gateway": connect("172.17.0.1", ears.tcpPort),
    "host by name": connect("host.docker.internal", ears.tcpPort),
    ...Object.fromEntries(addresses.map((address) => [`host ${address}`, connect(address, ears.tcpPort)])),
    "host's loopback": connect("127.0.0.1", ears.tcpPort),
    "engine by TCP": connect("127.0.0.1", 2375),
  })),
  unreachable(13, "Unix sockets of the host, by path and by abstract name", (ears) => {
    const unix = (path: string) => `s = socket.socket(socket.AF_UNIX); s.settimeout(0.5); s.connect(${path})`;
    const engine = (process.env.DOCKER_HOST ?? "").replace(/^unix:\/\//, "") || "/run/docker.sock";
    return {
      "by path": unix(JSON.stringify(ears.path)),
      "by path below root": unix(JSON.stringify(`/proc/1/root${ears.path}`)),
      abstract: unix(`"\\0${ears.abstractName}"`),
      "docker.sock": unix(`"/var/run/docker.sock"`),
      "run/docker.sock": unix(`"/run/docker.sock"`),
      "our engine's": unix(JSON.stringify(engine)),
      containerd: unix(`"/run/containerd/containerd.sock"`),
      dbus: unix(`"/run/dbus/system_bus_socket"`),
      journal: unix(`"/dev/log"`),
      "any in /run": `found = [os.path.join(f, n) for f, _, names in os.walk("/run") for n in names]\nif not found: raise FileNotFoundError(2, "none")`,
    };
  }),
  {
    row: 13,
    name: "descriptors that were inherited",
    kind: "network",
    async run(context) {
      const session = await context.open();
      const step = await session.run(`
import json, os
listing = os.open("/proc/self/fd", os.O_RDONLY)
told = {}
for name in os.listdir(listing):
    if int(name) != listing:
        try: told[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError: pass
os.close(listing)
print(json.dumps(told))
`);
      const told = printed<Record<string, string>>(step);
      const strange = Object.values(told).filter(
        (link) => !/^(pipe|socket|host|anon_inode):|^\/dev\/null$|^\/proc\/(self|\d+)\/fd$/.test(link),
      );
      assert.deepEqual(strange, []);
      assert.ok(Object.keys(told).length <= 8, `${Object.keys(told).length} descriptors are open`);
      return {
        agentSees: `descriptors: ${Object.values(told)
          .map((link) => link.split(":")[0])
          .join(", ")}`,
        record: recordOf(step),
      };
    },
  },
];
