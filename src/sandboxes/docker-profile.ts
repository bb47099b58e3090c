// The hardened profile that every container of ours is created with.
import type Docker from "dockerode";
import type { SandboxLimits } from "../contracts.ts";
import { insideCommand, insideEnv, insideUid, tmpfsBytes } from "./inside.ts";

// What newer engines hide by themselves; an older one is asked for the same.
const hiddenPaths = [
  ...["asound", "acpi", "interrupts", "kcore", "keys", "latency_stats", "timer_list", "timer_stats"],
  ...["sched_debug", "scsi"],
].map((name) => `/proc/${name}`);
const hiddenSysPaths = ["/sys/firmware", "/sys/devices/virtual/powercap"];
const fixedPaths = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

/** What the engine is asked to create. `runtime` is a name that the engine knows. */
export function containerOptions(options: {
  readonly name: string;
  readonly image: string;
  readonly runtime: string;
  /** Processes that the runtime itself needs beside those inside. */
  readonly runtimePids: number;
  readonly limits: SandboxLimits;
  readonly dataDir: string;
  readonly labels: Readonly<Record<string, string>>;
}): Docker.ContainerCreateOptions {
  const { limits } = options;
  const size = tmpfsBytes(limits);
  const memoryBytes = limits.memoryMb * 1024 * 1024;
  const owned = `uid=${insideUid},gid=${insideUid}`;
  return {
    name: options.name,
    Image: options.image,
    Cmd: [...insideCommand],
    User: `${insideUid}:${insideUid}`,
    WorkingDir: "/scratch",
    Hostname: "sandbox",
    NetworkDisabled: true,
    Env: Object.entries(insideEnv(limits)).map(([name, value]) => `${name}=${value}`),
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true, // a host that dies closes it, and the supervisor leaves
    Tty: false,
    StopTimeout: 1,
    Labels: { ...options.labels },
    HostConfig: {
      Runtime: options.runtime,
      NetworkMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Privileged: false,
      MaskedPaths: [...hiddenPaths, ...hiddenSysPaths],
      ReadonlyPaths: fixedPaths,
      // The supervisor is process 1 itself: no signal from inside ends or stops it, and no other process holds its stdout.
      Init: false,
      PidsLimit: limits.pids + options.runtimePids,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      OomScoreAdj: 500,
      IpcMode: "private",
      ShmSize: size.shm,
      Tmpfs: {
        "/tmp": `rw,nosuid,nodev,exec,size=${size.tmp},nr_inodes=50k,mode=1777`,
        "/scratch": `rw,nosuid,nodev,exec,size=${size.scratch},nr_inodes=50k,${owned},mode=0700`,
      },
      Mounts: [dataMount(options.dataDir)],
      Ulimits: [
        { Name: "nofile", Soft: 4096, Hard: 4096 },
        { Name: "core", Soft: 0, Hard: 0 },
        { Name: "fsize", Soft: 2 ** 30, Hard: 2 ** 30 },
      ],
      LogConfig: { Type: "none", Config: {} },
      RestartPolicy: { Name: "no" },
      AutoRemove: false,
      CgroupnsMode: "private",
    } as Docker.HostConfig,
  };
}

function dataMount(dataDir: string): Docker.MountSettings {
  // What is mounted below the folder stays out: engines before 25 would show it writable.
  const options = { Propagation: "rprivate" as const, NonRecursive: true };
  return { Type: "bind", Source: dataDir, Target: "/data", ReadOnly: true, BindOptions: options };
}
