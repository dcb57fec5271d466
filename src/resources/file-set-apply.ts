import { randomBytes } from 'node:crypto';
import { problemsOf, ProvisionError, type Problem } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import type { Script } from '../core/script.ts';
import { lastLines } from '../host/host-failure.ts';
import { fileChanges, type WantedFile } from './file-changes.ts';
import { inTheWay } from './file.ts';
import {
  cleanUp,
  noPrivateView,
  putBack,
  stageTree,
  swapIn,
  validateStaged,
  type FileSetPlaces,
  type TouchedPaths,
} from './file-set-scripts.ts';
import { observeServing, type FileSetHave, type FileSetWant } from './file-set-state.ts';
import { waitUntil } from './wait-until.ts';

const proofMs = 15_000;

/** One change of a file set on its way. */
interface Job {
  readonly host: Host;
  readonly want: FileSetWant;
  readonly places: FileSetPlaces;
  readonly changed: readonly WantedFile[];
  readonly touched: TouchedPaths;
  readonly discovered: unknown;
  readonly expected: string;
  /** What was served before. */
  readonly servedBefore: string | undefined;
}

/** Stage, validate, swap, activate, prove; and back when any of it fails. `readAgain` tells the state anew. */
export async function applyFileSet(
  host: Host,
  want: FileSetWant,
  have: FileSetHave,
  readAgain: () => Promise<FileSetHave>,
): Promise<void> {
  const places = { root: want.root, work: want.workFolder };
  const found = (await recover(host, want, places, have)) ? await readAgain() : have;
  const job = makeJob(host, want, found);
  if (isDone(job)) return;
  const isValidated = await stageAndValidate(job);
  const failure = await goLive(job, isValidated);
  if (failure) throw await goBack(job, failure);
  await run(job, cleanUp(places), 'cleaning up');
}

function makeJob(host: Host, want: FileSetWant, have: FileSetHave): Job {
  const blocked = have.files.find(({ found }) => found && found.type !== 'file');
  if (blocked?.found) throw inTheWay(blocked.want.path, blocked.found.type);
  const relative = (path: string) => path.slice(want.root.length + 1);
  const changed = have.files.filter(({ found, want: file }) => fileChanges(found, file, String).length > 0);
  return {
    host,
    want,
    places: { root: want.root, work: want.workFolder },
    changed: changed.map((file) => file.want),
    touched: {
      replaced: changed.map((file) => relative(file.want.path)),
      removed: have.surplus.map(({ path }) => relative(path)),
    },
    discovered: have.known?.discovered,
    expected: have.known?.expected ?? '',
    servedBefore: have.serving,
  };
}

/** What was left to do was to clear up. */
function isDone({ changed, touched, servedBefore, expected }: Job): boolean {
  return changed.length === 0 && touched.removed.length === 0 && servedBefore === expected;
}

/**
 * Ends what a run that died has begun. When the files of that run are served, they stay; else nobody has proved them, and the
 * old ones are put back first, so that they are what a failure of this run falls back to.
 */
async function recover(
  host: Host,
  want: FileSetWant,
  places: FileSetPlaces,
  have: FileSetHave,
): Promise<boolean> {
  if (!have.unfinished) return false;
  const begun = await host.readFile(`${places.work}/transaction`);
  if (begun !== undefined && begun !== have.serving) {
    host.progress(`an earlier run stopped while it changed ${want.name}: putting its old files back first`);
    await host.run(putBack(places, newId()), { doing: `putting back the files of ${want.name}` });
  }
  await host.run(cleanUp(places), { doing: 'cleaning up after an earlier run' });
  return true;
}

/** Whether the staged tree was found valid; false where that can only be seen after the swap. */
async function stageAndValidate(job: Job): Promise<boolean> {
  const { host, want, places } = job;
  try {
    await run(job, stageTree(places, job.touched), 'staging');
    for (const file of job.changed) {
      const path = `${places.work}/stage/${file.path.slice(want.root.length + 1)}`;
      await host.writeFile(path, file.content, file);
    }
    const output = await host.probe(validateStaged(places, want.validate));
    if (output.code === 0) return true;
    if (output.code === noPrivateView) return false;
    throw new ProvisionError(invalid(want.name, output.stdout + output.stderr));
  } catch (error) {
    await run(job, cleanUp(places), 'cleaning up').catch(() => undefined);
    throw withState(error, 'the live files are untouched, and what was served is still served');
  }
}

