import { resource } from '../core/resource.ts';
import { joinScripts, Script, sh } from '../core/script.ts';
import { enterFunction } from '../host/enter-folder.ts';
import { inTheWay } from './file.ts';
import { checkHostFile } from './host-file-props.ts';

export interface DirectoryProps {
  /** Absolute path on the host. */
  readonly path: string;
  /** Four octal digits. Default `0755`. */
  readonly mode?: string;
  /** Default `root`. */
  readonly owner?: string;
  /** Default `root`. */
  readonly group?: string;
}

/**
 * A directory; what is in it is not looked at. Missing parents are made, with mode 0755 and owner root.
 * @throws ProvisionError `PLAYBOOK` for a path, mode or owner that makes no sense; when applied `UNSAFE_PATH`, `DISK_FULL`, `READ_ONLY`
 * @example
 * directory({ path: '/opt/rancher', mode: '0700' })
 */
export const directory = resource({
  kind: 'directory',
  want: (props: DirectoryProps) => {
    const want = { mode: '0755', owner: 'root', group: 'root', ...props };
    checkHostFile(want);
    return { ...want, type: 'directory' as const };
  },
  id: (want) => want.path,
  read: async (host, want) => {
    const state = await host.stat(want.path);
    return (
      state && { path: want.path, type: state.type, mode: state.mode, owner: state.owner, group: state.group }
    );
  },
  async apply(host, want, have) {
    if (have && have.type !== 'directory') throw inTheWay(want.path, have.type);
    await host.run(makeDirectory(want), { doing: `making ${want.path}` });
  },
});

/** A script that makes a directory and what is missing above it. */
export function makeDirectory({ path, mode, owner, group }: Required<DirectoryProps>): Script {
  const values = sh`path=${path} mode=${mode} owner=${`${owner}:${group}`}`;
  return joinScripts([enterFunction, values, makeAll]);
}

// Each part is made and entered before the next: nobody can swap a folder on the way for a link. Bare names and `.` do the rest.
const makeAll = Script.fromTrusted(`missing= folder=$path
while [ ! -d "$folder" ]; do
  missing=/\${folder##*/}$missing folder=\${folder%/*}
  [ -n "$folder" ] || folder=/
done
enter "$folder"
while [ -n "$missing" ]; do
  missing=\${missing#/} name=\${missing%%/*}
  case $missing in */*) missing=/\${missing#*/} ;; *) missing= ;; esac
  here=$(pwd -P) bits=0755
  [ -n "$missing" ] || bits=0700
  mkdir -m "$bits" -- "./$name" && cd -P -- "./$name" || exit 1
  [ "$(pwd -P)" = "\${here%/}/$name" ] || refuse unsafe "\${here%/}/$name"
done
chown -- "$owner" . && chmod "$mode" . || exit 1
! command -v restorecon >/dev/null 2>&1 || restorecon . 2>/dev/null
exit 0`);
