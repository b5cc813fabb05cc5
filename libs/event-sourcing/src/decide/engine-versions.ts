/**
 * The versions of a calculation. An event names the version that decided it, and is decided again, or computed again,
 * under that version alone. A changed rule is a new version beside the old ones, never an edit of one.
 */
export interface EngineVersions<Engine> {
  /** The version of new decisions. */
  readonly newest: number;
  /** @throws {EngineUnknown} */
  of(version: number): Engine;
}

/** A newer build decided the event. */
export class EngineUnknown extends Error {
  readonly code = 'EngineUnknown';
  constructor(calculation: string, version: number, known: readonly number[]) {
    super(
      `version ${version} of the ${calculation} calculation is not in this build, which has ${known.join(', ')}; run the version of the program that wrote this log, or a later one`,
    );
  }
}

/** @param calculation its name in messages. @param engines by version, from 1 */
export function engineVersions<Engine>(
  calculation: string,
  engines: Readonly<Record<number, Engine>>,
): EngineVersions<Engine> {
  const byVersion = new Map(Object.entries(engines).map(([version, engine]) => [Number(version), engine]));
  const known = [...byVersion.keys()];
  return {
    newest: Math.max(...known),
    of(version) {
      const engine = byVersion.get(version);
      if (engine === undefined) throw new EngineUnknown(calculation, version, known);
      return engine;
    },
  };
}
