import { action } from '../core/action.ts';
import { sh } from '../core/script.ts';
import { systemctl } from '../host/systemctl.ts';

/**
 * Makes a running systemd service read its configuration again. One that does not run is left alone: it will read it when it starts.
 * Only the note of provision tells that it is due: no host knows for certain when a service has last read its configuration.
 * @throws ProvisionError `ACTION_FAILED` with the end of the journal
 * @example
 * onChange(configuration, reload('nginx'))
 */
export const reload = action({
  kind: 'reload',
  id: (service: string) => service,
  async run(host, service) {
    const { code } = await host.probe(sh`systemctl is-active --quiet -- ${service}`);
    if (code !== 0) host.progress(`${service} does not run: nothing to reload`);
    else await systemctl(host, 'reload', service, 'ACTION_FAILED');
  },
});
