import { ProvisionError } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import type { Connection } from './connection.ts';

// Output of a script is bounded; a part of this size fits into it also as base64.
const partBytes = 128 * 1024;

/**
 * Content of a regular file as UTF-8, or undefined when it is absent, no regular file (links included), or longer than `maxBytes`.
 * @throws ProvisionError `COMMAND_FAILED` when it cannot be read, or changes while it is read
 */
export async function readFile(
  connection: Connection,
  path: string,
  maxBytes: number,
): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  do {
    const part = await readPart(connection, path, parts.length, maxBytes);
    if (part === undefined) return undefined;
    size = part.size;
    parts.push(part.bytes);
  } while (parts.length * partBytes < size);
  const content = Buffer.concat(parts);
  if (content.byteLength !== size) throw unreadable(path, 'it changed while it was read');
  return content.toString('utf8');
}

async function readPart(connection: Connection, path: string, index: number, maxBytes: number) {
  const script = sh`file=${path}
[ -f "$file" ] && [ ! -L "$file" ] || exit 4
size=$(wc -c <"$file") || exit
[ "$size" -le ${maxBytes} ] || exit 4
echo "$size"
tail -c +${index * partBytes + 1} -- "$file" | head -c ${partBytes} | base64`;
  const output = await connection.execute(script, { doing: `reading ${path}`, timeoutMs: 60_000 });
  if (output.code === 4) return undefined;
  const [size = '', ...lines] = output.stdout.split('\n');
  if (output.code !== 0 || !/^ *\d{1,15}$/.test(size))
    throw unreadable(path, output.stderr.trim().slice(0, 500));
  return { size: Number(size), bytes: Buffer.from(lines.join(''), 'base64') };
}

function unreadable(path: string, why: string): ProvisionError {
  return new ProvisionError({ code: 'COMMAND_FAILED', happened: `reading ${path} failed: ${why}` });
}
