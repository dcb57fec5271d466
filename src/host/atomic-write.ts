import { createHash, randomBytes } from 'node:crypto';
import type { WriteOptions } from '../core/host.ts';
import { joinScripts, Script, sh } from '../core/script.ts';
import type { Connection } from './connection.ts';
import { enterFolder } from './enter-folder.ts';
import { commandFailure } from './host-failure.ts';
import { splitHostPath } from './host-path.ts';

/**
 * Replaces a file so that whoever looks sees the old bytes or the new ones, also after a power cut, and nobody sees
 * the new ones before owner and mode are right. The bytes never pass through a shell.
 * @throws ProvisionError `UNSAFE_PATH`, `DISK_FULL`, `READ_ONLY` or `COMMAND_FAILED`; the old file is then untouched
 */
export async function atomicWrite(
  connection: Connection,
  path: string,
  content: Uint8Array,
  { mode, owner = 'root', group = 'root' }: WriteOptions,
): Promise<void> {
  const [folder, name] = splitHostPath(path);
  const doing = `writing ${path}`;
  const needKb = Math.ceil(content.byteLength / 1024) + 4;
  await execute(
    connection,
    joinScripts([enterFolder(folder), sh`name=${name} need=${needKb}`, prepare]),
    doing,
  );
  const upload = await connection.upload(content, path);
  const temp = `.${name}.provision-${randomBytes(8).toString('hex')}`;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const values = sh`name=${name} temp=${temp} upload=${upload} sha256=${sha256} mode=${mode} owner=${`${owner}:${group}`}`;
  await execute(connection, joinScripts([values, enterFolder(folder), commit]), doing);
}

async function execute(connection: Connection, script: Script, doing: string): Promise<void> {
  const output = await connection.execute(script, { doing, timeoutMs: 300_000 });
  if (output.code !== 0) throw commandFailure(doing, output, 'the old file is untouched');
}

const refuseOtherTypes = `if [ -L "./$name" ]; then refuse link "$(pwd -P)/$name"
elif [ -d "./$name" ]; then refuse directory "$(pwd -P)/$name"
elif [ -e "./$name" ] && [ ! -f "./$name" ]; then refuse other "$(pwd -P)/$name"; fi`;

// Before the upload: an unsafe path or a full disk must be known before a key travels. Sweeps up after runs that were killed.
const prepare = Script.fromTrusted(`${refuseOtherTypes}
for old in "./.$name.provision-"????????????????; do
  [ -e "$old" ] && [ ! -d "$old" ] && rm -f -- "$old"
done
df -Pk . | { read -r _; read -r _ _ _ free _; [ "$free" -ge "$need" ] || refuse full "$free	$need"; }`);

// Mode and owner are set through the open descriptor: a name could be swapped for a link between two commands.
const commit = Script.fromTrusted(`${refuseOtherTypes}
trap 'rm -f -- "$upload" "./$temp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
bytes=/proc/self/fd/3
place() {
  sum=$(sha256sum "$bytes") && [ "\${sum%% *}" = "$sha256" ] || refuse differs
  chown -- "$owner" "$bytes" && chmod "$mode" "$bytes" || return
  sync "$bytes" 2>/dev/null
  mv -fT -- "./$temp" "./$name" || return
  ! command -v restorecon >/dev/null 2>&1 || restorecon -- "./$name" 2>/dev/null
  sync . 2>/dev/null
  return 0
}
if [ "\${upload%/*}" = "$(pwd -P)" ]; then
  temp=\${upload##*/}
  place 3<"./$temp"
else
  set -C
  { set +C; cat -- "$upload" >&3 && place; } 3>"./$temp"
fi`);
