import { action, file, onChange, playbook, sh } from 'provision';
import { site } from '../../../playbooks/site.ts';

/** An action that tells when it was done: the content of the file at that time is the last line of a log. */
const record = action({
  kind: 'record',
  id: (path: string) => path,
  run: async (host, path) => void (await host.run(sh`sleep 0.2; cat ${path} >>/var/log/killed-runs.log`)),
});

/** A change with an action that is due after it, which is done although runs die before, during and after it. */
export default playbook(
  site.play('lb', ({ vars }) => {
    const watched = file({ path: '/etc/killed-runs.conf', content: `port ${vars.http_port}\n` });
    return [watched, onChange(watched, record('/etc/killed-runs.conf'))];
  }),
);
