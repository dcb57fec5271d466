/**
 * What a host may say to harm whoever shows it, takes it for a template or a command, or parses it. Each is one value
 * under the name of what it tries.
 * @example
 * for (const text of Object.values(hostileText)) host.answer('hostname', text);
 */
export const hostileText = {
  clearScreen: '\u001b[2J\u001b[1;1H',
  colour: '\u001b[31mred\u001b[0m',
  title: '\u001b]0;owned\u0007',
  hyperlink: '\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u001b\\',
  clipboard: '\u001b]52;c;cm0gLXJmIC8=\u0007',
  deviceControl: '\u001bP$q"p\u001b\\',
  c1Control: '\u009b31mred\u009b0m',
  overwrite: 'failed\rall is well',
  backspaces: 'failed\b\b\b\b\b\bok    ',
  bell: 'ding\u0007',
  bidirectional: 'user\u202e \u2066// admin\u2069 \u2066',
  zeroWidth: 'ad\u200bmin\ufeff',
  nul: 'a\0b',
  loneSurrogate: 'a\ud800b',
  mustache: '{{vars.password}}{{{vars.password}}}{{#a}}{{/a}}',
  literalPattern: '${process.env.HOME}',
  erb: '<%= `id` %>',
  jinja: "{% raw %}{{ lookup('pipe', 'id') }}{% endraw %}",
  commandSubstitution: '$(touch /tmp/owned)`touch /tmp/owned`',
  shellEscape: "'; touch /tmp/owned; echo '",
  option: '-oProxyCommand=touch /tmp/owned',
  sudoPrompt: '[sudo] password for deploy: ',
  loginPrompt: 'Password: ',
  passphrasePrompt: "Enter passphrase for key '/root/.ssh/id_ed25519': ",
  prototype: '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  longLine: 'x'.repeat(1_000_000),
  manyLines: '\n'.repeat(100_000),
} as const satisfies Record<string, string>;
