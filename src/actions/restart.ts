import { action } from '../core/action.ts';
import { systemctl } from '../host/systemctl.ts';

/**
 * Stops a systemd service and starts it again; one that does not run is started.
 * @throws ProvisionError `ACTION_FAILED` with the end of the journal
 * @example
 * onChange(daemonOptions, restart('docker'))
 */
export const restart = action({
  kind: 'restart',
  id: (service: string) => service,
  run: (host, service) => systemctl(host, 'restart', service, 'ACTION_FAILED'),
});
