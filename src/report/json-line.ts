import { mapTexts } from './map-texts.ts';
import { maskText } from './mask.ts';

/**
 * Plain data as one line of JSON, without the line break: every text in it masked, nothing in it that steers a terminal.
 * @param longest characters of one text; what is beyond is cut off, after masking
 * @example
 * jsonLine({ event: 'notice', level: 'info', text: 'hello' });
 */
export function jsonLine(value: object, longest = Number.POSITIVE_INFINITY): string {
  const clean = (text: string) => {
    const masked = maskText(text);
    if (masked.length <= longest) return masked;
    return `${masked.slice(0, longest)}… (${masked.length - longest} more characters)`;
  };
  // JSON leaves some characters as they are that steer a terminal or turn the direction of writing.
  return JSON.stringify(mapTexts(value, clean)).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
