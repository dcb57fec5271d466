import { Worker } from 'node:worker_threads';

/** What was seen of the processes of this machine and of all hosts on it: they share its kernel. */
export interface ProcessSightings {
  readonly rounds: number;
  readonly processes: number;
  /** Where a needle was found: `environ of 17: node …`. */
  readonly found: readonly string[];
}

/**
 * Reads the arguments and environments of all processes again and again, as fast as one thread can, until it is stopped.
 * @param needles raw texts, looked for in arguments and environments
 * @example
 * const watch = await watchProcesses(['canary']);
 * const { found } = await watch.stop();
 */
export async function watchProcesses(
  needles: readonly string[],
): Promise<{ stop(): Promise<ProcessSightings> }> {
  const worker = new Worker(source, { eval: true, workerData: needles });
  await new Promise((resolve) => worker.once('message', resolve));
  return {
    async stop() {
      const seen = new Promise<ProcessSightings>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      worker.postMessage('stop');
      const sightings = await seen;
      await worker.terminate();
      return sightings;
    },
  };
}

// In JavaScript, as a worker from text is not compiled.
const source = `
const { readdirSync, readFileSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const needles = workerData.map((text) => Buffer.from(text));
const found = new Set();
const processes = new Set();
let rounds = 0;
let running = true;
const argsOf = new Map();
const look = (pid, name) => {
  const read = (file) => {
    try { return readFileSync('/proc/' + pid + '/' + file); } catch { return Buffer.alloc(0); }
  };
  const bytes = read(name);
  if (bytes.length === 0) return;
  processes.add(pid);
  if (name === 'cmdline') argsOf.set(pid, bytes.toString('utf8').replaceAll('\\0', ' ').slice(0, 200));
  const hits = needles.flatMap((needle, index) => (bytes.includes(needle) ? [index] : []));
  if (hits.length === 0) return;
  // Between two looks a process may end, and then has no arguments any more, or become another program: that one is looked at
  // in the next round, by its own name.
  const before = argsOf.get(pid) ?? '';
  const after = read('cmdline').toString('utf8').replaceAll('\\0', ' ').slice(0, 200);
  if (after !== '' && after !== before) return;
  for (const index of hits) found.add(name + ' has ' + index + ': ' + before);
};
const round = () => {
  if (!running) return parentPort.postMessage({ rounds, processes: processes.size, found: [...found] });
  for (const pid of readdirSync('/proc')) {
    if (pid.charCodeAt(0) > 57 || Number(pid) === process.pid) continue;
    look(pid, 'cmdline');
    look(pid, 'environ');
  }
  rounds++;
  setImmediate(round);
};
parentPort.on('message', () => (running = false));
round();
parentPort.postMessage('started');
`;
