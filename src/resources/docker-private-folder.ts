import { ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { sh } from '../core/script.ts';

/**
 * Gives a task a folder in memory that only root can read, and removes it afterwards, whatever came of the task.
 * Folders of runs that were killed are removed after four hours, which is longer than any task may take.
 */
export async function withPrivateFolder<T>(host: Host, task: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeFolder(host);
  const remove = () => host.run(sh`rm -rf -- ${folder}`, { doing: 'removing private files' });
  let result: T;
  try {
    result = await task(folder);
  } catch (error) {
    // The task's own error says more than one about the clearing up, which the next run repeats.
    await remove().catch(() => undefined);
    throw error;
  }
  await remove();
  return result;
}

const folderPath = /^\/run\/provision-docker\.[A-Za-z0-9]{6}$/;

async function makeFolder(host: Host): Promise<string> {
  const { stdout } = await host.run(
    sh`umask 077
find /run -maxdepth 1 -type d -name 'provision-docker.*' -mmin +240 -exec rm -rf {} + 2>/dev/null
mktemp -d /run/provision-docker.XXXXXX`,
    { doing: 'making a private folder' },
  );
  const folder = stdout.trim();
  // This path is removed with all that is in it, so a host cannot choose it freely.
  if (folderPath.test(folder)) return folder;
  throw new ProvisionError({ code: 'DOCKER', happened: 'mktemp did not answer with a folder in /run' });
}
