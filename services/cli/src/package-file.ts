/** A file of this package, from the build as from the bundle: both have their programs one folder below the package. */
export function packageFile(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}
