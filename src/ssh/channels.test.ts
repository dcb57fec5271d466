import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { Channels } from './channels.ts';
import { Lifeline } from './lifeline.ts';

const channelsOf = () =>
  new Channels(new Lifeline({ name: 'a', address: 'a.test', port: 22, user: 'root', become: 'none' }));
const opens = (done: (error: undefined, channel: EventEmitter) => void) =>
  done(undefined, new EventEmitter());

test('connections that nobody answers do not keep a session waiting', async () => {
  const channels = channelsOf();
  for (let count = 0; count < 100; count++) void channels.forward(() => undefined, 'connect to 192.0.2.1:80');
  await expect(channels.session(opens, 'open a shell')).resolves.toBeInstanceOf(EventEmitter);
});

test('no more than eight sessions are open, and the next one opens when one closes', async () => {
  const channels = channelsOf();
  const open = await Promise.all(Array.from({ length: 8 }, () => channels.session(opens, 'open a shell')));
  let ninth = false;
  const waiting = channels.session(opens, 'open a shell').then(() => (ninth = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(ninth).toBe(false);
  open[3]!.emit('close');
  await waiting;
  expect(ninth).toBe(true);
});
