import { execFile } from 'node:child_process';
import { ProvisionError } from '../core/errors.ts';

/**
 * Runs `openssl` in a folder, without a shell and without input. Secrets are passed as files, never as arguments.
 * Throws `LOCAL` when it is absent, fails, or takes more than 30 seconds.
 */
export async function openssl(command: string, args: readonly string[], cwd: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = execFile('openssl', [command, ...args], { cwd, timeout: 30_000 }, (error, _, stderr) => {
      if (error) reject(failure(command, error, stderr));
      else resolve();
    });
    // It asks for nothing; if it ever did, it must not wait for an answer.
    child.stdin?.end();
  });
}

function failure(command: string, error: Error, stderr: string): ProvisionError {
  if ('code' in error && error.code === 'ENOENT') {
    return new ProvisionError({
      code: 'LOCAL',
      happened: 'openssl is not installed on this machine, and without it no private CA can be made',
      remedy:
        'install it (apt install openssl, dnf install openssl, brew install openssl), or give a certificate of your own',
    });
  }
  return new ProvisionError(
    {
      code: 'LOCAL',
      happened: `openssl ${command} failed on this machine`,
      remedy: 'run: openssl version; any OpenSSL from 1.1.1 on will do',
      detail: stderr.trim().slice(-2000),
    },
    { cause: error },
  );
}
