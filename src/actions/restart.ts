import { action } from '../core/action.ts';
import { ProvisionError } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import { callSite } from '../core/source.ts';
import type { Action } from '../core/step.ts';
import { hostPathProblem } from '../host/host-path.ts';
import { systemctl } from '../host/systemctl.ts';
import { changedSinceStart } from './changed-since-start.ts';

export interface RestartOptions {
  /**
   * Absolute paths of files that the service reads when it starts, and only then. When one of them was written after the main
   * process was started, by whomever, the restart is due; the content does not matter, so name no file that others write again and again.
   */
  readonly reads?: readonly string[];
}

/**
 * Stops a systemd service and starts it again; one that does not run is started. A unit file that has changed is loaded first.
 * @throws ProvisionError `PLAYBOOK` for a path that cannot be one; when run `ACTION_FAILED` with the end of the journal
 * @example
 * onChange(daemonOptions, restart('docker', { reads: ['/etc/docker/daemon.json'] }))
 */
export function restart(service: string, { reads = [] }: RestartOptions = {}): Action {
  for (const path of reads) {
    const fault = hostPathProblem(path);
    if (fault === undefined) continue;
    throw new ProvisionError({
      code: 'PLAYBOOK',
      at: callSite(),
      happened: `the path ${JSON.stringify(path)} that ${service} reads ${fault}`,
      remedy: 'give the absolute path on the host',
    });
  }
  return restartOf({ service, reads });
}

const restartOf = action({
  kind: 'restart',
  id: ({ service }: { readonly service: string; readonly reads: readonly string[] }) => service,
  async run(host, { service }) {
    const { stdout } = await host.probe(sh`systemctl show -p NeedDaemonReload -- ${service} 2>/dev/null`);
    // Without it, the old unit would be started again.
    if (stdout.trim() === 'NeedDaemonReload=yes')
      await host.run(sh`systemctl daemon-reload`, { doing: 'systemctl daemon-reload' });
    await systemctl(host, 'restart', service, 'ACTION_FAILED');
  },
  whyDue: async (host, { service, reads }) => changedSinceStart(host, service, reads),
});
