// CPU of processes, from /proc; where there is none (no Linux, a server elsewhere) it is `null`.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const hasProc = existsSync('/proc/self/stat');
const ticksPerSecond = hasProc ? Number(execFileSync('getconf', ['CLK_TCK'])) : 100;

/** Seconds of CPU that a process and all below it have used, those that have ended included. */
export function treeSeconds(pid) {
  if (!hasProc || pid === undefined) return null;
  const processes = readProcesses();
  if (!processes.has(pid)) return null;
  return sumTree(processes, pid) / ticksPerSecond;
}

/** Seconds of CPU that the whole machine has used. */
export function machineSeconds() {
  if (!hasProc) return null;
  const [line] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user, nice, system, , , irq, softirq, steal] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + (steal ?? 0)) / ticksPerSecond;
}

function readProcesses() {
  const found = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(name);
    if (stat) found.set(Number(name), stat);
  }
  return found;
}

function readStat(name) {
  let text;
  try {
    text = readFileSync(`/proc/${name}/stat`, 'utf8');
  } catch {
    return undefined; // it has just ended
  }
  // The command stands in brackets and may hold any character, brackets too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number);
  return { parent: Number(fields[1]), ticks: user + system + endedUser + endedSystem };
}

function sumTree(processes, root) {
  const children = new Map();
  for (const [pid, { parent }] of processes) {
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(pid);
  }
  const sum = (pid) =>
    processes.get(pid).ticks + (children.get(pid) ?? []).reduce((all, one) => all + sum(one), 0);
  return sum(root);
}
