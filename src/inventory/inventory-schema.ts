import type { Json } from '../core/change.ts';
import type { FieldMap } from '../core/field.ts';
import type { GroupMap } from '../core/play.ts';
import { settings, type Setting } from './connection-settings.ts';

/**
 * JSON Schema of an inventory for a playbook's groups: with it, editors complete and check the YAML while it is written.
 * @example
 * // In the first line of the inventory: # yaml-language-server: $schema=inventory.schema.json
 * JSON.stringify(inventorySchema(playbook.groups));
 * @see https://json-schema.org/draft/2020-12
 */
export function inventorySchema(groups: GroupMap): Json {
  const names = Object.keys(groups);
  // Other groups only order hosts; what they say may be meant for any group of the playbook.
  const everything = Object.assign({}, ...Object.values(groups)) as FieldMap;
  const byName = {
    properties: Object.fromEntries(names.map((name): [string, Json] => [name, reference(`group-${name}`)])),
    additionalProperties: reference('group'),
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `Inventory with the groups ${names.join(', ')}`,
    type: 'object',
    ...byName,
    properties: {
      playbook: { type: 'string', description: 'Path of the playbook in TypeScript, from here.' },
      age_identity: {
        type: 'string',
        description: 'Path of the identity file that opens secrets encrypted by age.',
      },
      ...byName.properties,
    },
    $defs: {
      group: groupSchema(everything),
      children: orNothing({ type: 'object', ...byName }),
      ...Object.fromEntries(names.map((name) => [`group-${name}`, groupSchema(groups[name]!)])),
    },
  };
}

function groupSchema(fields: FieldMap): Json {
  const connection = Object.fromEntries(settingSchemas());
  const own = Object.fromEntries(
    Object.entries(fields).map(([name, { schema }]): [string, Json] => [name, schema]),
  );
  const vars = orNothing(closed({ ...connection, ...own }));
  // Beside the name of a host a word such as `key` is always about the connection.
  const host = orNothing(closed({ ...own, ...connection, vars }));
  return orNothing(
    closed({
      hosts: orNothing({ type: 'object', additionalProperties: host }),
      vars,
      children: reference('children'),
    }),
  );
}

function settingSchemas(): [string, Json][] {
  return Object.values<Setting>(settings).flatMap(({ plain, ansible, field }) =>
    [...(plain === undefined ? [] : [plain]), ...ansible].map((name): [string, Json] => [name, field.schema]),
  );
}

function closed(properties: { readonly [name: string]: Json }): Json {
  return { type: 'object', properties, additionalProperties: false };
}

function orNothing(schema: Json): Json {
  return { anyOf: [schema, { type: 'null' }] };
}

function reference(name: string): Json {
  return { $ref: `#/$defs/${name}` };
}
