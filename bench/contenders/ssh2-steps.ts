import { readFileSync } from 'node:fs';
import { Client } from 'ssh2';
import type { Target } from '../lab.ts';

/*
 * A program of its own: does scripts on hosts, one after the other through one shell a host, with the least that ssh2 needs.
 * Fails when one of them does.
 */
const { keyFile, targets, scripts } = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as {
  keyFile: string;
  targets: readonly Target[];
  scripts: readonly string[];
};
const privateKey = readFileSync(keyFile);
void Promise.all(targets.map(work));

function work({ port, hostKey }: Target): Promise<void> {
  const client = new Client();
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('ready', () => {
      client.setNoDelay(true);
      client.exec('exec /bin/sh -s', (error, channel) => {
        if (error) return void reject(error);
        let next = 0;
        const send = () => {
          if (next === scripts.length) return void channel.end();
          channel.write(`{\n${scripts[next++]!}\n} </dev/null\necho DONE\n`);
        };
        channel.on('data', (chunk: Buffer) => {
          if (chunk.toString().includes('DONE')) send();
        });
        channel.stderr.pipe(process.stderr);
        channel.on('close', (code: number) => {
          client.end();
          if (code === 0) resolve();
          else reject(new Error(`a script on port ${port} ended with ${code}`));
        });
        send();
      });
    });
    const expected = hostKey.split(' ')[1];
    client.connect({
      host: '127.0.0.1',
      port,
      username: 'root',
      privateKey,
      hostVerifier: (key: Buffer) => key.toString('base64') === expected,
    });
  });
}
