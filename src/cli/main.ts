#!/usr/bin/env node
import { problemsOf } from '../core/errors.ts';
import { exitCodeOf } from '../engine/exit-code.ts';
import { renderProblems } from '../report/render-problems.ts';
import { createSink, type Sink } from '../report/sink.ts';
import { guardProcess } from './guard-process.ts';
import { loadCommands } from './load-commands.ts';
import { parseCommandLine, type Request } from './program.ts';
import { Interrupted } from './prompts.ts';
import { canAsk, terminalStyle } from './terminal.ts';
import { version } from './version.ts';

// Until the work has said how it ended, every way out is a defect: an empty event loop must never look like success.
process.exitCode = 250;
process.umask(0o077);
let completed = false;
process.on('exit', () => {
  if (!completed && process.exitCode === 250)
    process.stderr.write('BUG — provision ended before its work did\n');
});

const sink = createSink({ stdout: process.stdout, stderr: process.stderr, unicode: terminalStyle().unicode });
guardProcess(sink, (error) => {
  completed = true;
  const exit = report(error, sink);
  void sink.flush().then(() => process.exit(exit));
});
const exit = await main(process.argv.slice(2), sink);
completed = true;
await sink.flush();
process.exit(sink.failure && exit === 0 ? 1 : exit);

async function main(argv: readonly string[], out: Sink): Promise<number> {
  try {
    return await dispatch(parseCommandLine(argv, version), out);
  } catch (error) {
    if (error instanceof Interrupted) {
      out.message('stopped: nothing was changed');
      return 130;
    }
    const problems = problemsOf(error);
    const code = report(error, out);
    // The one thing that is found out about hosts before anything is changed.
    const done = problems.some((problem) => problem.code === 'STALE_PLAN') ? 'changed' : 'contacted';
    if (problems.length > 1) out.message(`${problems.length} problems; nothing was ${done}`);
    return code;
  }
}

/** Tells what went wrong; its exit code. */
function report(error: unknown, out: Sink): number {
  const problems = problemsOf(error);
  const { color, unicode } = terminalStyle();
  out.message(renderProblems(problems, { color: color.stderr, unicode, folder: process.cwd() }), 'own');
  if (problems[0].code === 'BUG' && error instanceof Error) out.message(error.stack ?? '');
  return exitCodeOf(problems.map(({ code }) => code));
}

async function dispatch(request: Request, out: Sink): Promise<number> {
  switch (request.command) {
    case 'none':
      return 0;
    case 'report':
      return (await import('./records-commands.ts')).reportCommand(request, out);
    case 'runs':
      return (await import('./records-commands.ts')).runsCommand(request, out);
    default:
      return onInput(request, out);
  }
}

async function onInput(
  request: Exclude<Request, { command: 'none' | 'report' | 'runs' }>,
  out: Sink,
): Promise<number> {
  const commands = await loadCommands();
  switch (request.command) {
    case 'run':
      return commands.runCommand(request, out);
    case 'plan':
      return commands.planCommand(request, out);
    case 'apply':
      return commands.applyCommand(request, out);
    case 'check':
      return commands.checkCommand(request, out, canAsk(request));
    case 'trust':
      return commands.trustCommand(request, out, canAsk(request));
    case 'retry':
      return commands.retryCommand(request, out);
  }
}
