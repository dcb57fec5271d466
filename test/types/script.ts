// Compiled, never run: each @ts-expect-error is a mistake that must not compile.
import { quote, Script, Secret, sh, type Host, type ReadHost } from 'provision';

declare const host: Host;
declare const reading: ReadHost;
declare const password: Secret;
const name = "it's";

void host.run(sh`systemctl restart -- ${name}`, { stdin: password });
void reading.probe(sh`test -e ${['/a', '/b']} && ${sh`true`}`);

// @ts-expect-error a string could hold anything: only sh`…` quotes
void host.run(`systemctl restart ${name}`);

// @ts-expect-error the same for what only reads
void reading.probe('id');

// @ts-expect-error a secret would be seen in the list of processes: it goes over stdin
sh`login --password ${password}`;

// @ts-expect-error the same in a list
sh`login ${['--password', password]}`;

// @ts-expect-error an object is no word
sh`echo ${{ name }}`;

// @ts-expect-error nothing is no word
sh`echo ${undefined}`;

// @ts-expect-error only sh`…` makes a script
new Script('rm -rf /');

// @ts-expect-error a secret is no text
quote(password);

// @ts-expect-error a mode is text: 0644 the number is 420
void host.writeFile('/a', 'x', { mode: 0o644 });
