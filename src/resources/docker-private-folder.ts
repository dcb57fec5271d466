import { ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { joinScripts, Script, sh } from '../core/script.ts';

/*
 * A folder carries process id and start time of the shell that made it in its name, so that a later run knows whether
 * anybody still uses it: it may hold a login. A shell that nobody has reaped yet uses nothing.
 */

/**
 * Gives a task a folder in memory that only root can read, and removes it afterwards, whatever came of the task.
 * Those of runs that died are removed first.
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

/** Removes the folders of runs that died. A pull that goes on without its run has read its login when it began. */
export async function sweepPrivateFolders(host: Host): Promise<void> {
  await host.run(sweep, { doing: 'removing private files of runs that died' });
}

const sweep = Script.fromTrusted(`for folder in /run/provision-docker.*; do
  [ -d "$folder" ] || continue
  rest=\${folder#*.}
  owner=\${rest%%.*} rest=\${rest#*.} line=
  { read -r line <"/proc/$owner/stat"; } 2>/dev/null
  set -- \${line##*) }
  [ "$owner" = "$$" ] || [ "$1" = Z ] || [ "\${20:-gone}" != "\${rest%%.*}" ] || continue
  rm -rf -- "$folder" 2>/dev/null
done
true`);

const make = Script.fromTrusted(`{ read -r line </proc/$$/stat; } 2>/dev/null
set -- \${line##*) }
umask 077; mktemp -d "/run/provision-docker.$$.\${20:-0}.XXXXXX"`);

const folderPath = /^\/run\/provision-docker\.\d{1,10}\.\d{1,20}\.[A-Za-z0-9]{6}$/;

async function makeFolder(host: Host): Promise<string> {
  const { stdout } = await host.run(joinScripts([sweep, make]), { doing: 'making a private folder' });
  const folder = stdout.trim();
  // This path is removed with all that is in it, so a host cannot choose it freely.
  if (folderPath.test(folder)) return folder;
  throw new ProvisionError({ code: 'DOCKER', happened: 'mktemp did not answer with a folder in /run' });
}
