/*
 * A worker of `provision --workers`, which starts it with a pipe as its only way to the world: whatever it has to say, its
 * coordinator prints. When the pipe closes it ends at once, so that no host is touched, or kept locked, behind the back of a
 * run that is over.
 */
process.umask(0o077);
// Its coordinator is told by the same signals, and says what is to be done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit(0));
if (process.send === undefined) {
  process.stderr.write('this is a part of provision --workers, and nothing to be started by hand\n');
  process.exit(5);
}

// What its coordinator sends in the meantime waits in the pipe until somebody listens.
(await import('./commands.ts')).serveAsWorker();
