import { expect, it } from 'vitest';
import { parseInventory } from './parse-inventory.ts';
import { secretVariables } from './secret-variables.ts';

it('S06: finds every variable that the inventory names as a secret, wherever it stands', () => {
  const text = `all:
  vars: { become_password: { env: SUDO }, env: production }
web:
  hosts:
    a: { password: { env: SSH_OF_A }, token: { env: TOKEN_OF_A }, vars: { mirrors: [{ token: { env: IN_LIST } }] } }
  vars:
    registry: { password: { env: REGISTRY }, url: r.example.com }
    settings: { env: staging, more: 1 }
    path: { env: PATH }
`;
  expect([...secretVariables(parseInventory(text, 'i.yaml'))].sort()).toEqual(
    ['IN_LIST', 'REGISTRY', 'SSH_OF_A', 'SUDO', 'TOKEN_OF_A'].sort(),
  );
});
