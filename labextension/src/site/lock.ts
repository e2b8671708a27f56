/**
 * Reads the published packages from the lock of a site's Pyodide.
 */

/** A package that was published to the site. */
export interface IPublished {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  /** When it was published, in milliseconds since 1970. */
  readonly time: number;
  /** The most likely name to import. */
  readonly module: string;
}

interface IEntry {
  name: string;
  version: string;
  sha256: string;
  imports: string[];
  tool?: { wasmwheel?: { published: string; size: number } };
}

/** Return the packages in a lock that jupyter-wasmwheel published, by name. */
export function published(lock: { packages: Record<string, IEntry> }): IPublished[] {
  return Object.values(lock.packages)
    .flatMap(entry => {
      const ours = entry.tool?.wasmwheel;
      return ours ? [{ ...row(entry), size: ours.size, time: Date.parse(ours.published) }] : [];
    })
    .sort((one, other) => one.name.localeCompare(other.name));
}

function row(entry: IEntry): Pick<IPublished, 'name' | 'version' | 'sha256' | 'module'> {
  const { name, version, sha256 } = entry;
  const wanted = name.toLowerCase().replace(/[-.]/g, '_');
  const open = entry.imports.filter(each => !each.startsWith('_'));
  const module = open.find(each => each.toLowerCase() === wanted) ?? open[0] ?? wanted;
  return { name, version, sha256, module };
}
