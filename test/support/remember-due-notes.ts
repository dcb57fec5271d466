import type { MemoryHost } from '../../src/host/memory-host.ts';

/** Lets a host in memory remember the notes of due actions, as a real one does. */
export function rememberDueNotes<H extends MemoryHost>(
  host: H,
  { notes = new Set<string>(), onRemove = () => {} }: { notes?: Set<string>; onRemove?: () => void } = {},
): H {
  const namesIn = (script: string) => [...script.matchAll(/\b[0-9a-f]{16}\b/g)].map(([name]) => name);
  host.answer(/^cd \/var\/lib\/provision\/due /, () => [...notes].map((name) => `${name}\n`).join(''));
  host.answer(/^mkdir .*\/due /, (script) => {
    for (const name of namesIn(script)) notes.add(name);
    return '';
  });
  host.answer(/^rm -f .*\/due\//, (script) => {
    onRemove();
    for (const name of namesIn(script)) notes.delete(name);
    return '';
  });
  return host;
}
