import type { RunEvent } from '../core/event.ts';
import { mapTexts } from './map-texts.ts';
import { maskText } from './mask.ts';
import { sanitize, toAscii } from './sanitize.ts';

/** An event with every text in it fit to be shown. */
export function cleanEvent<E extends RunEvent>(event: E, unicode: boolean): E {
  return mapTexts(event, cleaner(unicode));
}

/** Masked before anything is cut or wrapped: half a secret is not found any more. */
export function cleaner(unicode: boolean): (text: string) => string {
  return (text) => {
    const clean = sanitize(maskText(text));
    return unicode ? clean : toAscii(clean);
  };
}
