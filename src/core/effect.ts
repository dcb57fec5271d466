/** What a change entails beyond the value itself, such as a service that is down for a moment. */
export interface Effect {
  readonly type: EffectType;
  /** What it happens to: `container rancher`, `nginx`. */
  readonly what: string;
}

/** The verbs of effects; `run` is any other action. */
export const effectTypes = [
  'download',
  'install',
  'start',
  'stop',
  'restart',
  'reload',
  'replace',
  'run',
] as const;

export type EffectType = (typeof effectTypes)[number];

/** The effect of an action, by its kind: `reload nginx` reloads nginx. */
export function effectOfAction({ kind, id }: { readonly kind: string; readonly id: string }): Effect {
  const type = effectTypes.find((known) => known === kind);
  return type ? { type, what: id.slice(kind.length + 1) } : { type: 'run', what: id };
}
