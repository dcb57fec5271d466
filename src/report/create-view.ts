import { createChangeRenderer } from './changes.ts';
import { createStyle } from './style.ts';
import type { View } from './view.ts';

/** What every view for people is given, for one stream. */
export async function createView(
  options: Pick<View, 'verbosity' | 'showDiff' | 'folder'> & { readonly unicode: boolean },
  color: boolean,
): Promise<View> {
  const { unicode, verbosity, showDiff, folder } = options;
  const style = createStyle({ color, unicode });
  const renderChanges = await createChangeRenderer({ showDiff, style });
  return { style, verbosity, showDiff, folder, renderChanges };
}