/** Undefined when the new files are live, else why they are not. */
async function goLive(job: Job, isValidated: boolean): Promise<Problem | undefined> {
  const { host, want } = job;
  try {
    await run(job, swapIn(job.places, job.touched, job.expected, newId()), 'swapping');
    if (!isValidated) {
      const output = await host.probe(want.validate);
      if (output.code !== 0) return invalid(want.name, output.stdout + output.stderr);
    }
  } catch (error) {
    return problemsOf(error)[0];
  }
  try {
    await run(job, want.activate, 'activating');
  } catch (error) {
    const [problem] = problemsOf(error);
    const code = problem.code === 'COMMAND_FAILED' ? 'ACTION_FAILED' : problem.code;
    return { ...problem, code, detail: [problem.detail, await diagnosis(job)].filter(Boolean).join('\n') };
  }
  const saw = await provenServed(job, job.expected);
  if (saw === undefined) return undefined;
  return {
    code: 'NOT_LIVE',
    happened: `${want.name} was told to use its new files, but does not serve them: after ${proofMs / 1000} s it served ${saw}, not ${job.expected}`,
    remedy: 'the log of the service says why; correct it, then run again',
    detail: await diagnosis(job),
  };
}

async function diagnosis({ host, want }: Job): Promise<string> {
  if (!want.diagnose) return '';
  // What went wrong is known already: that this fails too must not hide it.
  const output = await host.probe(want.diagnose).catch(() => undefined);
  return output ? lastLines(`${output.stderr}\n${output.stdout}`) : '';
}

/** Undefined when that is served in time, else what was seen last. */
async function provenServed({ host, want, discovered }: Job, expected: string): Promise<string | undefined> {
  let last = '';
  const proven = await waitUntil(
    async () => {
      // For a moment after a reload the old and the new answer in turn.
      for (let inRow = 1; ; inRow++) {
        const { serving, saw } = await observeServing(host, want, discovered);
        last = saw;
        if (serving !== expected) break;
        if (inRow === 3) return true;
      }
      host.progress(`waiting until ${want.name} serves ${expected} (now: ${last})`);
      return undefined;
    },
    { timeoutMs: proofMs, intervalMs: 500 },
  );
  return proven ? undefined : last;
}

/** Puts the old files back and proves them; gives the error to throw, which tells in what state the host is. */
async function goBack(job: Job, failure: Problem): Promise<ProvisionError> {
  const { want, places } = job;
  job.host.progress(`${want.name}: putting the old files back`);
  try {
    await run(job, putBack(places, newId()), 'putting the old files back');
    const served = await activateOld(job);
    await run(job, cleanUp(places), 'cleaning up');
    return new ProvisionError({ ...failure, hostState: `the old files are back, ${served}` });
  } catch (error) {
    const hostState = `putting the old files back failed too (${problemsOf(error)[0].happened}); the next run tries again, and they are kept in ${places.work}/backup`;
    return new ProvisionError({ ...failure, hostState }, { cause: error });
  }
}

async function activateOld(job: Job): Promise<string> {
  const { servedBefore } = job;
  const activated = await run(job, job.want.activate, 'activating the old files').then(
    () => true,
    (error: unknown) => {
      if (problemsOf(error)[0].code !== 'COMMAND_FAILED') throw error;
      return false;
    },
  );
  if (servedBefore === undefined)
    return 'and before this run nothing was served from them that could be proved';
  const saw = await provenServed(job, servedBefore);
  if (saw === undefined) return 'and they are served as before';
  return `but they are not served as before: ${activated ? `seen was ${saw}` : 'activating them failed'}`;
}

function run({ host, want }: Job, script: Script, what: string) {
  return host.run(script, { doing: `${what} (${want.name})`, timeoutMs: 120_000 });
}

function invalid(name: string, output: string): Problem {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const line =
    lines.find((each) => /emerg|error|fail|invalid/i.test(each)) ?? lines.at(-1) ?? 'it does not say why';
  return {
    code: 'VALIDATION_FAILED',
    happened: `the new files of ${name} are not valid: ${line.trim().slice(0, 500)}`,
    remedy: 'correct what they are made from, then run again',
    detail: lastLines(output),
  };
}

function withState(error: unknown, hostState: string): unknown {
  if (!(error instanceof ProvisionError)) return error;
  const [first, ...rest] = error.problems.map((problem) => ({ ...problem, hostState }));
  return new ProvisionError([first!, ...rest], { cause: error });
}

function newId(): string {
  return randomBytes(8).toString('hex');
}
