import { basename } from 'node:path';
import { problemsOf, ProvisionError } from '../core/errors.ts';
import type { Listener } from '../core/event.ts';
import { Secret } from '../core/secret.ts';
import { systemClock } from '../engine/clock.ts';
import type { ConfirmChange } from '../engine/ask-first.ts';
import type { Executor } from '../engine/executor.ts';
import { exitCodeOf } from '../engine/exit-code.ts';
import { LocalExecutor } from '../engine/local-executor.ts';
import type { Sink } from '../report/sink.ts';
import type { SshTarget } from '../ssh/target.ts';
import { askPassphrases } from './ask-passphrases.ts';
import { listenForInterrupts } from './interrupts.ts';
import type { ReachRequest } from './program/options.ts';
import { answerSecret, Interrupted } from './prompts.ts';
import type { Input } from './read-input.ts';
import { startRecord } from './start-record.ts';
import { startWorkers } from './workers/start-workers.ts';

/** What work on hosts is done with. */
export interface Reach {
  readonly executor: Executor;
  /** Aborted when a person has interrupted: finish what is under way. Its reason is the exit code. */
  readonly signal: AbortSignal;
  /** Keeps what happens in the record of the run: give it every event. */
  readonly record: Listener;
  /** What the playbook is called, wherever it lies. */
  readonly playbook: string;
}

/** Who is told and asked while hosts are worked on. */
interface Asking {
  readonly sink: Sink;
  readonly mayAsk: boolean;
  /** How a person is asked before each change; `stop` ends the run. Default: nobody is. */
  readonly confirm?: (stop: () => void) => ConfirmChange;
}

/**
 * Does work on the hosts of the input: asks for what logging in needs, keeps a record, and ends all sessions afterwards.
 * @returns the exit code: that of the work, or of the interrupt
 */
export async function withHosts(
  request: ReachRequest,
  input: Input,
  { sink, mayAsk, confirm }: Asking,
  work: (reach: Reach) => Promise<number>,
): Promise<number> {
  const { slice } = input.plan;
  if (slice && input.targets.size === 0)
    sink.message(`slice ${slice.index} of ${slice.of} has no hosts: there is nothing to do in it`);
  const withGiven = await withPasswords(input.targets, request, mayAsk);
  const targets = mayAsk ? await askPassphrases(withGiven, answerSecret) : withGiven;
  const recorder = startRecord(request, input, sink);
  const interrupts = listenForInterrupts({
    first: () => sink.message('stopping after the steps that are under way; press again to stop at once'),
    second: (exit) => {
      sink.message(
        'stopped at once: the steps that were under way may be half done; the next run repairs them',
      );
      recorder.end(exit);
      process.exit(exit);
    },
  });
  let open: OpenHosts | undefined;
  try {
    open = await openHosts(request, input, targets, {
      sink,
      signal: interrupts.signal,
      confirm: confirm?.(interrupts.stop),
    });
    const worked = await work({
      executor: open.executor,
      signal: interrupts.signal,
      record: (event) => recorder.take(event),
      playbook: basename(input.files.playbook),
    });
    const exit = interrupts.exitCode() ?? worked;
    recorder.end(exit);
    return exit;
  } catch (error) {
    const codes = problemsOf(error).map(({ code }) => code);
    recorder.end(error instanceof Interrupted ? 130 : exitCodeOf(codes));
    throw error;
  } finally {
    await open?.executor.close();
    await open?.close();
    interrupts.close();
  }
}

interface OpenHosts {
  readonly executor: Executor;
  /** After the executor. */
  close(): Promise<void>;
}

/** The hosts in this process, or shared by workers. */
async function openHosts(
  request: ReachRequest,
  input: Input,
  targets: ReadonlyMap<string, SshTarget>,
  { sink, signal, confirm }: { sink: Sink; signal: AbortSignal; confirm: ConfirmChange | undefined },
): Promise<OpenHosts> {
  const { acceptNew, workers } = request;
  const debug = request.verbosity > 2;
  const waits = { reconnectMs: request.reconnect * 1000, lockWaitMs: request.lockWait * 1000 };
  const accepted = (host: string, fingerprint: string) =>
    sink.message(`${host}: its key was not known and is now stored: ${fingerprint}`);
  if (workers > 1) {
    const news = { message: (text: string) => sink.message(text), accepted };
    return startWorkers(input, targets, { count: workers, news, acceptNew, debug, ...waits });
  }
  const { connectBySsh } = await import('./over-ssh.ts');
  const hosts = connectBySsh(targets, {
    acceptNew,
    onAccepted: accepted,
    ...(debug && { onDebug: (host: string, text: string) => sink.message(`${host}: ${text}`) }),
    ...waits,
    signal,
  });
  const executor = new LocalExecutor(input.plan, hosts.connect, systemClock, confirm);
  return { executor, close: () => hosts.close() };
}

/** Passwords that are asked for once and used for every host that has none in the inventory. */
async function withPasswords(
  targets: ReadonlyMap<string, SshTarget>,
  request: ReachRequest,
  mayAsk: boolean,
): Promise<ReadonlyMap<string, SshTarget>> {
  if ((request.askPass || request.askBecomePass) && !mayAsk) {
    throw new ProvisionError({
      code: 'NEED_INPUT',
      happened: 'a password is to be asked for, but there is no terminal to ask at',
      hostState: 'nothing was contacted',
      remedy: 'give it in the inventory: become_password: { env: NAME } or { file: PATH }',
    });
  }
  const password = request.askPass
    ? new Secret(await answerSecret('SSH password:'), 'ssh password')
    : undefined;
  const becomePassword = request.askBecomePass
    ? new Secret(await answerSecret('become password:'), 'become password')
    : undefined;
  return new Map(
    [...targets].map(([name, target]) => [
      name,
      { ...(password && { password }), ...(becomePassword && { becomePassword }), ...target },
    ]),
  );
}
